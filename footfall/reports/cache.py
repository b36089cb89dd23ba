"""The cache of facts: each day's facts in a file, brought up to date whenever they are asked for.

::

    cache = open_cache(config, store)
    days = cache.days("blog", date(2026, 1, 1), date(2026, 1, 31))

A store tells what changed (:meth:`footfall.storage.Store.changes`); what was touched is read from it anew and put in
the place of what was known, and nothing else is read. So the facts are always what
:func:`~footfall.reports.building.build` would make of the store now, whatever came late, was moved or was removed.

In the data folder, ``cache`` has a folder for each site: a file for each day, and a manifest that names them.
Processes share it. What changed since the manifest was written, each keeps in its memory, and one of them writes it
down when it is worth it.
"""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager, nullcontext
from datetime import UTC, date, datetime, timedelta
from functools import partial
from math import inf
from pathlib import Path

from footfall import config as configuration
from footfall.changes import COUNTED
from footfall.config import Config
from footfall.errors import SegmentError, StoreError
from footfall.pageview import check_account, days_of
from footfall.reports import manifest as manifests
from footfall.reports.building import build
from footfall.reports.changed import Part, parts_of
from footfall.reports.day import Day, day_of
from footfall.reports.known import Known
from footfall.reports.manifest import TURN, Manifest, Piece
from footfall.reports.mapped import tell_damage
from footfall.reports.splicing import spliced
from footfall.reports.tasks import BuildTask, run, written
from footfall.reports.version import facts_version
from footfall.reports.visits import StitchedDay
from footfall.retention import DAY_TICKS, retention_of
from footfall.storage import Store
from footfall.stores import default_store

#: What is known in memory alone is written down once it is so many events, or so many seconds old; and where nothing
#: happens, how far the store was followed.
SAVED_EVENTS, SAVED_SECONDS, IDLE_SECONDS = 50_000, 60.0, 3_600.0
#: Days that are built before the manifest is written; who waits for the turn gets it then.
ROUND = 32
#: Days that are not known, beyond which the store is asked which of them have events.
MOST_UNKNOWN = 40
_PREFIX, _SUFFIX = "site.", ".facts"
_DAY = timedelta(days=1)
_log = logging.getLogger(__name__)

#: Is told, while days are built, how many are, of how many, and how many events they have.
Progress = Callable[[int, int, int], None]


class _Moved(Exception):
    """Another process has put another file in the place of one that we know of."""


