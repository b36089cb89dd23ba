"""Made-up traffic that looks like a blog's: for a first look at the pages, for tests and benchmarks.

The same plan gives the same events under the same names on every machine, so writing it again changes nothing. A
:class:`~footfall.transfer.demo.plan.Plan` says what is wanted; :func:`~footfall.transfer.demo.visits.day_events` makes
a day of it; :func:`write` stores it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import cast

from footfall.errors import UsageError
from footfall.packing import FILTERED, packed, with_steps
from footfall.pageview import Event
from footfall.retention import Retention, limited, retention_of
from footfall.retries import with_marks
from footfall.storage import Insert, Mutation, Store
from footfall.transfer.demo.plan import Plan
from footfall.transfer.demo.visits import day_events
from footfall.transfer.positions import Mark, apply_then

__all__ = ["Plan", "Written", "begin", "write"]

#: Events that are written at once.
BATCH = 4_000


@dataclass
class Written:
    """What was written: days, page-views and the bytes of their values, other events, and what is kept apart."""

    days: int = 0
    views: int = 0
    value_bytes: int = 0
    events: int = 0
    apart: int = 0

    def add(self, columns: Sequence[Mutation]) -> None:
        """Count the columns of a batch."""
        for column in cast(Sequence[Insert], columns):
            if column.family == "PageViews":
                self.views += 1
                self.value_bytes += len(column.value)
            elif column.family == "Events":
                self.events += 1
            elif column.family == FILTERED:
                self.apart += 1


def begin(store: Store, plan: Plan, retention: int, *, force: bool) -> int:
    """Return the day, by its number, at which writing a plan begins: the first, or where it was cut off.

    :param retention: for how many days events are kept, as ``FOOTFALL_RETENTION``.
    :param force: also if the site has events of these days.
    :raises UsageError: it has, and they are not of this plan, cut off; or the first days would not be kept.
    """
    days = retention_of(store, retention).days(plan.account)
    if days and plan.since <= datetime.now(UTC).date() - timedelta(days=days):
        raise UsageError(f"--days={plan.days}: begins on {plan.since}, and {plan.account} keeps {days} days; "
                         f"ask for fewer, or `footfall site set {plan.account} --retention-days`")
    mark = _mark(store, plan)
    if place := mark.read():
        return int(place["day"])
    keys = plan.row_keys()
    for family in () if force else ("PageViews", "Events", FILTERED):
        if there := set(store.family(family).row_keys(keys[0], keys[-1])).intersection(keys):
            raise UsageError(f"site {plan.account!r}: has {family} on {len(there):,} of these {plan.days:,} days, such "
                             f"as {min(there)[:8]}; name another --site, or add to them with --force")
    # Before the first event: where a store cannot write both together, the events alone would be in the way.
    store.apply([mark.at({"day": 0})])
    return 0


def write(store: Store, plan: Plan, first: int, retention: int, step: Callable[[Written], None]) -> Written:
    """Write the events of a plan, and return what was written.

    :param first: the day to begin at, see :func:`begin`.
    :param retention: as in :func:`begin`.
    :param step: called with what was written so far, after each batch.
    :raises StoreUnavailable: the store did not answer. Begun again it goes on where it was.
    """
    mark, kept, written = _mark(store, plan), retention_of(store, retention), Written()
    for day, columns in _batches(store, plan, first, kept):
        apply_then(store, columns, [mark.at({"day": day})])
        written.days = day - first + 1
        written.add(columns)
        step(written)
    store.apply([mark.gone()])
    return written


def _batches(store: Store, plan: Plan, first: int, retention: Retention) -> Iterator[tuple[int, Sequence[Mutation]]]:
    """Yield what is to be written at once, each with the number of its day."""
    for day in range(first, plan.days):
        events = day_events(plan, day)
        while batch := list[Event](islice(events, BATCH)):
            columns = packed(batch)
            if store.by_ttl:
                flat = cast(list[Insert], with_steps(with_marks(columns)))
                columns = [*limited(flat, retention, time.time_ns() // 100)]
            yield day, columns


def _mark(store: Store, plan: Plan) -> Mark:
    """Return the mark of how far a plan was written: another plan has another one."""
    return Mark(store, f"demo {plan.account} {plan.until} {plan.days} {plan.views} {plan.seed} {plan.visitors}")
