"""What a process knows of a site's facts: what its files hold, and what changed since they were written."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from math import inf
from pathlib import Path

from footfall import timeuuid
from footfall.changes import Cursor
from footfall.reports.building import days_around
from footfall.reports.day import Day
from footfall.reports.files import Files
from footfall.reports.manifest import Manifest, Stamp
from footfall.reports.visits import StitchedDay

#: Ranges whose stitched days stay in memory.
KEPT_ANSWERS = 4
_DAY = timedelta(days=1)


@dataclass
class Known:
    """What this process knows of a site's facts.

    :param stamp: of the manifest that it knows.
    :param fresh: days that are others than in their files, or have none.
    :param cursor: how far ``fresh`` follows the store.
    :param followed: when that was begun, by the monotonic clock.
    :param unsaved: how many events of ``fresh`` were read since it was last written down.
    :param saved: when that was, by the monotonic clock.
    :param over: ticks before which events have left, where a store lets them leave by themselves.
    :param files: what is mapped.
    :param answers: the ranges that were asked for last: the days that were loaded for each, and what was answered.
    :param unsure: ticks before which nobody can tell which have left: days that began then are read each time.
    """

    account: str
    folder: Path
    lock: threading.RLock = field(default_factory=threading.RLock)
    stamp: Stamp | None = None
    manifest: Manifest = field(default_factory=lambda: Manifest(""))
    cursor: Cursor | None = None
    followed: float = -inf
    fresh: dict[date, Day] = field(default_factory=dict)
    unsaved: int = 0
    saved: float = field(default_factory=time.monotonic)
    over: int | None = None
    unsure: int | None = None
    files: Files = field(init=False)
    answers: dict[tuple[date, date], tuple[dict[date, Day | None], list[StitchedDay]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.files = Files(self.folder)

    def knows(self, day: date) -> bool:
        """Tell whether a day's facts are known as they were at ``cursor``."""
        return day in self.fresh or day in self.manifest.days

    def keeps(self, day: date) -> bool:
        """Tell whether what is known of a day holds until the store tells of a change."""
        return self.unsure is None or timeuuid.ticks_at(day) > self.unsure

    def lacks(self, day: date) -> bool:
        """Tell whether a day is to be built."""
        return not self.knows(day) and self.keeps(day) and not self.is_over(day)

    def is_over(self, day: date) -> bool:
        """Tell whether every event of a day has left."""
        return self.over is not None and timeuuid.ticks_at(day + _DAY) <= self.over

    def around(self, first: date, last: date, load: Callable[[date], Day | None]) -> list[StitchedDay]:
        """Return the days around a range; the same list as before if the same days are loaded for it.

        To stitch a month takes longer than many a question about it, and what a question finds out of a list of days
        is kept for the next.

        :param load: gives a day's facts, as :func:`~footfall.reports.building.days_around` takes it.
        """
        loaded, found = self.answers.pop((first, last), ({}, []))
        if not loaded or any(load(day) is not facts for day, facts in loaded.items()):
            loaded = {}
            found = days_around(lambda day: loaded.setdefault(day, load(day)), first, last)
        self.answers[first, last] = loaded, found
        if len(self.answers) > KEPT_ANSWERS:
            del self.answers[next(iter(self.answers))]
        return found

    def forget_fresh(self) -> None:
        """Go on with what is in files alone."""
        self.fresh, self.unsaved, self.saved = {}, 0, time.monotonic()