class FactsCache:
    """The facts of a store's sites, in a folder. Safe to use from several threads, and by several processes.

    :param store: where the events are.
    :param folder: where the facts are kept; made when missing, readable by its owner alone.
    :param retention: days that events are kept for whose site does not say otherwise, 0 for ever.
    """

    def __init__(self, store: Store, folder: Path, retention: int = 0) -> None:
        self.store = store
        self.folder = folder
        self._retention = retention
        self._sites: dict[str, Known] = {}
        self._making = threading.Lock()

    # ----- reading

    def days(self, account: str, first: date, last: date, asked: float | None = None) -> list[StitchedDay]:
        """Return the facts of a range of days as they are now, with the days that its visits reach into.

        :param first: the first day, UTC.
        :param last: the last day, itself included.
        :param asked: a time of the monotonic clock; as they were then or later is new enough.
        :raises StoreUnavailable: the store did not answer.
        :raises ValueError: a value in the store is no msgpack.

        What is not known is built first, which takes its time for many days: see :meth:`build`.
        """
        site, asked = self._site(account), time.monotonic() if asked is None else asked
        with site.lock:
            while True:
                try:
                    # Of those who waited for somebody's look at the store, one looks for all of them.
                    if site.followed < asked:
                        self._follow(site)
                    self._complete(site, first - _DAY, last + _DAY)
                    found = site.around(first, last, partial(self._load, site))
                except _Moved:
                    site.followed = -inf
                    continue
                break
            self._save_if_worth_it(site)
            self._save_counts(site)
            return found

    # ----- keeping

    def build(self, account: str, *, executor: Executor | None = None, progress: Progress | None = None) -> int:
        """Build what is not known of a site, the newest days first, and write down what is; return how many days.

        :param executor: builds days side by side; worker processes open the store by its URL.
        :param progress: is told how far it is.
        :raises OSError: the files cannot be written.
        :raises StoreUnavailable: the store did not answer; what was built by then is kept.
        """
        site = self._site(account)
        with site.lock:
            self._settle(site)
            days = sorted(filter(site.lacks, self._days_with_events(account)), reverse=True)
            self._build(site, days, executor, progress)
        return len(days)

    def refresh(self, account: str) -> None:
        """Bring what is known of a site up to date on disk as well: what was removed from the store is not there then.

        :raises OSError: the files cannot be written.
        """
        site = self._site(account)
        if site.folder.is_dir():
            with site.lock:
                self._settle(site)

    def drop(self, account: str) -> None:
        """Remove all that is known of a site; it is built anew when it is asked for.

        :raises OSError: the files cannot be removed.
        """
        site = self._site(account)
        if site.folder.is_dir():
            with site.lock, self._turn(site):
                (site.folder / manifests.MANIFEST).unlink(missing_ok=True)
                manifests.sweep(site.folder, Manifest(""))
                self._adopt(site)

    def accounts(self) -> list[str]:
        """Return the sites of which something is known, in order."""
        return sorted(path.parent.name.removeprefix(_PREFIX)
                      for path in self.folder.glob(f"{_PREFIX}*/{manifests.MANIFEST}"))

    def status(self, account: str) -> dict[str, int | str | bool | None]:
        """Return what is known of a site on disk: days, events, bytes, and whether the facts are of this version."""
        folder = self._site(account).folder
        try:
            manifest = manifests.read(folder) or Manifest("")
        except ValueError:
            manifest = Manifest("")
        full = sorted(day for day, piece in manifest.days.items() if piece.events)
        return {"site": account, "days": len(full), "events": sum(piece.events for piece in manifest.days.values()),
                "bytes": sum(map(manifests.size, folder.glob("*"))),
                "first": full[0].isoformat() if full else None, "last": full[-1].isoformat() if full else None,
                "is_current": manifest.facts == facts_version()}

    # ----- following the store

    def _site(self, account: str) -> Known:
        with self._making:
            if account not in self._sites:
                self._sites[account] = Known(check_account(account), self.folder / f"{_PREFIX}{account}")
            return self._sites[account]

    def _follow(self, site: Known) -> None:
        """Learn what other processes have written down, and what changed in the store.

        :raises _Moved: they did so meanwhile.
        """
        began = time.monotonic()
        if site.stamp != manifests.stamp(site.folder) or site.manifest.facts != facts_version():
            self._adopt(site)
        # First of all: what is read later is at least as new.
        changes, cursor = self.store.changes(site.cursor)
        if any(change.key is None for change in changes):
            site.manifest, site.fresh = Manifest(facts_version()), {}
        else:
            for day, parts in parts_of(changes, site.account).items():
                if site.knows(day):
                    self._read_again(site, day, parts)
        site.cursor = cursor
        site.over, site.unsure = self._left(site.account)
        site.followed = began

    def _adopt(self, site: Known) -> None:
        """Begin with what the manifest says."""
        site.stamp, found = manifests.stamp(site.folder), None
        try:
            found = manifests.read(site.folder)
        except ValueError as error:
            tell_damage(f"{site.folder / manifests.MANIFEST}: {error}; the facts are built anew")
        if found is None or found.facts != facts_version():
            found = Manifest(facts_version())
        site.manifest, site.cursor, site.followed = found, found.cursor, -inf
        site.files.keep_only({piece.file for piece in found.days.values()})
        site.forget_fresh()

    def _read_again(self, site: Known, day: date, parts: Sequence[Part] | None) -> None:
        """Read parts of a day from the store, ``None`` for all of it, and put them in the place of what was known."""
        if parts is None:
            facts = build(self.store, site.account, day)
            site.unsaved += len(facts)
        else:
            facts = self._known(site, day)
            for low, high in parts:
                some = build(self.store, site.account, day, low, high)
                facts = spliced(facts, low, high, some)
                site.unsaved += len(some)
        site.fresh[day] = facts

    def _left(self, account: str) -> tuple[int | None, int | None]:
        """Return the ticks before which an account's events have left the store, and before which they may have."""
        if not self.store.by_ttl:
            return None, None
        now = time.time_ns() // 100
        kept = retention_of(self.store, self._retention).days(account), self.store.ttl_days
        over, unsure = (now - days * DAY_TICKS if days else None for days in kept)
        return over, unsure

    # ----- what is known

    def _known(self, site: Known, day: date) -> Day:
        """Return a day's facts, built if they are not known or their file is damaged."""
        if day in site.fresh:
            return site.fresh[day]
        piece = site.manifest.days.get(day)
        if piece is not None and piece.file is None:
            return day_of(day, [])
        facts = self._mapped(site, piece.file) if piece is not None and piece.file is not None else None
        if facts is None:
            facts = site.fresh[day] = build(self.store, site.account, day)
            site.unsaved += max(SAVED_EVENTS, len(facts))
        return facts

    def _mapped(self, site: Known, name: str) -> Day | None:
        """Return the facts in a file, ``None`` if it is damaged.

        :raises _Moved: another process has removed it.
        """
        try:
            return site.files.day(name)
        except (OSError, SegmentError) as error:
            if site.stamp != manifests.stamp(site.folder):
                raise _Moved from error
            tell_damage(f"{error}; its facts are built anew")
            return None

    def _load(self, site: Known, day: date) -> Day | None:
        """Return a day's facts as far as they are kept; ``None`` if it has no events."""
        if site.is_over(day):
            return None
        facts = self._known(site, day) if site.keeps(day) else build(self.store, site.account, day)
        if site.over is not None and len(facts) and facts.ticks[0] < site.over:
            facts = spliced(facts, int(facts.ticks[0]), site.over - 1, day_of(day, []))
        return facts if len(facts) else None

    def _days_with_events(self, account: str, first: date | None = None, last: date | None = None) -> set[date]:
        start, finish = f"{first:%Y%m%d}" if first else "", f"{last:%Y%m%d}~" if last else ""
        return {day for family in COUNTED for day, owner, _ in days_of(self.store.family(family).row_keys(
            start, finish)) if owner == account}

    # ----- building and writing down

    def _complete(self, site: Known, first: date, last: date) -> None:
        """Build the days of a range that are not known."""
        days = [first + number * _DAY for number in range((last - first).days + 1)]
        unknown = list(filter(site.lacks, days))
        if len(unknown) > MOST_UNKNOWN:
            there = self._days_with_events(site.account, first, last)
            site.fresh |= {day: day_of(day, []) for day in unknown if day not in there}
        try:
            self._build(site, [day for day in unknown if not site.knows(day)][::-1])
        except OSError as error:
            # They are built in memory, when each is asked for.
            _log.warning("facts cannot be kept: %s", error)

    def _build(self, site: Known, days: Sequence[date], executor: Executor | None = None,
               progress: Progress | None = None) -> None:
        events = 0
        for first in range(0, len(days), ROUND):
            with self._turn(site):
                self._follow(site)
                some = [day for day in days[first:first + ROUND] if not site.knows(day)]
                tasks = [BuildTask(self.store, site.account, day, site.folder / _new_name(day)) for day in some]
                pieces: dict[date, Piece] = {}
                for day, piece in zip(some, run(tasks, executor), strict=True):
                    pieces[day] = piece
                    events += piece.events
                    if progress:
                        progress(first + len(pieces), len(days), events)
                self._save(site, pieces)

    def _settle(self, site: Known) -> None:
        """Bring what is known up to date on disk."""
        with self._turn(site):
            self._follow(site)
            self._save(site, {})

    def _save_if_worth_it(self, site: Known) -> None:
        age = time.monotonic() - site.saved
        if site.unsaved < SAVED_EVENTS and age < (SAVED_SECONDS if site.fresh else IDLE_SECONDS):
            return
        try:
            with self._turn(site, wait=False) as is_ours:
                if is_ours:
                    # What another has written down meanwhile is what ours goes on from.
                    self._follow(site)
                    self._save(site, {})
        except (OSError, StoreError) as error:
            _log.warning("facts cannot be kept: %s", error)
        site.saved, site.unsaved = time.monotonic(), 0

    def _save_counts(self, site: Known) -> None:
        """Write down some of what was counted of whole days and is in no file, those of days that are over."""
        days = site.files.uncounted(datetime.now(UTC).date())
        try:
            # Where the manifest is another, the files of these days may have been swept away.
            with self._turn(site, wait=False) if days else nullcontext() as is_ours:
                for day in days if is_ours and site.stamp == manifests.stamp(site.folder) else ():
                    day.tallies.save(day.day)
        except OSError as error:
            _log.warning("counts cannot be kept: %s", error)

    def _save(self, site: Known, built: Mapping[date, Piece]) -> None:
        """Write down what is known; whoever calls has the turn, and has followed since.

        :param built: days whose files are written.
        """
        days = {**site.manifest.days, **built}
        for day, facts in site.fresh.items():
            days[day] = written(facts, site.folder / _new_name(day))
        days = {day: piece for day, piece in days.items() if site.keeps(day) and not site.is_over(day)}
        manifest = Manifest(facts_version(), site.cursor, days)
        if manifest != site.manifest or site.stamp is None:
            manifests.write(site.folder, manifest)
        site.manifest, site.stamp = manifest, manifests.stamp(site.folder)
        site.forget_fresh()
        manifests.sweep(site.folder, manifest)
        site.files.keep_only({piece.file for piece in days.values()})

    @contextmanager
    def _turn(self, site: Known, *, wait: bool = True) -> Iterator[bool]:
        """Have the turn to write to a site's folder, which one process has at a time; tell whether we have it.

        :param wait: for others who have it.
        """
        site.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (site.folder / TURN).open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
                return
            yield True


def open_cache(config: Config, store: Store) -> FactsCache:
    """Return the cache of a store's facts in the data folder."""
    return FactsCache(store, config.facts, config.retention)


_default: dict[int, FactsCache] = {}
_opening = threading.Lock()


def default_cache() -> FactsCache:
    """Return this process's one cache of the settings' own store, see :func:`footfall.stores.default_store`."""
    store = default_store()
    with _opening:
        cache = _default.get(os.getpid())
        if cache is None or cache.store is not store:
            cache = open_cache(configuration.load(), store)
            _default.clear()
            _default[os.getpid()] = cache
        return cache


def _new_name(day: date) -> str:
    """Return the name of a file that no other has had: one that is mapped is never written to."""
    return f"{day:%Y%m%d}-{secrets.token_hex(6)}{_SUFFIX}"

