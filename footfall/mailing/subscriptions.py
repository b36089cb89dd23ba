"""Subscriptions: who gets the report of a site, how often, and of what; definitions of the kind ``mail``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from footfall import accounts, definitions
from footfall.definitions import Definition
from footfall.errors import UsageError
from footfall.mailing import deliveries
from footfall.mailing.destinations import Destination
from footfall.mailing.periods import EVERY
from footfall.storage import Store

KIND = "mail"
#: What a report has beside its numbers and its course, in this order.
SECTIONS = ("pages", "sources", "countries", "goals")
#: More of one site would be a list of addresses to send mail to, and none of readers of reports.
MOST = 100


class Subscription(NamedTuple):
    """One of them.

    :param created: when it was made, in ISO 8601, UTC.
    :param every: ``week`` or ``month``.
    :param sections: some of :data:`SECTIONS`.
    """

    site: str
    id: str
    created: str
    every: str
    destination: Destination
    sections: tuple[str, ...]


def add(store: Store, site: str, destination: Destination, every: str, sections: Sequence[str] = (),
        by: str = "") -> Subscription:
    """Add a subscription.

    :param sections: all of them if none are given.
    :param by: the user who does so; empty for the command line.
    :raises UsageError: there is no such site, it has too many, or what is given cannot be.
    """
    accounts.find(store, site)
    if every not in EVERY:
        raise UsageError(f"every {every!r}: must be {' or '.join(EVERY)}")
    for section in sections:
        if section not in SECTIONS:
            raise UsageError(f"section {section!r}: must be one of {', '.join(SECTIONS)}")
    there = subscriptions(store, site)
    if len(there) >= MOST:
        raise UsageError(f"mail: {site} has {MOST} already; remove one first")
    if destination.to and any((each.destination.to, each.every) == (destination.to, every) for each in there):
        raise UsageError(f"mail: {destination.to} gets the report of {site} every {every} already")
    kept = {**destination.fields(), "every": every, "sections": list(sections)}
    return _subscription(definitions.add(store, site, KIND, kept, by))


def subscriptions(store: Store, site: str) -> list[Subscription]:
    """Return those of a site, the oldest first."""
    return [_subscription(each) for each in definitions.all_of(store, site, KIND)]


def find(store: Store, site: str, subscription_id: str) -> Subscription:
    """Return one.

    :raises UsageError: there is none of that id.
    """
    return _subscription(definitions.find(store, site, KIND, subscription_id))


def remove(store: Store, site: str, subscription_id: str) -> Subscription:
    """Remove one, and return what it was.

    :raises UsageError: there is none of that id.
    """
    removed = _subscription(definitions.remove(store, site, KIND, subscription_id))
    deliveries.forget(store, site, subscription_id)
    return removed


def _subscription(found: Definition) -> Subscription:
    sections = tuple(name for name in SECTIONS if name in found.fields["sections"])
    return Subscription(found.site, found.id, found.created, found.fields["every"], Destination.of(found.fields),
                        sections or SECTIONS)
