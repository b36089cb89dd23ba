"""Numbers, values and rows as text that is read: at a Python prompt, in a terminal.

What a stranger wrote, in an address or a title, is shown as it is only where it can be seen: control characters would
command the terminal, and others turn the direction of writing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date, datetime

from footfall.reports.metrics import Number

#: Metrics that are shares, told in percent.
SHARES = ("bounce_rate", "conversion_rate", "exit_rate")
#: Metrics that are times, each with what one second is in it.
TIMES = {"visit_duration": 1, "engaged_time": 1000}
#: What stands where there is no number.
NOTHING = "-"


def number(metric: str, value: Number) -> str:
    """Return a metric's number as it is read.

    >>> number("views", 12345), number("bounce_rate", 0.4251), number("visit_duration", 133.2)
    ('12,345', '42.5%', '2m 13s')
    """
    if value is None:
        return NOTHING
    if metric in SHARES:
        return f"{value:.1%}"
    if metric in TIMES:
        return duration(value / TIMES[metric])
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def duration(seconds: float) -> str:
    """Return a time such as ``42s``, ``2m 13s`` or ``1h 05m``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes}m {rest:02}s" if minutes < 60 else f"{minutes // 60:,}h {minutes % 60:02}m"


def change(metric: str, value: Number, before: Number) -> str:
    """Return how a number has changed: in percent, of a share in percentage points; nothing if that cannot be told.

    >>> change("views", 112, 100), change("bounce_rate", 0.4, 0.425), change("views", 3, 0)
    ('+12%', '-2.5 pp', '')
    """
    if value is None or before is None:
        return ""
    if metric in SHARES:
        return _signed(f"{100 * (value - before):+.1f} pp")
    if not before:
        return "" if value else "0%"
    return _signed(f"{(value - before) / before:+,.0%}")


def _signed(text: str) -> str:
    """Return a change without its sign where it rounds to none."""
    return text if re.search("[1-9]", text) else text[1:]


def name_of(metric: str) -> str:
    """Return a metric's name as it is read: ``views per visit``."""
    return metric.replace("_", " ")


def value(found: str | date) -> str:
    """Return a dimension's value as text: dates and times in ISO's form, times to the minute."""
    if isinstance(found, datetime):
        return found.isoformat(timespec="minutes")
    return found.isoformat() if isinstance(found, date) else found


def visible(text: str) -> str:
    """Return a text with what cannot be seen written as Python writes it.

    >>> print(visible("page\\x1b[31m"))
    page\\x1b[31m
    """
    return text if text.isprintable() else "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def width(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1
               for each in text)


def fitted(text: str, columns: int) -> str:
    """Return a text in so many columns, cut with ``…`` or filled with spaces."""
    if width(text) > columns:
        while width(text) > columns - 1:
            text = text[:-1]
        text += "…"
    return text + " " * (columns - width(text))


def aligned(header: Sequence[str], rows: Iterable[Sequence[str]], *, left: int) -> str:
    """Return a table with columns as wide as what is in them.

    :param left: so many columns begin at the left, the others end at the right.
    """
    table = [header, *rows]
    widths = [max(map(width, column)) for column in zip(*table, strict=True)]
    return "\n".join("  ".join(
        fitted(cell, columns) if place < left else " " * (columns - width(cell)) + cell
        for place, (cell, columns) in enumerate(zip(row, widths, strict=True))).rstrip() for row in table)
