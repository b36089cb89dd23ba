"""The reports behind the pages: one cache of facts for all threads of a process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from flask import current_app

from footfall.config import Config
from footfall.storage import Store

if TYPE_CHECKING:
    from footfall.reports.cache import FactsCache
    from footfall.reports.frame import Days

EXTENSION = "footfall.reports"


class Reports:
    """Opens the cache of facts when a page first needs it.

    :param store: gives the store, opened anew where that was needed.
    """

    def __init__(self, config: Config, store: Callable[[], Store]) -> None:
        self._config = config
        self._store = store
        self._cache: FactsCache | None = None
        self._opening = threading.Lock()

    def cache(self) -> FactsCache:
        """Return the cache of the store's facts.

        :raises StoreUnavailable: the store cannot be opened now.
        """
        # A server that takes hits alone never needs it, nor what it takes to import.
        from footfall.reports.cache import open_cache

        store = self._store()
        with self._opening:
            if self._cache is None or self._cache.store is not store:
                self._cache = open_cache(self._config, store)
            return self._cache


def reports() -> Reports:
    """Return the running app's reports."""
    return cast(Reports, current_app.extensions[EXTENSION])


def days(site: str) -> Days:
    """Return what gives a site's days to the questions of one page: each range as it was when it was first asked for.

    :raises StoreUnavailable: the store cannot be opened now.
    """
    from footfall.reports.asking import days_of

    return days_of(reports().cache(), site)
