"""Pictures of numbers, drawn here as SVG: no script draws them, and no style attribute is in them.

Colours and sizes of text are the style sheet's, by class. Across, everything is in percent, so that
a chart is as wide as its place while its text keeps its size, which a scaled viewBox would shrink
on a phone to what nobody can read.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import date

from markupsafe import Markup, escape

HEIGHT = 190
TOP = 8
BOTTOM = 24
MAX_LABELS = 7
#: Share of a day's width that its bar takes.
BAR = 0.72
#: Width in pixels of a digit of the axis.
DIGIT = 8


def by_day(rows: Sequence[tuple[date, int]], what: str = "views") -> Markup:
    """Return a bar chart of a number by day, as two SVG elements side by side: the axis and the bars.

    :param rows: the days in order, none left out, each with its number.
    :param what: what is counted, in the plural.
    """
    marks = ticks(max((number for _, number in rows), default=0))
    top = marks[-1]
    return Markup('<div class="chart">{}{}</div>').format(_axis(marks, top), _plot(rows, marks, top, what))


def ticks(highest: int, at_most: int = 5) -> list[int]:
    """Return round numbers from 0 up to or above ``highest``: steps of 1, 2 or 5 times a power of ten.

    >>> ticks(34)
    [0, 10, 20, 30, 40]
    """
    steps = (factor * 10**power for power in itertools.count() for factor in (1, 2, 5))
    step = next(step for step in steps if step * at_most >= highest)
    return list(range(0, max(-(-highest // step), 1) * step + 1, step))


def labelled(count: int) -> range:
    """Return which of so many days get a label, at even distances and none at an edge if others lie between."""
    every = -(-count // MAX_LABELS)
    return range(every // 2, count, max(every, 1))


def share(number: int, whole: int) -> Markup:
    """Return a bar as wide as a number's share of a whole, to lie behind a row of a table."""
    percent = 100 * number / whole if whole else 0
    return Markup('<svg class="share" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">'
                  '<rect width="{:.4g}" height="1"/></svg>').format(percent)


def long_day(day: date) -> str:
    """Return a day such as ``Sun 17 May 2015``."""
    return f"{day:%a} {short_day(day)} {day.year}"


def short_day(day: date) -> str:
    """Return a day without its year, such as ``17 May``."""
    return f"{day.day} {day:%b}"


def _axis(marks: list[int], top: int) -> Markup:
    width = DIGIT * len(f"{top:,}") + 6
    texts = Markup("").join(
        Markup('<text x="{}" y="{:.1f}" dy="0.32em" text-anchor="end">{}</text>').format(width - 6, _y(mark, top),
                                                                                         f"{mark:,}")
        for mark in marks)
    return Markup('<svg class="axis" width="{}" height="{}" aria-hidden="true">{}</svg>').format(width, HEIGHT, texts)


def _plot(rows: Sequence[tuple[date, int]], marks: list[int], top: int, what: str) -> Markup:
    lines = Markup("").join(
        Markup('<line class="{}" x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>').format(
            "grid" if mark else "base", y=_y(mark, top)) for mark in marks)
    days = Markup("").join(_day(index, len(rows), row, top, what) for index, row in enumerate(rows))
    labels = Markup("").join(
        Markup('<text x="{:.3f}%" y="{}" text-anchor="middle">{}</text>').format(
            (index + 0.5) * 100 / len(rows), HEIGHT - 6, short_day(rows[index][0])) for index in labelled(len(rows)))
    return Markup('<svg class="plot" width="100%" height="{}" role="img" aria-label="{}">{}{}{}</svg>').format(
        HEIGHT, _summary(rows, what), lines, days, labels)


def _day(index: int, count: int, row: tuple[date, int], top: int, what: str) -> Markup:
    day, number = row
    slot = 100 / count
    y = _y(number, top)
    # A day with any views at all must be seen to have some.
    height = max(HEIGHT - BOTTOM - y, 1.5) if number else 0
    place = Markup('x="{:.3f}%" width="{:.3f}%"').format((index + (1 - BAR) / 2) * slot, BAR * slot)
    bar = Markup('<rect class="bar" {} y="{:.1f}" height="{:.1f}" rx="2"/>').format(
        place, HEIGHT - BOTTOM - height, height)
    # The whole height answers to the pointer, so that small bars and empty days tell their number too.
    touch = Markup('<rect x="{:.3f}%" width="{:.3f}%" y="{}" height="{}" fill="none" pointer-events="all"/>').format(
        index * slot, slot, TOP, HEIGHT - BOTTOM - TOP)
    return Markup("<g><title>{}: {:,} {}</title>{}{}</g>").format(long_day(day), number, what, touch, bar)


def _y(number: int, top: int) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * number / top


def _summary(rows: Sequence[tuple[date, int]], what: str) -> Markup:
    if not rows:
        return escape(f"Bar chart of {what} by day: no days")
    most = max(rows, key=lambda row: row[1])
    return escape(f"Bar chart of {what} by day, {long_day(rows[0][0])} to {long_day(rows[-1][0])}: "
                  f"{sum(number for _, number in rows):,} in all, most on {long_day(most[0])} with {most[1]:,}")
