"""`footfall serve` without a part of its promise, to measure what that part costs. For benchmarks alone.

``python -m bench.variants nocommit`` serves as footfall does with a store that keeps nothing;
``early`` answers before the commit, as other trackers do.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from footfall.cli import main
from footfall.collect.greenlet_writer import GreenletWriter
from footfall.packing import packed
from footfall.stores.sqlite import SqliteStore


def _keep_nothing(store: SqliteStore, mutations: Sequence[Any]) -> bool:
    """Take mutations, and keep none."""
    return True


def _commit_later(writer: GreenletWriter, events: Sequence[Any]) -> None:
    """Queue events, and return at once."""
    writer._add(packed(events), lambda error: None)


if __name__ == "__main__":
    if sys.argv[1] == "nocommit":
        SqliteStore.apply = SqliteStore.apply_at_once = _keep_nothing  # type: ignore[method-assign, assignment]
    elif sys.argv[1] == "early":
        GreenletWriter.commit = _commit_later  # type: ignore[method-assign]
    sys.exit(main(["serve"]))
