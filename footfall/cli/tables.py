"""Tables and lines of numbers, drawn with characters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from footfall.reports import texts

_EIGHTHS = " ▏▎▍▌▋▊▉"
_HEIGHTS = "▁▂▃▄▅▆▇█"
#: Columns that a bar takes at least and at most, and a value at least.
_BAR = (6, 30)
_VALUE = 10


class Row(NamedTuple):
    """A row of a table.

    :param value: what stands at its head.
    :param weight: how long its bar is beside those of the others.
    :param cells: its numbers, as text.
    """

    value: str
    weight: float
    cells: Sequence[str]


def counted(value: str, count: int) -> Row:
    """Return the row of a value that was counted."""
    return Row(value, count, (f"{count:,}",))


def table(title: str, names: Sequence[str], rows: Sequence[Row], width: int) -> str:
    """Return rows under a title as text, with a bar for each.

    :param names: of the columns of numbers.
    :param width: of the terminal, in characters.
    """
    if not rows:
        return f"{title}\n  none"
    cells = [names, *(row.cells for row in rows)]
    widths = [max(texts.width(cell) for cell in column) for column in zip(*cells, strict=True)]
    free = width - sum(columns + 2 for columns in widths) - 3
    bar = max(_BAR[0], min(_BAR[1], free // 3))
    value = max(_VALUE, free - bar)
    most = max(row.weight for row in rows)
    lines = [texts.fitted(title, value + 2) + _numbers(names, widths)]
    lines += [f"  {texts.fitted(texts.visible(row.value), value)}{_numbers(row.cells, widths)} "
              f"{_bar(row.weight, most, bar)}".rstrip() for row in rows]
    return "\n".join(lines)


def line(numbers: Sequence[float]) -> str:
    """Return numbers as one line of bars, of which the lowest stands for 0 alone.

    >>> line([0, 1, 50, 100])
    '▁▂▅█'
    """
    most = max(numbers, default=0)
    return "".join(_HEIGHTS[math.ceil(number / most * (len(_HEIGHTS) - 1)) if number else 0] for number in numbers)


def _numbers(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "".join(f"  {cell:>{columns}}" for cell, columns in zip(cells, widths, strict=True))


def _bar(weight: float, most: float, width: int) -> str:
    eighths = max(1, round(weight / most * width * 8)) if weight else 0
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()
