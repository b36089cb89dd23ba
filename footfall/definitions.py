"""What owners define for a site beside its settings: goals, funnels, annotations, … (family ``Definitions``).

Here they are maps of a kind with an id; what a map of a kind must hold, the module of the kind knows.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from footfall import pageview
from footfall.errors import UsageError
from footfall.storage import Store

FAMILY = "Definitions"
ID_BYTES = 6


class Definition(NamedTuple):
    """One of them.

    :param created: when it was made, in ISO 8601, UTC.
    :param by: the user who made it; empty if the command line did.
    :param fields: what it says.
    """

    site: str
    kind: str
    id: str
    created: str
    by: str
    fields: Mapping[str, Any]


def add(store: Store, site: str, kind: str, fields: Mapping[str, Any], by: str = "") -> Definition:
    """Add a definition, and return it with the id that it was given."""
    made = Definition(site, kind, secrets.token_hex(ID_BYTES), datetime.now(UTC).isoformat(timespec="seconds"), by,
                      dict(fields))
    write(store, made)
    return made


def claim(store: Store, site: str, kind: str, definition_id: str, fields: Mapping[str, Any], *,
          ttl: int | None = None) -> Definition:
    """Write a definition unless there is one of that id, and return the one there is then: the same for all who do so.

    :param ttl: seconds after which it is gone; ``None`` for never.
    """
    claimed = Definition(site, kind, definition_id, datetime.now(UTC).isoformat(timespec="seconds"), "", dict(fields))
    there = store.claim(FAMILY, site, _name(claimed), pageview.pack(_columns(claimed)), ttl=ttl)
    return _definition(site, _name(claimed), there)


def write(store: Store, definition: Definition, *, ttl: int | None = None) -> None:
    """Write a definition in the place of what there is of its id."""
    store.family(FAMILY).insert(definition.site, {_name(definition): _columns(definition)}, ttl=ttl)


def all_of(store: Store, site: str, kind: str) -> list[Definition]:
    """Return the definitions of a kind, the oldest first."""
    found = store.family(FAMILY).xget(site, column_start=f"{kind}.", column_finish=f"{kind}.~")
    return sorted((_definition(site, name, value) for name, value in found), key=lambda each: (each.created, each.id))


def find(store: Store, site: str, kind: str, definition_id: str) -> Definition:
    """Return a definition.

    :raises UsageError: there is none of that id; the message lists those there are.
    """
    known = {each.id: each for each in all_of(store, site, kind)}
    if definition_id not in known:
        raise UsageError(f"{kind} {definition_id!r}: unknown; {site} has {', '.join(known) or 'none yet'}")
    return known[definition_id]


def change(store: Store, site: str, kind: str, definition_id: str, fields: Mapping[str, Any]) -> Definition:
    """Give a definition other fields, all of them, and return it.

    :raises UsageError: there is none of that id.
    """
    changed = find(store, site, kind, definition_id)._replace(fields=dict(fields))
    write(store, changed)
    return changed


def remove(store: Store, site: str, kind: str, definition_id: str) -> Definition:
    """Remove a definition, and return what it was.

    :raises UsageError: there is none of that id.
    """
    found = find(store, site, kind, definition_id)
    store.family(FAMILY).remove(site, [_name(found)])
    return found


def _columns(definition: Definition) -> dict[str, Any]:
    return {"created": definition.created, "by": definition.by, "fields": dict(definition.fields)}


def _name(definition: Definition) -> str:
    return f"{definition.kind}.{definition.id}"


def _definition(site: str, name: str, value: bytes) -> Definition:
    kind, _, definition_id = name.partition(".")
    fields = pageview.unpack(value)
    return Definition(site, kind, definition_id, fields["created"], fields["by"], fields["fields"])
