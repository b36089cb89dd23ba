"""Events a second that an export writes, in each format, from rows and from sealed days, and that an import takes back.

``python -m bench.export`` counts seconds of a processor, medians of some rounds. The baseline is a plain loop of
``xget`` over the same events, which opens no value. Last, the most memory that the process ever held.
"""

from __future__ import annotations

import argparse
import hashlib
import resource
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path

from bench.rig import median, report
from footfall import accounts
from footfall.storage import Store
from footfall.stores import open_store
from footfall.transfer import demo, export, restoring
from footfall.transfer.extract import COUNTED, EVENTS, Extract
from footfall.transfer.files import LogFile

SITE = "blog"


def loop(store: Store) -> None:
    """Read every event by ``xget``."""
    for name in EVENTS:
        family = store.family(name)
        for key in family.row_keys():
            for _ in family.xget(key):
                pass


def write(store: Store, form: str, path: Path) -> None:
    """Export the site to a file."""
    with path.open("wb") as file:
        export.write(store, accounts.find(store, SITE), form, None, None, file)


def take_back(path: Path) -> None:
    """Import an export into an empty store."""
    with tempfile.TemporaryDirectory() as folder, open_store(f"sqlite:///{folder}/new.db") as store:
        with LogFile(str(path), restoring.MAX_LINE_BYTES) as lines:
            restoring.examine(lines, str(path))
        with LogFile(str(path), restoring.MAX_LINE_BYTES) as lines:
            restoring.restore(lines, str(path), store, SITE, 0, lambda done: None)


def digest(path: Path) -> str:
    """Return the digest of a file, which need not be in memory for that."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def measure(store: Store, folder: Path, rounds: int, kind: str, takes_back: bool) -> dict[str, float]:
    """Return how many events a second of processor each thing takes.

    :param kind: of the store's days, ``rows`` or ``sealed``.
    """
    extract = Extract(store, accounts.find(store, SITE))
    all_, counted = (sum(1 for _ in extract.events(families)) for families in (EVENTS, COUNTED))
    acts: dict[str, tuple[int, Callable[[], None]]] = {f"xget, {kind}": (all_, partial(loop, store))}
    for form in export.FORMATS:
        acts[f"{form}, {kind}"] = (all_ if form == "jsonl" else counted,
                                   partial(write, store, form, folder / f"{SITE}.{form}"))
    if takes_back:
        acts["import"] = all_, partial(take_back, folder / f"{SITE}.jsonl")
    rates = defaultdict[str, list[float]](list)
    # Of every thing once in each round: what else the machine does changes in the meantime.
    for _ in range(rounds):
        for name, (events, act) in acts.items():
            began = time.process_time()
            act()
            rates[name].append(events / (time.process_time() - began))
    return {name: median(each) for name, each in rates.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--views", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, open_store(f"sqlite:///{name}/footfall.db") as store:
        folder = Path(name)
        accounts.add(store, SITE)
        plan = demo.Plan(SITE, date(2026, 3, 31), 30, options.views, 1, "daily")
        demo.write(store, plan, demo.begin(store, plan, 0, force=True), 0, lambda written: None)
        rates = measure(store, folder, options.rounds, "rows", True)
        events = sum(1 for _ in Extract(store, accounts.find(store, SITE)).events(EVENTS))
        sizes = {form: (folder / f"{SITE}.{form}").stat().st_size / events for form in export.FORMATS}
        before = digest(folder / f"{SITE}.jsonl")
        for _ in store.seal(SITE, date(2026, 4, 1)):
            pass
        rates |= measure(store, folder, options.rounds, "sealed", False)
        if digest(folder / f"{SITE}.jsonl") != before:
            raise SystemExit("the export of sealed days is not that of their rows")
    rows = {name: {"events/s": each, "of xget": each / rates["xget, rows"],
                   **({"bytes/event": sizes[form]} if (form := name.partition(",")[0]) in sizes else {})}
            for name, each in rates.items()}
    report("export", rows, {"events": events, **{f"{form} / xget": rates[f"{form}, rows"] / rates["xget, rows"]
                                                 for form in export.FORMATS},
                            "most_memory_MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024})


if __name__ == "__main__":
    main()
