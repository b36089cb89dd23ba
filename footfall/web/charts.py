"""Pictures of numbers, drawn here as SVG: no script draws them, and no style attribute is in them.

Colours and sizes of text are the style sheet's, by class. Across, everything is in percent, so that
a chart is as wide as its place while its text keeps its size, which a scaled viewBox would shrink
on a phone to what nobody can read; lines, which know no percent, lie in a picture of their own that is stretched.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import NamedTuple

from markupsafe import Markup

from footfall.reports import texts
from footfall.reports.metrics import Number
from footfall.reports.texts import SHARES, TIMES

HEIGHT = 240
TOP = 14
BOTTOM = 24
#: The floor of the plot.
FLOOR = HEIGHT - BOTTOM
MAX_LABELS = 7
#: Height of the part of a step, around its number, that leads to the events behind it.
TARGET = 24
#: Width in pixels of a digit of the axis.
DIGIT = 8
#: Width of the picture in which lines lie.
ACROSS = 1000


class Point(NamedTuple):
    """A step in time.

    :param label: such as ``Sun 17 May 2015``.
    :param short: such as ``17 May``.
    :param since: its first day; ``until`` its last.
    :param number: nothing where there is none.
    :param other: of the range compared with.
    :param begun: whether it has begun.
    :param begin: its begin, as the engine names it.
    :param url: of the events behind the number; empty if there are none to be seen.
    :param other_url: of those behind the other one.
    """

    label: str
    short: str
    since: date
    until: date
    number: Number
    other: Number
    begun: bool = True
    begin: date | None = None
    url: str = ""
    other_url: str = ""

    def says(self, metric: str, against: str) -> str:
        """Return it in words.

        :param against: what it is compared with; empty if with nothing.
        """
        now = texts.number(metric, self.number) if self.begun else "not yet"
        then = f" ({against}: {texts.number(metric, self.other)})" if against else ""
        return f"{self.label}: {now} {texts.name_of(metric)}{then}"


class Note(NamedTuple):
    """What happened on a day."""

    day: date
    text: str


def over_time(points: Sequence[Point], metric: str, *, against: str = "", notes: Iterable[Note] = (),
              unfinished: bool = False) -> Markup:
    """Return a metric over time, as two SVG elements side by side: the axis and the lines.

    :param against: what it is compared with, in words; empty if with nothing.
    :param unfinished: the last step that has begun is not over.
    """
    numbers = [number or 0 for point in points for number in (point.number, point.other if against else 0)]
    unit, unit_label = _unit(metric, max(numbers, default=0))
    marks = ticks(max(numbers, default=0) / unit)
    y = _scale(marks[-1] * unit)
    axis = [(y(mark * unit), unit_label(mark)) for mark in marks]
    return Markup('<div class="chart">{}{}</div>').format(
        _axis(axis), _plot(points, metric, y, axis, against=against, notes=notes, unfinished=unfinished))


def ticks(highest: float, at_most: int = 5) -> list[int]:
    """Return round numbers from 0 up to or above ``highest``: steps of 1, 2 or 5 times a power of ten.

    >>> ticks(34)
    [0, 10, 20, 30, 40]
    """
    steps = (factor * 10**power for power in itertools.count() for factor in (1, 2, 5))
    step = next(step for step in steps if step * at_most >= highest)
    return list(range(0, max(int(-(-highest // step)), 1) * step + 1, step))


def labelled(count: int) -> range:
    """Return which of so many steps get a label, at even distances and none at an edge if others lie between."""
    every = -(-count // MAX_LABELS)
    return range(every // 2, count, max(every, 1))


def share(number: Number, whole: Number) -> Markup:
    """Return a bar as wide as a number's share of a whole, to lie behind a row of a table."""
    percent = 100 * (number or 0) / whole if whole else 0
    return Markup('<svg class="share" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">'
                  '<rect width="{:.4g}" height="1"/></svg>').format(percent)


