"""Page-views as footfall stores them, made from the requests that the benchmarks send."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import accumulate, cycle, islice
from typing import Any

import msgpack

from bench.rig import SITE, varied_requests
from footfall.collect.hit import Policy, parse_hit
from footfall.collect.visitors import Visitors
from footfall.packing import packed
from footfall.pageview import event_key
from footfall.retention import DAY_TICKS
from footfall.salts import Salts
from footfall.storage import Insert
from footfall.stores.memory import MemoryStore
from footfall.timeuuid import Clock, make


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


def believable(site: str, start: int, count: int, days: int) -> Iterator[Insert]:
    """Yield page-views of a site with visitors and screens, about 340 bytes each, spread over some days.

    :param start: the first day's midnight, in ticks since 1970.
    """
    chance = random.Random(7)
    posts = [(f"https://blog.example.com/{year}/{month:02d}/{word}-{other}-{number}.html",
              f"{word.title()} {other}, part {number}")
             for year in range(2021, 2027) for month in range(1, 13)
             for number, (word, other) in enumerate((("notes", "on-time"), ("a-small", "server"), ("graphs", "again"),
                                                     ("letters", "from-the-north"), ("reading", "old-code")))]
    popular = list(accumulate(1 / rank for rank in range(1, len(posts) + 1)))
    referrers = ["", "", "", "https://www.google.com/", "https://news.example.org/item?id=41", "https://duckduckgo.com/",
                 *(f"https://www.bing.com/search?q={word}+{other}&form=QBLH" for word in ("self", "small", "old")
                   for other in ("hosted+analytics", "python+server", "time+uuid", "cassandra")),
                 *(f"https://blog.example.com{url[24:]}" for url, _ in posts[:40])]
    systems = ["Windows NT 10.0; Win64; x64", "X11; Linux x86_64", "Macintosh; Intel Mac OS X 10_15_7",
               *(f"Linux; Android {version}; {phone}" for version in (12, 13, 14, 15)
                 for phone in ("Pixel 8", "SM-A546B", "SM-G991B", "2201117TY"))]
    agents = [f"Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0 Safari/537.36"
              for system in systems for version in range(118, 132)]
    gap = days * DAY_TICKS / (count + 1)
    readers = [_reader(chance, agents) for _ in range(40)]
    for number in range(count):
        # Some forty are there at once, and a reader leaves after three views or so.
        place = chance.randrange(len(readers))
        if chance.random() < 0.33:
            readers[place] = _reader(chance, agents)
        url, title = chance.choices(posts, cum_weights=popular)[0]
        name = make(start + int(gap * (number + chance.random())), chance.getrandbits(62))
        yield Insert("PageViews", event_key(site, name), name, msgpack.packb({
            "url": url, "title": title, **readers[place], "referrer": chance.choice(referrers)}))


def _reader(chance: random.Random, agents: Sequence[str]) -> dict[str, Any]:
    return {"ip": f"{chance.randrange(1, 224)}.{chance.randrange(256)}.{chance.randrange(256)}.0",
            "user_agent": chance.choice(agents), "language": chance.choice(["en-US", "de-DE", "fr", "en-GB", "ja"]),
            "visitor": chance.randbytes(8), "screen": chance.choice(["1920x1080", "390x844", "1536x864", "412x915"])}
