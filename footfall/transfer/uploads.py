"""Access logs that come through the browser: imported by a process of their own, whose progress stands in the store.

So any worker's page can show it, and hits do not wait for it. A process that ends in the middle, with its server, has
lost nothing: the same file uploaded again adds what is missing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

from footfall import accounts, config, definitions
from footfall.config import Config
from footfall.definitions import Definition
from footfall.errors import StoreError, UsageError
from footfall.storage import Store
from footfall.stores import open_store
from footfall.transfer.files import LogFile
from footfall.transfer.importing import Importer, Summary
from footfall.transfer.logs import access_reader

KIND = "import"
RUNNING, DONE, FAILED = "running", "done", "failed"
#: Of a site so many are remembered.
MOST = 10
#: One that tells nothing for so long has ended with its server.
SILENT_SECONDS = 60.0
TELL_SECONDS = 1.0
#: What is left here of an import that was cut off is removed after a day.
_STALE_SECONDS = 86_400


class Upload(NamedTuple):
    """An upload, and what became of it.

    :param name: the file's, as the browser told.
    :param read: how many of its ``size`` bytes were read.
    :param state: :data:`RUNNING`, :data:`DONE` or :data:`FAILED`; ``told`` says when it was that, in ISO 8601, UTC.
    :param lines: how many were read; ``taken`` became page-views, the others were ``skipped`` by reason.
    :param examples: lines that are none of an access log.
    :param error: why it failed.
    """

    id: str
    created: str
    by: str
    name: str
    size: int
    state: str
    told: str
    read: int = 0
    lines: int = 0
    taken: int = 0
    skipped: Mapping[str, int] = {}
    examples: Sequence[str] = ()
    error: str = ""

    def is_running(self, now: datetime) -> bool:
        """Tell whether it goes on, as far as anybody knows."""
        return self.state == RUNNING and (now - datetime.fromisoformat(self.told)).total_seconds() < SILENT_SECONDS


def folder(settings: Config) -> Path:
    """Return the folder for what is uploaded, made if need be; what is left there of the past goes."""
    path = settings.data / "uploads"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in path.iterdir():
        if left.stat().st_mtime < time.time() - _STALE_SECONDS:
            left.unlink(missing_ok=True)
    return path


def uploads(store: Store, site: str) -> list[Upload]:
    """Return the uploads of a site, the newest first."""
    return [_upload(each) for each in reversed(definitions.all_of(store, site, KIND))]


def begin(store: Store, settings: Config, site: str, path: Path, name: str, origin: str | None, by: str) -> Upload:
    """Begin to import an access log, and return at once.

    :param path: the file, which is removed in the end.
    :param origin: as :func:`~footfall.transfer.logs.access_reader` takes it.
    :raises UsageError: there is no such site, another import of it goes on, or the store is this process's memory.
    """
    accounts.find(store, site)
    before = uploads(store, site)
    if any(each.is_running(datetime.now(UTC)) for each in before):
        raise UsageError("another import of this site goes on; wait for its end")
    if store.url.startswith("memory:"):
        raise UsageError("the store is in this process's memory, which the process that imports cannot write to")
    for old in before[MOST - 1:]:
        definitions.remove(store, site, KIND, old.id)
    made = definitions.add(store, site, KIND, {"name": name, "size": path.stat().st_size, "state": RUNNING,
                                               "told": _now()}, by)
    # A fork would copy the store's connections. With the server it ends as well.
    get_context("spawn").Process(target=run, args=(settings.environment, site, made.id, str(path), origin),
                                 name="footfall-import", daemon=True).start()
    return _upload(made)


def run(environment: Mapping[str, str], site: str, upload_id: str, path: str, origin: str | None) -> None:
    """Import a file that was uploaded, telling the store how far it is. It is the whole work of a process.

    :param environment: that gives the server's settings.
    """
    settings = config.load(environ=environment)
    try:
        with open_store(config=settings) as store:
            work = _Work(store, site, upload_id)
            try:
                work.read(settings, path, origin)
                work.tell(DONE)
            except (UsageError, StoreError) as error:
                # Where the site itself is gone there is nobody to tell.
                with suppress(UsageError):
                    work.tell(FAILED, str(error).replace(path, work.name))
    finally:
        Path(path).unlink(missing_ok=True)


class _Work:
    """An import that goes on."""

    def __init__(self, store: Store, site: str, upload_id: str) -> None:
        self._store = store
        self._site = site
        self._id = upload_id
        self._fields = dict(definitions.find(store, site, KIND, upload_id).fields)
        self._summary = Summary()
        self._read = 0
        self._tell_at = 0.0

    @property
    def name(self) -> str:
        """The file's name, as the browser told."""
        return str(self._fields["name"])

    def read(self, settings: Config, path: str, origin: str | None) -> None:
        importer = Importer(self._store, self._summary, retention=settings.retention)
        reader = access_reader(settings, self._store, self._site, origin)()
        with LogFile(path) as log:
            importer.take(reader(self._watched(log), self._summary.skip))
            importer.flush()

    def tell(self, state: str, error: str = "") -> None:
        """Write down how far it is."""
        done = self._summary
        definitions.change(self._store, self._site, KIND, self._id, self._fields | {
            "state": state, "told": _now(), "read": self._read, "lines": done.lines, "taken": done.taken,
            "skipped": {reason: count for reason, count in done.skipped.items() if count}, "error": error,
            "examples": [line.decode("utf-8", "replace")[:160] for line in done.examples["malformed"]]})

    def _watched(self, log: LogFile) -> Iterator[bytes]:
        for line in log:
            self._summary.lines += 1
            yield line
            if time.monotonic() >= self._tell_at:
                self._tell_at, self._read = time.monotonic() + TELL_SECONDS, log.position
                self.tell(RUNNING)
        self._read = log.position


def _upload(found: Definition) -> Upload:
    fields: dict[str, Any] = dict(found.fields)
    return Upload(found.id, found.created, found.by, **fields)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
