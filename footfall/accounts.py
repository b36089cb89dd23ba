"""Accounts: the sites whose page-views are counted, kept in the family ``Accounts``."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

from footfall.errors import StoreError, StoreUnavailable, UsageError
from footfall.pageview import check_account, split_row_key
from footfall.storage import FAMILIES, Store

ROW = "accounts"


class Account(NamedTuple):
    """One site: its id, the address of its pages if it was told, and when it was added (ISO 8601, UTC)."""

    id: str
    url: str
    created: str


def add(store: Store, account: str, url: str = "") -> Account:
    """Add an account.

    :param url: where its pages are, such as ``https://blog.example.com``; empty if that does not matter.
    :raises UsageError: it exists already, the id cannot be one, or the URL is none.
    """
    check_account(account)
    parts = urlsplit(url)
    if url and (parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/") or parts.query):
        raise UsageError(f"url {url!r}: must be where the site's pages are, such as https://blog.example.com")
    family = store.family("Accounts")
    if family.get_count(ROW, [account]):
        raise UsageError(f"site {account!r}: exists already")
    made = Account(account, url.rstrip("/"), datetime.now(UTC).isoformat(timespec="seconds"))
    family.insert(ROW, {account: {"url": made.url, "created": made.created}})
    return made


def all_accounts(store: Store) -> list[Account]:
    """Return every account, in order of the ids."""
    columns = store.family("Accounts").xget(ROW)
    return [Account(account, value["url"], value["created"]) for account, value in columns]


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
    """Remove an account, and with it, if so told, every event it has.

    :returns: how many rows (days) of events were removed.
    :raises UsageError: there is no such account.
    """
    find(store, account)
    store.family("Accounts").remove(ROW, [account])
    removed = 0
    for name in (family for family, names in FAMILIES.items() if names == "time") if with_events else ():
        family = store.family(name)
        for key in [key for key in family.row_keys() if split_row_key(key)[1] == account]:
            family.remove(key)
            removed += 1
    return removed


class Memory(Protocol):
    """Where the ids of the accounts are kept for when the store is away."""

    def remember_accounts(self, accounts: Iterable[str]) -> None: ...

    def accounts(self) -> frozenset[str]: ...


class KnownAccounts:
    """The ids of all accounts, for a collector that asks at every hit.

    An account that was seen is known until a newer list, read beside the hits every ``fresh`` seconds, is without
    it. For one that was not, the store is asked, but not more than once a second, however many unknown ids are sent.

    :param memory: gives the ids when the store is away.
    """

    def __init__(self, store: Callable[[], Store], *, memory: Callable[[], Memory] | None = None,
                 fresh: float = 10.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._memory = memory
        self._fresh = fresh
        self._clock = clock
        self._ids: frozenset[str] = frozenset()
        self._asked_at = float("-inf")
        self._failure: StoreError | None = None
        self._lock = threading.Lock()
        self._refreshing = False

    def __contains__(self, account: object) -> bool:
        """Tell whether there is such an account, and ask the store if that is not known.

        :raises StoreError: the store would have to be asked and cannot be.
        """
        if self.remembers(account):
            return True
        # A store that hangs must not make everyone hang who asks for what may not even be.
        if not self._lock.acquire(timeout=1.0):
            raise StoreUnavailable("the store is slow to tell which accounts there are")
        try:
            if account not in self._ids and self._clock() - self._asked_at > 1.0:
                self._ask()
            if account not in self._ids and self._failure is not None:
                raise self._failure
            return account in self._ids
        finally:
            self._lock.release()

    def remembers(self, account: object) -> bool:
        """Tell whether an account is known without asking the store: a no may be a yes to who asks in earnest."""
        if self._clock() - self._asked_at > self._fresh and self._ids and not self._refreshing:
            self._refreshing = True
            threading.Thread(target=self._refresh, name="footfall-accounts", daemon=True).start()
        return account in self._ids

    def _refresh(self) -> None:
        try:
            with self._lock:
                self._ask()
        finally:
            self._refreshing = False

    def _ask(self) -> None:
        try:
            ids = frozenset(entry.id for entry in all_accounts(self._store()))
            self._failure = None
            if self._memory is not None and ids != self._memory().accounts():
                self._memory().remember_accounts(ids)
        except StoreError as error:
            self._failure = error
            ids = self._ids or (self._memory().accounts() if self._memory is not None else frozenset())
        finally:
            self._asked_at = self._clock()
        self._ids = ids
