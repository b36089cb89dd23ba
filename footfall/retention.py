"""Retention: how long the events of each account are kept, and what is left of that for one of them.

An account's own setting, ``retention_days``, counts, or where that is 0, ``FOOTFALL_RETENTION``. What is over is
removed (:func:`footfall.erasure.expire`), or was written with a ``ttl`` and goes by itself (:func:`limited`).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from footfall import retries, timeuuid
from footfall.accounts import Account, all_accounts
from footfall.columns import Insert
from footfall.storage import Store

DAY_TICKS = 86_400 * timeuuid.TICKS_PER_SECOND
#: Cassandra keeps nothing for longer that has a ``ttl``: 20 years.
MAX_TTL = 630_720_000


class Retention:
    """For how many days the events of each account are kept.

    :param default: of accounts that do not say otherwise, and of those that are no sites; 0 for ever.
    """

    def __init__(self, default: int = 0, accounts: Iterable[Account] = ()) -> None:
        self._default = default
        self._own = {account.id: account.settings["retention_days"] for account in accounts}

    def days(self, account: str) -> int:
        """Return for how many days an account's events are kept, 0 for ever."""
        return self._own.get(account) or self._default

    def is_over(self, account: str, name: uuid.UUID, now: int) -> bool:
        """Tell whether an event is older than its account's are kept; arguments as in :meth:`ticks_left`."""
        left = self.ticks_left(account, name, now)
        return left is not None and left <= 0

    def shortest(self) -> int:
        """Return the fewest days that any account's events are kept, 0 if all are kept for ever."""
        return min((days for days in (self._default, *self._own.values()) if days), default=0)

    def ticks_left(self, account: str, name: uuid.UUID, now: int) -> int | None:
        """Return how long an event is kept from now on, in ticks; ``None`` for ever, and 0 or less if it is over.

        :param name: the event's, which tells its time.
        :param now: in ticks since 1970.
        """
        days = self.days(account)
        return timeuuid.ticks_of(name) + days * DAY_TICKS - now if days else None


def retention_of(store: Store, default: int) -> Retention:
    """Return how long the accounts of a store keep their events.

    :param default: what ``FOOTFALL_RETENTION`` says.
    """
    return Retention(default, all_accounts(store))


def limited(columns: Iterable[Insert], retention: Retention, now: int) -> list[Insert]:
    """Return columns with the ``ttl`` that is left to the events that they are of; those that are over are left out.

    :param columns: of events, of visitors' steps and of marks; others stay as they are.
    :param now: in ticks since 1970.
    """
    kept = []
    for column in columns:
        name = event_of(column)
        left = None if name is None else retention.ticks_left(column.key.partition(".")[2], name, now)
        if left is None:
            kept.append(column)
        elif left > 0:
            # Whole seconds, and at least one.
            kept.append(column._replace(ttl=min(MAX_TTL, -(-left // timeuuid.TICKS_PER_SECOND))))
    return kept


def event_of(column: Insert) -> uuid.UUID | None:
    """Return the name of the event that a column is, or of which it is a step or a mark; ``None`` for any other."""
    if isinstance(column.name, uuid.UUID):
        return column.name
    if isinstance(column.name, tuple):
        return column.name[1]
    return uuid.UUID(column.name) if column.family == retries.FAMILY else None
