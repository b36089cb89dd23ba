"""The count of failed tries, which slows down whoever guesses passwords, codes or tokens."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable

FAILURES = 5
WINDOW_SECONDS = 15 * 60
#: Keys remembered; beyond that those go first that failed longest ago.
MAX_KEYS = 10_000


class Throttle:
    """Refuses a key, such as an address or a user's name, that failed too often of late.

    A try counts as failed from its beginning, so that many at once are no way around the limit;
    :meth:`forget` says that it did not fail. Each process counts for itself.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._tries: OrderedDict[str, list[float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, keys: Iterable[str]) -> int:
        """Count a try for every key and return 0; or, if one has none left, the seconds until it has."""
        with self._lock:
            now = self.clock()
            recent = {key: [then for then in self._tries.get(key, ()) if now - then < WINDOW_SECONDS] for key in keys}
            waits = [tries[-FAILURES] + WINDOW_SECONDS - now for tries in recent.values() if len(tries) >= FAILURES]
            if waits:
                return math.ceil(max(waits))
            for key, tries in recent.items():
                self._tries[key] = [*tries, now]
                self._tries.move_to_end(key)
            while len(self._tries) > MAX_KEYS:
                self._tries.popitem(last=False)
            return 0

    def forget(self, keys: Iterable[str]) -> None:
        """Forget the failures of every key."""
        with self._lock:
            for key in keys:
                self._tries.pop(key, None)


def told(wait: int, what: str) -> str:
    """Return what somebody is told who has to wait.

    :param wait: seconds.
    :param what: failed, such as ``logins``.
    """
    minutes = -(-wait // 60)
    return f"Too many failed {what}. Try again in {minutes} minute{'s' if minutes > 1 else ''}."
