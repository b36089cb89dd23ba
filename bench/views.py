"""Page-views as footfall stores them, made from the requests that the benchmarks send."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import cycle, islice

from bench.rig import SITE, varied_requests
from footfall.collect.hit import Policy, parse_hit
from footfall.collect.visitors import Visitors
from footfall.packing import packed
from footfall.salts import Salts
from footfall.storage import Insert
from footfall.stores.memory import MemoryStore
from footfall.timeuuid import Clock


def views(count: int, sites: int = 1, *, visitors: bool = False) -> Iterator[Insert]:
    """Yield page-views of now, of several sites in turn, each with a name of its own.

    :param visitors: whether they have visitors, whose steps are then among what is given.
    """
    clock, policy = Clock(), Policy(None, "truncated", ())
    if visitors:
        told_apart = Visitors(Salts("daily", MemoryStore), MemoryStore)
        policy = policy._replace(visitor=partial(told_apart.visitor, at_once=False))
    for number, (path, agent, language) in enumerate(islice(cycle(varied_requests()), count)):
        query = path.partition("?")[2].replace(f"id={SITE}&", f"id={SITE}-{number % sites}&")
        headers = {"user-agent": agent, "accept-language": language}
        hit = parse_hit(query.encode(), headers, f"203.0.{number // 250 % 250}.{number % 250}", policy=policy,
                        name=clock.new_id())
        yield from packed([hit])


def batches(inserts: Iterator[Insert], size: int) -> Iterator[list[Insert]]:
    """Yield inserts so many at a time, as commits take them."""
    while batch := list(islice(inserts, size)):
        yield batch
