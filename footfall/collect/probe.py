"""Whether events can be stored now, found out by storing something."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from footfall.errors import StoreError
from footfall.storage import Store

#: How long an answer is given without another probe.
FRESH_SECONDS = 1.0


class Probe:
    """Probes a store at most once a second, however often it is asked.

    :param store: gives the store.
    """

    def __init__(self, store: Callable[[], Store], clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._probed_at = float("-inf")
        self._answer = False
        self._lock = threading.Lock()

    def can_store(self) -> bool:
        """Tell whether a real write succeeded within the last second."""
        with self._lock:
            if self._clock() - self._probed_at >= FRESH_SECONDS:
                try:
                    self._store().probe()
                    self._answer = True
                except StoreError:
                    self._answer = False
                self._probed_at = self._clock()
            return self._answer
