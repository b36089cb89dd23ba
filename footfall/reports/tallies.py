"""What was counted of a day as a whole, kept for the next question: in memory, and in a file beside the day's facts.

The file of the counts is named as that of the facts is, with another ending, and tells the fingerprint of the facts. So
it is never that of a day that has become another, and goes when the facts go. It has the form of
:mod:`footfall.reports.mapped`; no text of an event is in it, but numbers of rows of the facts' tables, and the day's
visitors.
"""

from __future__ import annotations

import json
import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

from footfall.drafts import written_whole
from footfall.errors import SegmentError
from footfall.reports.arrays import Array
from footfall.reports.mapped import Form, Mapped, column, laid_out, tell_damage

#: Changes with what is counted, or how it is written: files of another version are not read, and swept away.
VERSION = 1
SUFFIX = f".{VERSION}.counts"
#: So many bytes of what is in no file stay in memory, of all days together.
MOST_BYTES = 96 << 20

#: What was counted, and by which dimensions.
Key = tuple[str, ...]
Arrays = Mapping[str, Array]


class Tallies:
    """What was counted of one day. Safe to use from several threads.

    :param path: of the file; ``None`` for a day that is in none.
    :param of: the fingerprint of the facts.
    """

    def __init__(self, path: Path | None = None, of: int = 0) -> None:
        self._path = path
        self._of = of
        self._lock = threading.Lock()
        self._file: _File | None = None
        self._new: dict[Key, Arrays] = {}
        #: Those of the new ones that belong into the file.
        self._unsaved: set[Key] = set()

    def get(self, key: Key) -> Arrays | None:
        """Return what was counted; ``None`` if it is not known."""
        with self._lock:
            if (found := self._new.get(key)) is not None:
                _memory.used(self, key)
                return found
            if self._file is None:
                self._file = _File(self._path, self._of)
            return self._file.get(key)

    def put(self, key: Key, counted: Arrays, *, lasting: bool) -> None:
        """Keep what was counted.

        :param lasting: it belongs into the file as well.
        """
        with self._lock:
            self._new[key] = counted
            if lasting and self._path:
                self._unsaved.add(key)
        _memory.add(self, key, sum(numbers.nbytes for numbers in counted.values()))

    def drop(self, key: Key) -> None:
        """Let go of what is in memory alone."""
        with self._lock:
            self._new.pop(key, None)
            self._unsaved.discard(key)

    def release(self) -> None:
        """Let go of what of the file is in this process's memory; it is there again when it is looked at."""
        with self._lock:
            if self._file:
                self._file.release()

    @property
    def is_unsaved(self) -> bool:
        """Whether something is not in the file that belongs there."""
        return bool(self._unsaved)

    def save(self, day: date) -> None:
        """Write what is known into the file, beside what others have written there; to be called by one at a time.

        :param day: whose counts these are.
        :raises OSError: it cannot be written; it is not tried again.
        """
        with self._lock:
            new, self._unsaved = {key: self._new[key] for key in self._unsaved}, set()
        if self._path is None or not new:
            return
        together = _File(self._path, self._of).everything() | new
        content = laid_out(_form(), day, self._of, [
            column(json.dumps((*key, name)), numbers) for key, counted in together.items()
            for name, numbers in counted.items()])
        with written_whole(self._path) as file:
            file.write(content)
        with self._lock:
            self._file = _File(self._path, self._of)
            for key in new:
                self._new.pop(key, None)
        _memory.forget(self, new)


class _File:
    """What is in a file of counts; nothing of it that is damaged.

    :param path: ``None`` for no file.
    :param of: the fingerprint of the facts; nothing is in a file that is of others.
    """

    def __init__(self, path: Path | None, of: int) -> None:
        self._parts: dict[Key, dict[str, str]] = {}
        self._known: dict[Key, Arrays | None] = {}
        self._mapped: Mapped | None = None
        if path is None:
            return
        try:
            self._mapped = Mapped(path, _form())
        except FileNotFoundError:
            return
        except (OSError, SegmentError) as error:
            tell_damage(str(error))
            return
        for part in self._mapped.parts if self._mapped.index.base == of else ():
            *key, name = json.loads(part)
            self._parts.setdefault(tuple(key), {})[name] = part

    def get(self, key: Key) -> Arrays | None:
        if key not in self._known:
            parts = self._parts.get(key)
            self._known[key] = self._checked(self._mapped, parts) if self._mapped and parts else None
        return self._known[key]

    def release(self) -> None:
        if self._mapped:
            self._mapped.release()

    def everything(self) -> dict[Key, Arrays]:
        return {key: found for key in self._parts if (found := self.get(key)) is not None}

    @staticmethod
    def _checked(file: Mapped, parts: Mapping[str, str]) -> Arrays | None:
        for part in parts.values():
            if not file.is_whole(part):
                tell_damage(str(file.damaged(f"{part} is damaged")))
                return None
        return {name: file.numbers(part) for name, part in parts.items()}


class _Memory:
    """Bounds what all tallies have in memory: what was asked for last stays."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sizes: OrderedDict[tuple[weakref.ref[Tallies], Key], int] = OrderedDict()
        self._bytes = 0

    def add(self, tallies: Tallies, key: Key, size: int) -> None:
        gone = []
        with self._lock:
            place = weakref.ref(tallies), key
            self._bytes += size - self._sizes.pop(place, 0)
            self._sizes[place] = size
            while self._bytes > MOST_BYTES and len(self._sizes) > 1:
                oldest, freed = self._sizes.popitem(last=False)
                self._bytes -= freed
                gone.append(oldest)
        for reference, its in gone:
            if (owner := reference()) is not None:
                owner.drop(its)

    def forget(self, tallies: Tallies, keys: Iterable[Key]) -> None:
        """Count no longer what is in memory no longer."""
        with self._lock:
            for key in keys:
                self._bytes -= self._sizes.pop((weakref.ref(tallies), key), 0)

    def used(self, tallies: Tallies, key: Key) -> None:
        with self._lock:
            place = weakref.ref(tallies), key
            if place in self._sizes:
                self._sizes.move_to_end(place)


_memory = _Memory()


def _form() -> Form:
    return Form(b"footcnts", VERSION, "counts")
