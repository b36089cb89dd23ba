"""Lists that an owner keeps in files, which may be replaced at any time."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from footfall.errors import UsageError

CHECK_SECONDS = 1.0

_Contents = TypeVar("_Contents")
_log = logging.getLogger(__name__)


class Watched(Generic[_Contents]):
    """What a file says, read anew when it changed; it is looked at once a second at most. Threads may share it.

    :param path: the file, or ``None`` for none. While it cannot be read, that is logged, and what it said before holds.
    :param read: makes something of its text, or raises :class:`ValueError`.
    :param nothing: what there is before the file could be read.
    :param clock: seconds that only go forward.
    """

    def __init__(self, path: Path | None, read: Callable[[str], _Contents], nothing: _Contents,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self.path = path
        self._read = read
        self._contents = nothing
        self._clock = clock
        self._seen: tuple[int, ...] | None = None
        self._next_check = float("-inf")
        self._refreshing = threading.Lock()

    def contents(self) -> _Contents:
        """Return what was made of the file."""
        if self.path is not None and (now := self._clock()) >= self._next_check and self._refreshing.acquire(
                blocking=False):
            try:
                self._next_check = now + CHECK_SECONDS
                self._refresh(self.path)
            finally:
                self._refreshing.release()
        return self._contents

    def _refresh(self, path: Path) -> None:
        seen: tuple[int, ...] = ()
        with contextlib.suppress(OSError):
            found = os.stat(path)
            # The change time moves with the contents, and also when the file is made readable at last.
            seen = (found.st_dev, found.st_ino, found.st_size, found.st_ctime_ns)
        if seen == self._seen:
            return
        self._seen = seen
        try:
            self._contents = read_list(path, self._read)
        except UsageError as error:
            _log.error("a list is not read anew: %s", error)


def read_list(path: Path, read: Callable[[str], _Contents]) -> _Contents:
    """Return what a file says.

    :raises UsageError: it cannot be read, or says something else; the message names it, and the line.
    """
    try:
        return read(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise UsageError(f"{path}: {error}") from None
