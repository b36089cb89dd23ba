"""The audit log: who changed what, who came in and who was refused (family ``Audit``).

What is noted here is about users of footfall, never about readers of the sites, and holds no secret: no password, no
token, no key, and not what was typed as a name where there is no such user.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from footfall.pageview import unpack
from footfall.storage import Store

FAMILY = "Audit"
#: Who it was, where the server's own command line was used.
COMMAND_LINE = "command line"
MAX_TEXT, MAX_DETAIL = 64, 500


class Entry(NamedTuple):
    """Something that was noted.

    :param id: when, in ISO 8601 with microseconds, UTC, and what tells it from others of that moment.
    :param by: the user who did it, :data:`COMMAND_LINE`, or empty where nobody is known.
    :param action: a word with a dot, such as ``user.add``, or ``login``.
    :param site: the account it is about; empty if it is about none.
    :param detail: what else there is to say.
    :param client: a part of the address it came from; empty from the command line.
    """

    id: str
    by: str
    action: str
    site: str
    detail: str
    client: str

    @property
    def at(self) -> datetime:
        """When it was noted."""
        return datetime.fromisoformat(self.id.rpartition("-")[0])


def note(store: Store, action: str, *, by: str, site: str = "", detail: str = "", client: str = "") -> None:
    """Note that something was done; the arguments are those of :class:`Entry`, and are cut where they are long.

    :raises StoreUnavailable: it cannot be noted now.
    """
    now = datetime.now(UTC)
    name = f"{_iso(now)}-{secrets.token_hex(4)}"
    store.family(FAMILY).insert(f"{now:%Y%m}", {name: {
        "by": _line(by, MAX_TEXT), "action": _line(action, MAX_TEXT), "site": _line(site, MAX_TEXT),
        "detail": _line(detail, MAX_DETAIL), "client": _line(client, MAX_TEXT)}})


def note_command(store: Store, action: str, site: str = "", detail: str = "") -> None:
    """Note what a command of the server's command line did; see :func:`note`."""
    note(store, action, by=COMMAND_LINE, site=site, detail=detail)


def entries(store: Store, *, site: str | None = None, since: datetime | None = None,
            before: str | None = None) -> Iterator[Entry]:
    """Yield what was noted, the newest first.

    :param site: only what is about this account.
    :param since: only what was noted then or later; aware.
    :param before: only what was noted before the entry of this id.
    """
    oldest = None if since is None else _iso(since.astimezone(UTC))
    newest_row = "" if before is None else before[:7].replace("-", "")
    family = store.family(FAMILY)
    for row in family.row_keys(newest_row, "" if oldest is None else oldest[:7].replace("-", ""), reverse=True):
        for name, value in family.xget(row, before, oldest, column_reversed=True):
            entry = Entry(id=name, **unpack(value))
            if name != before and site in (None, entry.site):
                yield entry


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")


def _line(text: str, limit: int) -> str:
    """Return a text as one line of what can be printed, so that nothing in a list looks like more than it is."""
    cut = text if len(text) <= limit else text[:limit - 1] + "…"
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in cut)
