"""The files of a site's days that a process has mapped: facts, and what was counted of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from datetime import date
from itertools import islice
from pathlib import Path

from footfall.reports import segment
from footfall.reports.day import Day

#: Files of a site that stay mapped.
OPEN_FILES = 400
#: Days whose counts are written down at once: whoever asked waits for that.
COUNTED_DAYS = 4


class Files:
    """Files in a folder, each checked when it is first read.

    :param folder: the site's.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._days: OrderedDict[str, Day] = OrderedDict()

    def day(self, name: str) -> Day:
        """Return the facts in a file; that of the same name is the same object, as long as it stays mapped.

        :raises SegmentError: it is damaged.
        :raises OSError: it is not there, or cannot be read.
        """
        if name not in self._days:
            path = self._folder / name
            segment.check(path)
            self._days[name] = segment.read(path)
            if len(self._days) > OPEN_FILES:
                self._days.popitem(last=False)
        self._days.move_to_end(name)
        return self._days[name]

    def keep_only(self, names: Collection[str | None]) -> None:
        """Let go of all other files."""
        for name in self._days.keys() - set(names):
            del self._days[name]

    def uncounted(self, before: date) -> list[Day]:
        """Return some days of which something was counted that is in no file, and belongs there.

        :param before: only days before this one, which hardly become others any more.
        """
        return list(islice((day for day in self._days.values() if day.tallies.is_unsaved and day.day < before),
                           COUNTED_DAYS))
