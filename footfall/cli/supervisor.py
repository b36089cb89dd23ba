"""gunicorn's master, which beside its workers keeps the outbox's forwarder and the herald running."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Any

from gunicorn.arbiter import Arbiter

from footfall import definitions
from footfall.collect import outbox
from footfall.config import Config
from footfall.errors import StoreError
from footfall.stores import open_store

#: Shortest time between two starts of a child.
RESPAWN_SECONDS = 1.0
#: How often is looked whether there is something for the herald to tell.
LOOK_SECONDS = 60.0
#: Definitions that are: reports and alerts. Their own modules would bring the master all that reports are made with.
TOLD = ("mail", "alert")
#: How long it may take to end; what it was sending is then sent again by the next one.
STOP_SECONDS = 5.0


class ChildProcess:
    """A command of ours as a child of this process.

    :param command: its words after ``footfall``, such as ``("outbox", "forward")``; it takes ``--parent``.
    """

    def __init__(self, config: Config, command: tuple[str, ...]) -> None:
        self._config = config
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = float("-inf")

    def keep_running(self) -> None:
        """Start it if it does not run, but not more than once in :data:`RESPAWN_SECONDS`."""
        if (self._process is None or self._process.poll() is not None) and (
                time.monotonic() - self._started_at > RESPAWN_SECONDS):
            self._started_at = time.monotonic()
            command = [sys.executable, "-m", "footfall", *self._command, "--parent", str(os.getpid())]
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


class Herald:
    """Keeps the herald running, ``footfall mail run``, once there is something for it to tell."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._process = ChildProcess(config, ("mail", "run"))
        self._is_wanted = False
        self._look_at = float("-inf")

    def keep_running(self) -> None:
        """Start it if it is wanted and does not run; look now and then whether it is."""
        if not self._is_wanted and time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + LOOK_SECONDS
            self._is_wanted = is_wanted(self._config)
        if self._is_wanted:
            self._process.keep_running()

    def stop(self) -> None:
        """End it."""
        self._process.stop()


def is_wanted(config: Config) -> bool:
    """Tell whether there is, or may be, something for a herald to tell."""
    if config.smtp_url is not None:
        return True
    if outbox.is_wanted(config):
        # Its store is not opened here: the driver's threads would not survive in the workers, which are forked.
        return True
    try:
        with open_store(config=config) as store:
            return any(definitions.all_of(store, site, kind) for site in store.family(definitions.FAMILY).row_keys()
                       for kind in TOLD)
    except StoreError:
        return False


class Supervisor(Arbiter):  # type: ignore[misc]
    """The master of the workers and, beside them, of those of our commands that this server wants.

    Where hits are taken and the store wants an outbox that is its forwarder, where pages are shown the herald.
    """

    def __init__(self, app: Any, config: Config) -> None:
        self._children: list[ChildProcess | Herald] = []
        if config.collects and outbox.is_wanted(config):
            self._children.append(ChildProcess(config, ("outbox", "forward")))
        if config.role != "collect":
            self._children.append(Herald(config))
        super().__init__(app)

    def manage_workers(self) -> None:
        super().manage_workers()
        for child in self._children:
            child.keep_running()

    def stop(self, graceful: bool = True) -> None:
        # The workers first: what they still acknowledge is in the outbox before it is left to itself.
        super().stop(graceful)
        for child in self._children:
            child.stop()