def spark(numbers: Sequence[int]) -> Markup:
    """Return a small line of numbers, without an axis."""
    highest, width = max(numbers, default=0) or 1, max(len(numbers) - 1, 1)
    line = " ".join(f"{place * 100 / width:.1f},{38 - 36 * number / highest:.1f}"
                    for place, number in enumerate(numbers))
    return Markup('<svg class="spark" viewBox="0 0 100 40" preserveAspectRatio="none" aria-hidden="true">'
                  '<polygon class="area" points="0,40 {0} 100,40"/><polyline class="now" points="{0}"/></svg>').format(
                      line)


def long_day(day: date) -> str:
    """Return a day such as ``Sun 17 May 2015``."""
    return f"{day:%a} {short_day(day)} {day.year}"


def short_day(day: date) -> str:
    """Return a day without its year, such as ``17 May``."""
    return f"{day.day} {day:%b}"


def _unit(metric: str, highest: float) -> tuple[float, Callable[[int], str]]:
    """Return in what an axis is marked, as a number of the metric, and how a mark is written."""
    if metric in SHARES:
        return 0.01, "{}%".format
    if metric in TIMES:
        second = TIMES[metric]
        seconds, letter = next(((long, letter) for long, letter in ((3600, "h"), (60, "m"))
                                if highest >= 2 * long * second), (1, "s"))
        return seconds * second, lambda mark: f"{mark:,}{letter}"
    if metric == "views_per_visit" and highest < 5:
        return 0.1, lambda mark: f"{mark / 10:g}"
    return 1, "{:,}".format


def _scale(top: float) -> Callable[[Number], float]:
    return lambda number: FLOOR - (FLOOR - TOP) * (number or 0) / top


def _axis(marks: list[tuple[float, str]]) -> Markup:
    width = DIGIT * max(len(text) for _, text in marks) + 6
    drawn = Markup("").join(
        Markup('<text x="{}" y="{:.1f}" dy="0.32em" text-anchor="end">{}</text>').format(width - 6, y, text)
        for y, text in marks)
    return Markup('<svg class="axis" width="{}" height="{}" aria-hidden="true">{}</svg>').format(width, HEIGHT, drawn)


def _plot(points: Sequence[Point], metric: str, y: Callable[[Number], float], axis: list[tuple[float, str]], *,
          against: str, notes: Iterable[Note], unfinished: bool) -> Markup:
    slot = 100 / max(len(points), 1)
    grid = Markup("").join(
        Markup('<line class="{}" x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>').format(
            "base" if place == FLOOR else "grid", y=place) for place, _ in axis)
    now = [(point.number if point.begun else None) for point in points]
    lines = Markup('<svg class="inner" width="100%" height="{}" viewBox="0 0 {} {}" preserveAspectRatio="none" '
                   'aria-hidden="true">{}{}{}</svg>').format(
        HEIGHT, ACROSS, HEIGHT, _area(now, y),
        _line("then", [point.other for point in points], y) if against else "", _now(now, y, unfinished=unfinished))
    dots = Markup("").join(
        Markup('<circle class="dot" cx="{:.3f}%" cy="{:.1f}" r="3"/>').format((run[0][0] + 0.5) * slot, y(run[0][1]))
        for run in _runs(now) if len(run) == 1)
    labels = Markup("").join(
        Markup('<text x="{:.3f}%" y="{}" text-anchor="middle">{}</text>').format(
            (index + 0.5) * slot, HEIGHT - 6, points[index].short) for index in labelled(len(points)))
    # The whole height answers to the pointer.
    steps = Markup("").join(
        Markup('<g class="step" data-since="{}" data-until="{}"><title>{}</title>'
               '<rect x="{:.3f}%" width="{:.3f}%" height="{}"/>{}</g>').format(
            point.since, point.until, point.says(metric, against), index * slot, slot, FLOOR,
            _target(point, index * slot, slot, y)) for index, point in enumerate(points))
    # A picture may hold no links. What is in it is in words above and in the table below.
    return Markup('<svg class="plot" width="100%" height="{}" role="group" aria-label="{}" data-metric="{}">'
                  '<g aria-hidden="true">{}{}{}{}{}{}</g></svg>').format(
                      HEIGHT, _summary(points, metric), metric, grid, lines, dots, labels, steps,
                      _notes(points, notes, slot))


