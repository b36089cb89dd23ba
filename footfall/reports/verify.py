"""The proof that the reports' numbers are those of the stored events: two that share nothing are asked the same.

The engine answers from what was prepared (facts, columns, a cache), :mod:`footfall.reports.plain` by counting the
events in the store. :func:`verify` asks both all of :data:`~footfall.reports.questions.QUESTIONS` and tells where they
differ: whole numbers must be the same, and so must ratios, to the last bit, and the same rows must be there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from datetime import time as clock
from typing import Any, NamedTuple

from footfall.reports import plain
from footfall.reports.plain import PlainEvent
from footfall.reports.plain.answers import Number, Row, Values
from footfall.reports.questions import QUESTIONS, Asked, Funnel, Live, Paths, Question, Retention, filled
from footfall.retention import DAY_TICKS, retention_of
from footfall.storage import Store

#: Answers a question about an account and the range between two moments: rows of values and numbers, in order.
Engine = Callable[[str, Asked, date | datetime, date | datetime], list[Row]]
Numbers = tuple[Number, ...]
#: What differs where it is no metric: whether a row is there once, and in which place.
ROW, PLACE = "row", "place"
MISSING = "missing"


class Told(NamedTuple):
    """What the store tells of a range.

    :param events: of its days, and as many around them as their visits take.
    :param seen: the visitors of earlier events.
    """

    events: list[PlainEvent]
    seen: set[int]


class Difference(NamedTuple):
    """A number that the two do not agree on.

    :param values: of the row, times as text.
    :param what: the metric; ``row`` if one has no such row, or several; ``place`` if it stands elsewhere.
    """

    question: Asked
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

    question: Asked
    rows: int
    numbers: int
    differences: list[Difference]


def verify(engine: Engine, store: Store, account: str, since: date, until: date,
           questions: Sequence[Asked] = QUESTIONS, retention: int = 0) -> Iterator[Compared]:
    """Ask an engine and the plain path the same questions of an account's events, and yield what each comparison found.

    :param since: the first day; ``until``: the day after the last. They are days of each question's time zone.
    :param retention: as :class:`~footfall.reports.cache.FactsCache` takes it.
    :raises StoreUnavailable: the store did not answer.

    Where the two differ while events come in, or leave, the events are read and both are asked once more.
    """
    told = _read(store, account, since, until, retention)
    for question in questions:
        compared = _compare(engine, account, question, told, since, until)
        if compared.differences and (now := _read(store, account, since, until, retention)) != told:
            told = now
            compared = _compare(engine, account, question, told, since, until)
        yield compared


def by_events(asked: Asked, told: Told, since: date | datetime, until: date | datetime) -> list[Row]:
    """Return what the events say to a question."""
    match asked:
        case Question():
            return plain.answer(told.events, metrics=asked.metrics, since=since, until=until, by=asked.by,
                                where=asked.where, tz=asked.tz, goal=asked.goal)
        case Funnel():
            steps = plain.funnel(told.events, asked.steps, since=since, until=until, within=asked.within,
                                 where=asked.where, tz=asked.tz)
            return [((number,), tuple(step)) for number, step in enumerate(steps, 1)]
        case Retention():
            cohorts = plain.retention(told.events, period=asked.period, since=since, until=until, tz=asked.tz,
                                      seen=told.seen)
            return [((cohort.period, later), (count,)) for cohort in cohorts
                    for later, count in enumerate(cohort.counts)]
        case Paths():
            found = plain.paths(told.events, asked.page, since=since, until=until, where=asked.where, tz=asked.tz)
            return [((side, page), (count,)) for side, pages in found._asdict().items()
                    for page, count in sorted(pages.items(), key=lambda row: (-row[1], row[0] is None, row[0] or ""))]
        case Live():
            return [((), (plain.live(told.events, asked.now),))]


def differences(question: Asked, engine: Sequence[Row], by_events: Sequence[Row]) -> list[Difference]:
    """Return what the engine's rows say otherwise than those that were counted from the events.

    The order is looked at where all else is the same: it is made of the numbers.
    """
    theirs, ours = _by_values(engine), _by_values(by_events)
    found: list[Difference] = []
    for values in dict.fromkeys((*ours, *theirs)):
        if values in theirs and values in ours:
            found += _in_row(question, values, theirs[values], ours[values][0])
        else:
            found.append(Difference(question, values, ROW, theirs.get(values, MISSING), ours.get(values, MISSING)))
    return found or _in_order(question, list(theirs), list(ours))


def _read(store: Store, account: str, since: date, until: date, retention: int) -> Told:
    """Read what questions about a range of days take, but for what is kept no longer, where that leaves by itself."""
    events = plain.read(store, account, since, until)
    days = retention_of(store, retention).days(account) if store.by_ttl else 0
    over = time.time_ns() // 100 - days * DAY_TICKS if days else 0
    seen = plain.visitors_before(store, account, since - timedelta(days=1), over)
    return Told([event for event in events if event.ticks >= over], seen)


def _in_row(question: Asked, values: Values, theirs: Sequence[Numbers], ours: Numbers) -> Iterator[Difference]:
    if len(theirs) > 1:
        yield Difference(question, values, ROW, theirs, [ours])
    for metric, number, right in zip(question.metrics, theirs[0], ours, strict=True):
        if number != right:
            yield Difference(question, values, metric, number, right)


def _in_order(question: Asked, theirs: Sequence[Values], ours: Sequence[Values]) -> list[Difference]:
    """Return the first row that stands elsewhere, if there is one."""
    return [Difference(question, values, PLACE, number, ours.index(values) + 1)
            for number, values in enumerate(theirs, 1) if ours[number - 1] != values][:1]


def _compare(engine: Engine, account: str, question: Asked, told: Told, since: date, until: date) -> Compared:
    asked = filled(question, told.events)
    start, end = _bounds(asked, since, until)
    expected = by_events(asked, told, start, end)
    found = engine(account, asked, start, end)
    return Compared(asked, len(expected), len(expected) * len(asked.metrics), differences(asked, found, expected))


def _bounds(question: Asked, since: date, until: date) -> tuple[date | datetime, date | datetime]:
    if not question.inset:
        return since, until
    return datetime.combine(since, clock()) + question.inset, datetime.combine(until, clock()) - question.inset


def _by_values(rows: Sequence[Row]) -> Mapping[Values, list[Numbers]]:
    """Return the metrics of rows by their values; of one that is there twice, both."""
    found: dict[Values, list[Numbers]] = {}
    for values, metrics in rows:
        # Hours of one clock time are equal to Python where they have the same zone: their text tells them apart.
        key = tuple(value.isoformat() if isinstance(value, date) else value for value in values)
        found.setdefault(key, []).append(tuple(metrics))
    return found
