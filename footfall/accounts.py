"""Accounts: the sites whose page-views are counted, kept in the family ``Accounts``."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from footfall import definitions, pageview, retries
from footfall.errors import StoreError, StoreUnavailable, UsageError
from footfall.packing import TRAILS
from footfall.pageview import check_account, days_of
from footfall.site_settings import parsed
from footfall.storage import FAMILIES, Remove, Store

ROW = "accounts"

#: How long who asks for an account that is not known waits while the store is asked, and how long while none is known
#: yet: a cluster's first answer may take seconds.
PATIENCE_SECONDS, FIRST_PATIENCE_SECONDS = 1.0, 5.0


class Account(NamedTuple):
    """One site.

    :param url: the address of its pages, if it was told.
    :param created: when it was added, in ISO 8601, UTC.
    :param given: those of its settings that were set, as text, by key.
    """

    id: str
    url: str
    created: str
    given: Mapping[str, str] = {}

    @property
    def settings(self) -> dict[str, Any]:
        """The value of each of :data:`~footfall.site_settings.SITE_SETTINGS`, by key."""
        return parsed(self.given)


def add(store: Store, account: str, url: str = "", created: str = "") -> Account:
    """Add an account.

    :param url: where its pages are, such as ``https://blog.example.com``; empty if that does not matter.
    :param created: when it was added, of one that is brought from another store; empty for now.
    :raises UsageError: it exists already, the id cannot be one, or the URL is none.
    """
    check_account(account)
    check_url(url)
    family = store.family("Accounts")
    if family.get_count(ROW, [account]):
        raise UsageError(f"site {account!r}: exists already")
    made = Account(account, url.rstrip("/"), created or datetime.now(UTC).isoformat(timespec="seconds"))
    family.insert(ROW, {account: _fields(made)})
    return made


def check_url(url: str) -> None:
    """See that a text can be where a site's pages are, or is empty.

    :raises UsageError: it cannot.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if url and (parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/") or parts.query):
        raise UsageError(f"url {url!r}: must be where the site's pages are, such as https://blog.example.com")


def set_url(store: Store, account: str, url: str) -> Account:
    """Tell where an account's pages are.

    :param url: as in :func:`add`.
    :raises UsageError: there is no such account, or the URL is none.
    """
    check_url(url)
    changed = find(store, account)._replace(url=url.rstrip("/"))
    store.family("Accounts").insert(ROW, {account: _fields(changed)})
    return changed


def all_accounts(store: Store) -> list[Account]:
    """Return every account, in order of the ids."""
    return [_account(account, value) for account, value in store.family("Accounts").xget(ROW)]


def configure(store: Store, account: str, changes: Mapping[str, str]) -> Account:
    """Change settings of an account.

    :param changes: text by key; an empty one takes the default again.
    :raises UsageError: there is no such account, or a setting is none or cannot have the value.
    """
    found = find(store, account)
    given = {key: text for key, text in {**found.given, **changes}.items() if text}
    parsed(given)
    changed = found._replace(given=given)
    store.family("Accounts").insert(ROW, {account: _fields(changed)})
    return changed


def _account(account: str, value: bytes) -> Account:
    fields = pageview.unpack(value)
    return Account(account, fields["url"], fields["created"], fields.get("settings", {}))


def _fields(account: Account) -> dict[str, Any]:
    fields = {"url": account.url, "created": account.created}
    return fields | {"settings": dict(account.given)} if account.given else fields


def find(store: Store, account: str) -> Account:
    """Return an account.

    :raises UsageError: there is none of that id; the message lists those there are.
    """
    known = {entry.id: entry for entry in all_accounts(store)}
    if account not in known:
        listed = ", ".join(known) or "none yet; `footfall site add ID` makes one"
        raise UsageError(f"site {account!r}: unknown; the sites are {listed}")
    return known[account]


def remove(store: Store, account: str, *, with_events: bool) -> int:
    """Remove an account, and with it, if so told, every event it has and the trails of its visitors.

    :returns: how many rows (days) of events were removed.
    :raises UsageError: there is no such account.
    """
    find(store, account)
    store.family("Accounts").remove(ROW, [account])
    store.family(definitions.FAMILY).remove(account)
    removed = 0
    for name in (family for family, names in FAMILIES.items() if names == "time") if with_events else ():
        family = store.family(name)
        for key in [key for _, owner, key in days_of(family.row_keys()) if owner == account]:
            store.apply([Remove(name, key), Remove(retries.FAMILY, retries.marks_row(name, key)),
                         Remove(TRAILS, f"{key[:6]}.{account}")])
            removed += 1
    return removed


class Memory(Protocol):
    """Where the accounts are kept for when the store is away: what their columns hold, by id."""

    def remember_accounts(self, accounts: Mapping[str, bytes]) -> None: ...

    def accounts(self) -> dict[str, bytes]: ...


class KnownAccounts:
    """All accounts, for a collector that asks at every hit.

    An account that was seen is known until a newer list, read beside the hits every ``fresh`` seconds, is without
    it. For one that was not, the store is asked, but not more than once a second, however many unknown ids are sent.

    :param memory: gives the accounts when the store is away.
    """

    def __init__(self, store: Callable[[], Store], *, memory: Callable[[], Memory] | None = None,
                 fresh: float = 10.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._memory = memory
        self._fresh = fresh
        self._clock = clock
        self._known: dict[str, Account] = {}
        self._asked_at = float("-inf")
        self._failure: StoreError | None = None
        self._lock = threading.Lock()
        self._refreshing = False

    def __contains__(self, account: object) -> bool:
        """Tell whether there is such an account, and ask the store if that is not known.

        :raises StoreError: the store would have to be asked and cannot be.
        """
        return self.find(account) is not None

    def find(self, account: object) -> Account | None:
        """Return an account, or ``None`` if there is none of that id; the store is asked if that is not known.

        :raises StoreError: the store would have to be asked and cannot be.
        """
        known = self.recall(account)
        if known is not None:
            return known
        # A store that hangs must not make everyone hang who asks for what may not even be; at first that is everyone.
        if not self._lock.acquire(timeout=PATIENCE_SECONDS if self._known else FIRST_PATIENCE_SECONDS):
            raise StoreUnavailable("the store is slow to tell which accounts there are")
        try:
            if account not in self._known and self._clock() - self._asked_at > 1.0:
                self._ask()
            if account not in self._known and self._failure is not None:
                raise self._failure
            return self._known.get(str(account))
        finally:
            self._lock.release()

    def recall(self, account: object) -> Account | None:
        """Return an account if it is known without asking the store: ``None`` may be one to who asks in earnest."""
        if self._clock() - self._asked_at > self._fresh and self._known and not self._refreshing:
            self._refreshing = True
            threading.Thread(target=self._refresh, name="footfall-accounts", daemon=True).start()
        return self._known.get(account)  # type: ignore[call-overload,no-any-return]

    def _refresh(self) -> None:
        try:
            with self._lock:
                self._ask()
        finally:
            self._refreshing = False

    def _ask(self) -> None:
        try:
            columns = {account: bytes(value) for account, value in self._store().family("Accounts").xget(ROW)}
            self._failure = None
            if self._memory is not None and columns != self._memory().accounts():
                self._memory().remember_accounts(columns)
        except StoreError as error:
            self._failure = error
            if self._known:
                return
            columns = self._memory().accounts() if self._memory is not None else {}
        finally:
            self._asked_at = self._clock()
        self._known = {account: _account(account, value) for account, value in columns.items()}
