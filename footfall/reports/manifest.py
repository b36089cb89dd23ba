"""The manifest of a site's cached facts: which days are known, in which files, and up to where the store was followed.

It is replaced as a whole, so it always names files that are there, and a cursor up to which they tell all. What it does
not name is nobody's, and may be swept away by whoever has the turn.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import msgspec

from footfall.drafts import written_whole
from footfall.reports.tallies import SUFFIX

#: The names of the manifest in a site's folder, and of the file whose lock is the turn to write there.
MANIFEST, TURN = "manifest.json", "turn"


class Piece(msgspec.Struct, frozen=True):
    """A day that is known.

    :param file: the name of its segment; ``None`` for a day without events.
    :param events: how many events it has.
    """

    file: str | None = None
    events: int = 0


class Manifest(msgspec.Struct, frozen=True):
    """What a folder of facts holds.

    :param facts: the version of the facts; those of another one are built anew.
    :param cursor: how far the store's changes are in the files, see :meth:`footfall.storage.Store.changes`.
    :param days: what is known, by day; a day that is not there is not known.
    """

    facts: str
    cursor: str | None = None
    days: dict[date, Piece] = {}


#: What tells one manifest from the next in the same place, without reading them.
Stamp = tuple[int, int, int, int]


def stamp(folder: Path) -> Stamp | None:
    """Return what tells the manifest in a folder from the one before it; ``None`` if there is none that can be read."""
    try:
        found = (folder / MANIFEST).stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size


def read(folder: Path) -> Manifest | None:
    """Return the manifest in a folder; ``None`` if there is none that can be read.

    :raises ValueError: it is damaged.
    """
    try:
        return msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except OSError:
        return None


def write(folder: Path, manifest: Manifest) -> None:
    """Put a manifest in the place of the one that is there. When this returns, it is on disk."""
    with written_whole(folder / MANIFEST) as file:
        file.write(msgspec.json.encode(manifest))


def size(path: Path) -> int:
    """Return how many bytes a file has; 0 for one that somebody has just removed."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def sweep(folder: Path, manifest: Manifest) -> None:
    """Remove what the manifest does not name: files that were replaced, and what a killed writer left behind.

    What was counted of a day goes with the day's file.
    """
    named = {MANIFEST, TURN}
    for piece in manifest.days.values():
        if piece.file:
            named |= {piece.file, str(Path(piece.file).with_suffix(SUFFIX))}
    for path in folder.iterdir():
        if path.name not in named:
            path.unlink(missing_ok=True)
