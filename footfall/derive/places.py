"""Where in the world an address is, told by a file that the owner supplies.

Any .mmdb file will do: GeoLite2 and GeoIP2, DB-IP, IP2Location and others write that format. Footfall brings
none, because their licences are between their makers and the owner. A place is looked up when an event comes
in, since the whole address is known only then; what the file says that day is what is stored.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from footfall.errors import UsageError

#: Tells the place of an address: ``country``, ``region`` and ``city``, as far as they are known.
LookUp = Callable[[str], Mapping[str, str]]

#: The ways in a record that lead to a field, the first that ends at a text: MaxMind's, which DB-IP and IP2Location
#: share, then those of files whose records are flat.
LAYOUTS: Mapping[str, tuple[tuple[str | int, ...], ...]] = {
    "country": (("country", "iso_code"), ("country_code",), ("country",)),
    "region": (("subdivisions", 0, "names", "en"), ("subdivisions", 0, "iso_code"), ("region",), ("state1",)),
    "city": (("city", "names", "en"), ("city",)),
}
NOWHERE: Mapping[str, str] = {}
CHECK_SECONDS = 1.0

_log = logging.getLogger(__name__)


class Places:
    """The places of addresses, from a file that may be replaced at any time.

    :param path: an .mmdb file. While there is none, or one that cannot be read, that is logged, and addresses
        are looked up in the file that was there before, or nowhere.
    :param clock: seconds that only go forward.

    The file is looked at once a second at most. Threads may share it.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._seen: tuple[int, ...] | None = None
        self._look_up: LookUp = lambda address: NOWHERE
        self._refreshing = threading.Lock()
        self._next_check = clock() + CHECK_SECONDS
        self._refresh()

    def look_up(self, address: str) -> Mapping[str, str]:
        """Return what is known of an address: ``country``, ISO's two letters, and the English ``region`` and ``city``.

        :param address: IPv4 or IPv6; for any other text nothing is known.
        """
        if (now := self._clock()) >= self._next_check and self._refreshing.acquire(blocking=False):
            try:
                self._next_check = now + CHECK_SECONDS
                self._refresh()
            finally:
                self._refreshing.release()
        return self._look_up(address)

    def _refresh(self) -> None:
        """Read the file if it is not the one that was read, or tried, last."""
        seen: tuple[int, ...] = ()
        with contextlib.suppress(OSError):
            found = os.stat(self._path)
            # The change time moves with the contents, and also when the file is made readable at last.
            seen = (found.st_dev, found.st_ino, found.st_size, found.st_ctime_ns)
        if seen == self._seen:
            return
        self._seen = seen
        try:
            # Whoever looks up in the old one still holds it; the last to let go closes it.
            self._look_up = open_places(self._path)
        except UsageError as error:
            _log.error("no new places: %s", error)


def look_up_in(path: Path | None) -> LookUp | None:
    """Return what looks up in the file that a setting names; ``None`` if it names none."""
    return Places(path).look_up if path else None


def open_places(path: Path) -> LookUp:
    """Return what tells the place of an address by an .mmdb file as it is now; it remembers addresses it was asked.

    :raises UsageError: the file cannot be read, or is none.
    """
    # It takes a while to import, and most have no file.
    import maxminddb

    try:
        # A copy of our own: a file that is overwritten in place, instead of replaced, would change under the
        # reader's feet, and reading beyond its new end kills the process.
        with path.open("rb") as file, tempfile.NamedTemporaryFile(prefix="footfall-", suffix=".mmdb") as copy:
            shutil.copyfileobj(file, copy)
            copy.flush()
            reader = maxminddb.open_database(copy.name)
    except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
        # What the reader says names the copy.
        reason = error.strerror if isinstance(error, OSError) else "it is none, or not whole"
        raise UsageError(f"{path}: cannot be read as an .mmdb file: {reason}; "
                         "FOOTFALL_GEOIP must name one, or be left empty") from None

    @lru_cache(maxsize=16384)
    def look_up(address: str) -> Mapping[str, str]:
        try:
            return _place(reader.get(address))
        except ValueError:
            # It is no address, or an IPv6 one and the file knows IPv4 only.
            return NOWHERE
        except Exception as error:
            # A damaged record has as many errors as forms. An event is taken without a place; what the error
            # says names its address, which is nothing for a log.
            _log.error("%s: an address could not be looked up: %s; get the file anew", path, type(error).__name__)
            return NOWHERE

    return look_up


def _place(record: Any) -> Mapping[str, str]:
    place = {}
    for field, ways in LAYOUTS.items():
        text = next((text for way in ways if (text := _text_at(record, way))), "")
        if text and (field != "country" or len(text) == 2):
            place[field] = text
    return place or NOWHERE


def _text_at(record: Any, way: tuple[str | int, ...]) -> str:
    for step in way:
        try:
            record = record[step]
        except (KeyError, IndexError, TypeError):
            return ""
    return record if isinstance(record, str) else ""
