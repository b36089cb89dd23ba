"""What is over is removed by the server itself: once an hour, by one of its processes, beside the hits."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from footfall import erasure
from footfall.columns import TURNS_ROW
from footfall.errors import StoreError
from footfall.retention import retention_of
from footfall.storage import Store

#: How often it is done, and how often each process looks whether it is its turn.
TURN_SECONDS = 3_600
LOOK_SECONDS = 600.0
_TURN = "expire"

_log = logging.getLogger(__name__)


class Expiry:
    """Removes the events that are older than their sites keep them, from a store that does not do so itself.

    :param retention: what ``FOOTFALL_RETENTION`` says.
    :param store: gives the store, in which the processes that share it take turns.
    """

    def __init__(self, retention: int, store: Callable[[], Store]) -> None:
        self._retention = retention
        self._store = store
        self._look_at = 0.0

    def tidy(self) -> None:
        """See to it if it is time, in a thread; call it often, it takes no time."""
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + LOOK_SECONDS
            threading.Thread(target=self._take_turn, name="footfall-expiry", daemon=True).start()

    def _take_turn(self) -> None:
        try:
            store = self._store()
            retention = retention_of(store, self._retention)
            if store.by_ttl or not retention.shortest():
                return
            mine = secrets.token_bytes(8)
            if store.claim("Accounts", TURNS_ROW, _TURN, mine, ttl=TURN_SECONDS) != mine:
                return
            counts = erasure.expire(store, retention, datetime.now(UTC))
        except StoreError as error:
            _log.warning("what is older than it is to be kept is not all removed, the rest is in an hour: %s", error)
            return
        if counts.total():
            _log.info("%d columns were older than they are kept, and were removed", counts.total())
