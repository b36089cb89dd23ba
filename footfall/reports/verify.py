"""The proof that the reports' numbers are those of the stored events: two that share nothing are asked the same.

The engine answers from what was prepared (facts, columns, a cache, SQL), :mod:`footfall.reports.plain` by counting the
events in the store. :func:`verify` asks both all of :data:`~footfall.reports.questions.QUESTIONS` and tells where they
differ: whole numbers must be the same, and so must ratios, to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any, NamedTuple

from footfall.reports import plain
from footfall.reports.plain import Filter, PlainEvent
from footfall.reports.plain.answers import Number, Row, Values, is_series, says_nothing
from footfall.reports.questions import QUESTIONS, Question, filled
from footfall.storage import Store

#: Answers a question: (account, metrics, since, until, by, where, tz, goal) to rows of values and metrics, in order.
Engine = Callable[[str, Sequence[str], date | datetime, date | datetime, Sequence[str], Filter | None, str,
                   Filter | None], list[Row]]
Numbers = tuple[Number, ...]
#: What differs where it is no metric: whether a row is there once, and in which place.
ROW, PLACE = "row", "place"
MISSING = "missing"


class Difference(NamedTuple):
    """A number that the two do not agree on.

    :param values: of the row, times as text.
    :param what: the metric; ``row`` if one has no such row, or several; ``place`` if it stands elsewhere.
    """

    question: Question
    values: Values
    what: str
    engine: Any
    plain: Any

    def __str__(self) -> str:
        row = f" ({', '.join(map(str, self.values))})" if self.values else ""
        return f"{self.question}:{row} {self.what} is {self.engine}, by the events {self.plain}"


class Compared(NamedTuple):
    """What was compared for one question.

    :param rows: how many; ``numbers``: in them.
    """

    question: Question
    rows: int
    numbers: int
    differences: list[Difference]


def verify(engine: Engine, store: Store, account: str, since: date, until: date,
           questions: Sequence[Question] = QUESTIONS) -> Iterator[Compared]:
    """Ask an engine and the plain path the same questions of an account's events, and yield what each comparison found.

    :param since: the first day; ``until``: the day after the last. They are days of each question's time zone.
    :raises StoreUnavailable: the store did not answer.

    Where the two differ while events come in, the events are read and both are asked once more.
    """
    events = plain.read(store, account, since, until)
    for question in questions:
        compared = _compare(engine, account, filled(question, events), events, since, until)
        if compared.differences and (now := plain.read(store, account, since, until)) != events:
            events = now
            compared = _compare(engine, account, filled(question, events), events, since, until)
        yield compared


def differences(question: Question, engine: Sequence[Row], by_events: Sequence[Row]) -> list[Difference]:
    """Return what the engine's rows say otherwise than those that were counted from the events.

    A row in which nothing was counted says no more than none, except in a series of times, which has all its rows.
    The order is looked at where all else is the same: it is made of the numbers.
    """
    theirs, ours = _by_values(engine), _by_values(by_events)
    found: list[Difference] = []
    for values in dict.fromkeys((*ours, *theirs)):
        if values in theirs and values in ours:
            found += _in_row(question, values, theirs[values], ours[values][0])
        elif is_series(question.by) or not says_nothing((theirs.get(values) or ours[values])[0]):
            found.append(Difference(question, values, ROW, theirs.get(values, MISSING), ours.get(values, MISSING)))
    return found or _in_order(question, [values for values in theirs if values in ours],
                              [values for values in ours if values in theirs])


def _in_row(question: Question, values: Values, theirs: Sequence[Numbers], ours: Numbers) -> Iterator[Difference]:
    if len(theirs) > 1:
        yield Difference(question, values, ROW, theirs, [ours])
    for metric, number, right in zip(question.metrics, theirs[0], ours, strict=True):
        if number != right:
            yield Difference(question, values, metric, number, right)


def _in_order(question: Question, theirs: Sequence[Values], ours: Sequence[Values]) -> list[Difference]:
    """Return the first row that stands elsewhere, if there is one."""
    return [Difference(question, values, PLACE, number, ours.index(values) + 1)
            for number, values in enumerate(theirs, 1) if ours[number - 1] != values][:1]


def _compare(engine: Engine, account: str, question: Question, events: Sequence[PlainEvent], since: date,
             until: date) -> Compared:
    start, end = _bounds(question, since, until)
    found = engine(account, question.metrics, start, end, question.by, question.where, question.tz, question.goal)
    expected = plain.answer(events, metrics=question.metrics, since=start, until=end, by=question.by,
                            where=question.where, tz=question.tz, goal=question.goal)
    return Compared(question, len(expected), len(expected) * len(question.metrics),
                    differences(question, found, expected))


def _bounds(question: Question, since: date, until: date) -> tuple[date | datetime, date | datetime]:
    if not question.inset:
        return since, until
    return datetime.combine(since, time()) + question.inset, datetime.combine(until, time()) - question.inset


def _by_values(rows: Sequence[Row]) -> Mapping[Values, list[Numbers]]:
    """Return the metrics of rows by their values; of one that is there twice, both."""
    found: dict[Values, list[Numbers]] = {}
    for values, metrics in rows:
        # Hours of one clock time are equal to Python where they have the same zone: their text tells them apart.
        key = tuple(value.isoformat() if isinstance(value, date) else value for value in values)
        found.setdefault(key, []).append(tuple(metrics))
    return found
