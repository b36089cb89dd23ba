"""gunicorn's master, which beside its workers keeps the outbox's forwarder running."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Any

from gunicorn.arbiter import Arbiter

from footfall.collect import outbox
from footfall.config import Config

#: Shortest time between two starts of the forwarder.
RESPAWN_SECONDS = 1.0
#: How long it may take to end; what it was sending is then sent again by the next one.
STOP_SECONDS = 5.0


class ForwarderProcess:
    """The forwarder as a child of this process: ``footfall outbox forward``."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = float("-inf")

    def keep_running(self) -> None:
        """Start it if it does not run, but not more than once in :data:`RESPAWN_SECONDS`."""
        if (self._process is None or self._process.poll() is not None) and (
                time.monotonic() - self._started_at > RESPAWN_SECONDS):
            self._started_at = time.monotonic()
            command = [sys.executable, "-m", "footfall", "outbox", "forward", "--parent", str(os.getpid())]
            environment = {**os.environ, **self._config.environment}
            self._process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL)  # noqa: S603 - our own

    def stop(self) -> None:
        """End it."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


class Supervisor(Arbiter):  # type: ignore[misc]
    """The master of the workers and, where hits are taken and the store wants an outbox, of the forwarder."""

    def __init__(self, app: Any, config: Config) -> None:
        self._forwarder = ForwarderProcess(config) if config.collects and outbox.is_wanted(config) else None
        super().__init__(app)

    def manage_workers(self) -> None:
        super().manage_workers()
        if self._forwarder is not None:
            self._forwarder.keep_running()

    def stop(self, graceful: bool = True) -> None:
        # The workers first: what they still acknowledge is in the outbox before it is left to itself.
        super().stop(graceful)
        if self._forwarder is not None:
            self._forwarder.stop()
