"""Whether events can be stored now, found out by storing something."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from footfall.collect.writer import Destination
from footfall.errors import StoreError

#: How long an answer is given without another probe.
FRESH_SECONDS = 1.0


class Probe:
    """Probes what events are committed to at most once a second, however often it is asked.

    :param destination: gives the store or the outbox.
    """

    def __init__(self, destination: Callable[[], Destination], clock: Callable[[], float] = time.monotonic) -> None:
        self._destination = destination
        self._clock = clock
        self._probed_at = float("-inf")
        self._answer = False
        self._lock = threading.Lock()

    def can_store(self) -> bool:
        """Tell whether a real write succeeded within the last second."""
        with self._lock:
            if self._clock() - self._probed_at >= FRESH_SECONDS:
                try:
                    self._destination().probe()
                    self._answer = True
                except StoreError:
                    self._answer = False
                self._probed_at = self._clock()
            return self._answer