def _target(point: Point, x: float, width: float, y: Callable[[Number], float]) -> Markup:
    """Return what leads from a point to the events behind it.

    It is for the pointer. With the keyboard one would have to pass them all: there the table below has the same links,
    and the script a key.
    """
    if not point.url:
        return Markup("")
    top = min(max(y(point.number) - TARGET / 2, 0), FLOOR - TARGET)
    return Markup('<a href="{}" tabindex="-1"><rect class="target" x="{:.3f}%" width="{:.3f}%" y="{:.1f}" '
                  'height="{}"/></a>').format(point.url, x, width, top, TARGET)


def _area(numbers: Sequence[Number], y: Callable[[Number], float]) -> Markup:
    """Return what lies under a line."""
    count = len(numbers)
    return Markup("").join(
        Markup('<path class="area" d="M{:.1f} {}{}V{}z"/>').format(
            _x(run[0][0], count), FLOOR, _steps(run, count, y, "L"), FLOOR) for run in _runs(numbers) if len(run) > 1)


def _now(numbers: Sequence[Number], y: Callable[[Number], float], *, unfinished: bool) -> Markup:
    """Return a line whose end is another if it may still rise."""
    last = max((place for place, number in enumerate(numbers) if number is not None), default=0)
    if not unfinished or not last or numbers[last - 1] is None:
        return _line("now", numbers, y)
    over = [number if place < last else None for place, number in enumerate(numbers)]
    open_end = [number if place >= last - 1 else None for place, number in enumerate(numbers)]
    return _line("now", over, y) + _line("unfinished", open_end, y)


def _line(name: str, numbers: Sequence[Number], y: Callable[[Number], float]) -> Markup:
    path = "".join(_steps(run, len(numbers), y, "M") for run in _runs(numbers) if len(run) > 1)
    return Markup('<path class="{}" d="{}"/>').format(name, path) if path else Markup("")


def _steps(run: Sequence[tuple[int, Number]], count: int, y: Callable[[Number], float], first: str) -> str:
    return "".join(f"{'L' if place else first}{_x(index, count):.1f} {y(number):.1f}"
                   for place, (index, number) in enumerate(run))


def _x(index: int, count: int) -> float:
    return (index + 0.5) * ACROSS / count


def _runs(numbers: Sequence[Number]) -> list[list[tuple[int, Number]]]:
    """Return the numbers that follow one another, with their places: a line has a gap where there is none."""
    grouped = itertools.groupby(enumerate(numbers), key=lambda pair: pair[1] is not None)
    return [list(run) for is_there, run in grouped if is_there]


def _notes(points: Sequence[Point], notes: Iterable[Note], slot: float) -> Markup:
    return Markup("").join(
        Markup('<g><title>{}: {}</title><line class="mark" x1="{x:.3f}%" x2="{x:.3f}%" y1="{}" y2="{}"/>'
               '<circle class="flag" cx="{x:.3f}%" cy="{}" r="4"/></g>').format(
            long_day(note.day), note.text, TOP - 8, FLOOR, TOP - 8, x=(index + 0.5) * slot)
        for note in notes
        for index in [next((place for place, point in enumerate(points) if point.since <= note.day <= point.until), -1)]
        if index >= 0)


def _summary(points: Sequence[Point], metric: str) -> str:
    name = texts.name_of(metric)
    told = [point for point in points if point.number is not None and point.begun]
    if not told:
        return f"Chart of {name} over time: nothing to show"
    most = max(told, key=lambda point: point.number or 0)
    return (f"Chart of {name} over time, {points[0].label} to {points[-1].label}: "
            f"most {most.label} with {texts.number(metric, most.number)}")
