"""What was sent, so that nothing is sent twice: a record of each message that was handed over, in the store.

The record is made just before the message is handed over, by whoever is first, and never taken back unless the other
end said that it did not take the message. So a process that is killed in between, or a connection that ends before the
answer, leaves a message that was perhaps sent and is not sent again: at most once. docs/mail.md says what that means.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from footfall import definitions
from footfall.definitions import Definition
from footfall.errors import DeliveryError, DeliveryRefused, DeliveryUnsure
from footfall.storage import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

KIND = "sent"
#: A message of a period that is longer over than this is not due any more.
KEPT_SECONDS = 400 * 86_400
#: What became of a message: it is being handed over, or was when nobody came back; it was taken; it was refused.
HANDED_OVER, SENT, REFUSED = "handed over", "sent", "refused"


class Delivery(NamedTuple):
    """One message on its way.

    :param owner: id of the definition that it is sent for.
    :param what: which of its messages, such as ``2026-W48``.
    :param way: ``mail`` or ``webhook``.
    """

    site: str
    owner: str
    what: str
    way: str

    @property
    def id(self) -> str:
        """What tells it from all others of its site."""
        return f"{self.owner}.{self.what}.{self.way}"


class Record(NamedTuple):
    """What is known of one.

    :param at: when that was, in ISO 8601, UTC.
    :param why: what was said by who refused it.
    """

    what: str
    way: str
    state: str
    at: str
    why: str


def is_settled(store: Store, delivery: Delivery) -> bool:
    """Tell whether a message was handed over already, or refused for good."""
    return bool(store.family(definitions.FAMILY).get_count(delivery.site, [f"{KIND}.{delivery.id}"]))


@contextmanager
def once(store: Store, delivery: Delivery) -> Iterator[Callable[[], bool]]:
    """Send a message within this, and call what it gives just before the message is handed over.

    It answers whether the message is ours to send; when another has it, nobody sends it here.
    """
    mine = Definition(delivery.site, KIND, delivery.id, _now(), "", {"by": secrets.token_hex(8), "state": HANDED_OVER})
    is_ours = False

    def claim() -> bool:
        nonlocal is_ours
        there = definitions.claim(store, mine.site, KIND, mine.id, mine.fields, ttl=KEPT_SECONDS)
        is_ours = bool(there.fields["by"] == mine.fields["by"])
        return is_ours

    try:
        yield claim
    except DeliveryUnsure:
        raise
    except DeliveryRefused as error:
        if is_ours or claim():
            definitions.write(store, mine._replace(fields={**mine.fields, "state": REFUSED, "why": str(error)}),
                              ttl=KEPT_SECONDS)
        raise
    except DeliveryError:
        if is_ours:
            definitions.remove(store, mine.site, KIND, mine.id)
        raise
    if is_ours:
        definitions.write(store, mine._replace(fields={**mine.fields, "state": SENT}), ttl=KEPT_SECONDS)


def latest(store: Store, site: str, owner: str) -> Record | None:
    """Return the newest record of a definition; ``None`` if nothing was ever sent for it."""
    records = _records(store, site, owner)
    if not records:
        return None
    _, what, way = records[-1].id.split(".")
    fields = records[-1].fields
    return Record(what, way, fields["state"], records[-1].created, fields.get("why", ""))


def forget(store: Store, site: str, owner: str) -> None:
    """Remove the records of a definition that is no more."""
    names = [f"{KIND}.{each.id}" for each in _records(store, site, owner)]
    if names:
        store.family(definitions.FAMILY).remove(site, names)


def _records(store: Store, site: str, owner: str) -> list[Definition]:
    return definitions.all_of(store, site, f"{KIND}.{owner}")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
