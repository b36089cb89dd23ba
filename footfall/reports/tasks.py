"""Building days side by side: each by itself, by whichever worker is free, straight into a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from footfall.reports import segment
from footfall.reports.building import build
from footfall.reports.day import Day
from footfall.reports.manifest import Piece
from footfall.reports.prepared import prepare
from footfall.storage import Store
from footfall.stores import default_store


@dataclass(frozen=True)
class BuildTask:
    """A day to build. The store stays behind when it travels to another process: a worker has its own, by URL.

    :param path: the file to write, unless the day has no events.
    """

    store: Store
    account: str
    day: date
    path: Path

    def __call__(self) -> Piece:
        piece = written(build(self.store, self.account, self.day), self.path)
        if piece.file:
            prepare(self.path)
        return piece

    def __reduce__(self) -> Any:
        self.store.__reduce__()
        return _unpack, (self.store.url, self.account, self.day, self.path)


def _unpack(url: str, account: str, day: date, path: Path) -> BuildTask:
    return BuildTask(default_store(url), account, day, path)


def written(facts: Day, path: Path) -> Piece:
    """Write a day's facts to a file, unless there are none, and return what a manifest says of it."""
    if not len(facts):
        return Piece()
    segment.write(path, facts)
    return Piece(path.name, len(facts))


def run(tasks: Sequence[BuildTask], executor: Executor | None) -> Iterator[Piece]:
    """Yield what became of tasks, in their order.

    :param executor: ``None`` to do one after the other, here.
    """
    if executor is None:
        yield from (task() for task in tasks)
        return
    futures: list[Future[Piece]] = [executor.submit(task) for task in tasks]
    try:
        for future in futures:
            yield future.result()
    finally:
        for future in futures:
            future.cancel()
