"""Stores by URL, and the one that the settings name.

``sqlite:///footfall.db`` is a file in the data folder, ``sqlite:////srv/footfall.db`` one elsewhere,
``cassandra://host,host/keyspace`` a cluster, ``memory://`` this process's memory.
"""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from typing import Any, cast

from footfall import config as configuration
from footfall.config import Config
from footfall.errors import ConfigError
from footfall.storage import ColumnFamily, Store

__all__ = ["Events", "Filtered", "PageViews", "Visitors", "default_store", "open_store"]

_default: dict[int, Store] = {}
_opening = threading.Lock()


def open_store(url: str | None = None, config: Config | None = None) -> Store:
    """Open a store.

    :param url: where it is; ``None`` for the one that ``FOOTFALL_STORE`` names.
    :param config: settings that the URL leaves open (data folder, logins); ``None`` to load them.
    :raises ConfigError: the URL is not one of a store.
    :raises StoreError: the store cannot be opened; :class:`~footfall.errors.StoreUnavailable` when it may be later.
    """
    config = config or configuration.load()
    if url is not None:
        config = replace(config, store=url)
    scheme = config.store.partition("://")[0]
    if scheme == "sqlite":
        from footfall.stores.sqlite import SqliteStore

        return SqliteStore(config.store_url)
    if scheme == "memory":
        from footfall.stores.memory import MemoryStore

        return MemoryStore(config.store)
    if scheme == "cassandra":
        from footfall.stores.cassandra import CassandraStore

        return CassandraStore(config.store, config)
    raise ConfigError(f"{config.store!r}: unknown store; use sqlite://, cassandra:// or memory://")


def default_store(url: str | None = None) -> Store:
    """Return this process's one store of the settings, opened on first use.

    :param url: the store that is meant, where settings may have changed; ``None`` for the settings' own.

    A process made by a fork opens its own. :raises: as :func:`open_store`.
    """
    with _opening:
        store = _default.get(os.getpid())
        if store is None or url not in (None, store.url):
            store = open_store(url)
            _default.clear()
            _default[os.getpid()] = store
        return store


class _DefaultFamily:
    """A column family of :func:`default_store`, which is opened when first asked, not when imported."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(default_store().family(self._name), attribute)

    def __dir__(self) -> list[str]:
        return [name for name in dir(ColumnFamily) if not name.startswith("_")]

    def __repr__(self) -> str:
        return f"<column family {self._name} of the store that FOOTFALL_STORE names>"


PageViews = cast(ColumnFamily, _DefaultFamily("PageViews"))
Events = cast(ColumnFamily, _DefaultFamily("Events"))
Filtered = cast(ColumnFamily, _DefaultFamily("Filtered"))
Visitors = cast(ColumnFamily, _DefaultFamily("Visitors"))
