"""Traffic as it comes, with everything that is difficult in it; made up, and the same for the same seed.

A :class:`Traffic` is what readers did on a few days, on several sites: visits across midnight and across the hour that
clocks are set in, gaps of exactly half an hour, events of one instant, events of nobody. :func:`deliver` brings it into
a store as it might come: late, out of order, in pieces, some of it twice, some by an import, with bots taken out and
some of them put back. However it comes, :meth:`Traffic.counted` is what counts.
"""

import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from footfall.collect.filters import Lists, Rules
from footfall.collect.moving import Range, apply_rules, restore
from footfall.packing import packed
from footfall.pageview import Event
from footfall.reports.plain import PlainEvent, event_of
from footfall.reports.plain.events import in_order
from footfall.site_settings import parsed
from footfall.storage import Store
from footfall.timeuuid import TICKS_PER_SECOND, make, ticks_at, ticks_of
from footfall.transfer.importing import Importer, Summary
from tests.browsers import browsers

#: Accounts of which each could be taken for a part of another.
ACCOUNTS = ("blog", "blog.example.com", "com")
#: The days about which clocks are set in Berlin, and a New Year.
BEGINNINGS = (date(2026, 3, 27), date(2026, 10, 23), date(2025, 12, 30))
DAYS = 4
HALF_HOUR = 1_800 * TICKS_PER_SECOND
BOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
AGENTS = tuple(agent for agent, _ in list(browsers())[::17][:12])
PAGES = ("/", "/about", "/Über uns", "/blog/one", "/blog/two?utm_source=News&utm_medium=email", "/blog/two",
         "/#/routed")
REFERRERS = ("", "", "", "https://www.google.com/search?q=foot+fall", "https://news.ycombinator.com/item?id=1",
             "https://blog.example.com/", "https://elsewhere.example.org/a", "not an address")
PLACES = ({}, {"country": "DE", "region": "Limburg", "city": "Bad Camberg"}, {"country": "NL", "region": "Limburg"},
          {"country": "IN"})
NAMES = ("engagement", "engagement", "vitals", "404", "outbound", "download", "form", "signup", "signup")
PROPS = ({}, {"plan": "pro", "seats": 3}, {"plan": "free", "share": 1.5, "trial": True}, {"plan": None, "seats": 3.0},
         {"Plan": "", "note": "zwölf * 12"})
#: Gaps between a reader's events, in ticks.
GAPS = (0, 1, 10, TICKS_PER_SECOND, 40 * TICKS_PER_SECOND, 600 * TICKS_PER_SECOND, HALF_HOUR - 1, HALF_HOUR,
        HALF_HOUR + 1, 2 * HALF_HOUR, 9 * HALF_HOUR)


@dataclass(frozen=True)
class Traffic:
    """What happened, and how it was told.

    :param events: what happened, each once. Some were told only by what says that it is a retry.
    :param repeats: what was sent again, marked as a retry and a little off in time, or just as it was.
    """

    since: date
    until: date
    events: Sequence[Event]
    repeats: Sequence[Event]

    def counted(self, account: str) -> list[PlainEvent]:
        """Return what counts of an account: what no bot did, or was put back."""
        return in_order(event_of(event.id, event.fields) for event in self.events if event.account == account
                        and (event.fields["user_agent"] != BOT or _is_restored(event.fields)))


def traffic(seed: int, visitors: int = 40) -> Traffic:
    """Make up the traffic of a few days.

    :param visitors: how many readers each site has.
    """
    chance = random.Random(seed)
    since = chance.choice(BEGINNINGS)
    events = [event for account in ACCOUNTS for number in range(visitors)
              for event in _reader(chance, account, number, since)]
    told, repeats = [], []
    for event in events:
        lot = chance.random()
        told.append(event._replace(retry=lot < 0.03))
        if 0.03 <= lot < 0.10:
            # The page had no answer, sent it again, and reckoned its age otherwise.
            repeats += (event._replace(id=_moved(event, chance.randint(-5 * TICKS_PER_SECOND, 300 * TICKS_PER_SECOND)),
                                retry=True) for _ in range(chance.randint(1, 2)))
        elif 0.10 <= lot < 0.15:
            repeats.append(event)
    return Traffic(since, since + timedelta(days=DAYS), told, repeats)


def deliver(store: Store, traffic: Traffic, seed: int | None = None) -> Iterator[None]:
    """Bring traffic into a store, and yield each time that a part of it has arrived.

    :param seed: of how it comes; ``None`` for in order, each once, without detours.
    """
    if seed is None:
        _apply(store, sorted(traffic.events, key=lambda event: event.id.time))
        _sort_out(store)
        yield
        return
    chance = random.Random(seed)
    waiting = [*traffic.events, *traffic.repeats]
    chance.shuffle(waiting)
    while waiting:
        count = chance.randint(1, max(2, len(waiting) // 2))
        part, waiting = waiting[:count], waiting[count:]
        if chance.random() < 0.3:
            importer = Importer(store, Summary())
            importer.take(part)
            importer.flush()
        else:
            _apply(store, part)
        if chance.random() < 0.4:
            _sort_out(store)
        yield
    _sort_out(store)
    yield


def _apply(store: Store, events: Sequence[Event]) -> None:
    for begin in range(0, len(events), 100):
        store.apply(packed(events[begin:begin + 100]))


def _sort_out(store: Store) -> None:
    """Take the bots out, and put those of some pages back."""
    for account in ACCOUNTS:
        apply_rules(store, account, Rules(parsed({}), Lists(), ("bot",)), Range())
        restore(store, account, _is_restored, Range())


def _is_restored(fields: dict[str, Any]) -> bool:
    return fields["url"].endswith("/about")


def _reader(chance: random.Random, account: str, number: int, since: date) -> Iterator[Event]:
    """Yield what one reader does: a few visits, or what cannot be told from two visits."""
    visitor = {} if chance.random() < 0.1 else {"visitor": number.to_bytes(4) * 2}
    agent = BOT if chance.random() < 0.1 else chance.choice(AGENTS)
    place = chance.choice(PLACES)
    for _ in range(chance.randint(1, 4)):
        ticks = _beginning(chance, since)
        referrer = chance.choice(REFERRERS)
        for _ in range(chance.choice((1, 1, 2, 3, 5, 8, 60))):
            fields = {"url": f"https://{account}.example.com{chance.choice(PAGES)}",
                      "title": chance.choice(("", "Über")), "ip": "192.0.2.0", "referrer": referrer,
                      "user_agent": agent, "language": chance.choice(("de-DE", "en", "")), **visitor, **place,
                      **_kind(chance)}
            family = "Events" if "event" in fields else "PageViews"
            yield Event(family, account, make(ticks, chance.getrandbits(62)), fields)
            ticks += chance.choice(GAPS[:8] if chance.random() < 0.8 else GAPS)
            referrer = "" if chance.random() < 0.8 else referrer
            # In a train abroad.
            place = place if chance.random() < 0.95 else chance.choice(PLACES)


def _beginning(chance: random.Random, since: date) -> int:
    """Return the time at which a visit begins: any, or a little before or at an hour, such as midnight."""
    start = ticks_at(datetime(since.year, since.month, since.day, tzinfo=UTC))
    hour = start + chance.randrange(DAYS * 24) * 2 * HALF_HOUR
    lot = chance.random()
    if lot < 0.3:
        return hour + chance.choice((0, -1, HALF_HOUR, -HALF_HOUR, -HALF_HOUR - 1, HALF_HOUR - 1))
    return hour + (chance.randrange(2 * HALF_HOUR) if lot < 0.9 else chance.randrange(3_600) * TICKS_PER_SECOND)


def _kind(chance: random.Random) -> dict[str, Any]:
    """Return what makes an event a page-view, or one of another name."""
    if chance.random() < 0.6:
        return chance.choice(({}, {}, {"screen": "1920x1080"}))
    name = chance.choice(NAMES)
    if name == "engagement":
        return {"event": name, "engaged": chance.randrange(60_000), "scroll": chance.randrange(101)}
    props = chance.choice(PROPS)
    return {"event": name, "props": props} if props else {"event": name}


def _moved(event: Event, ticks: int) -> uuid.UUID:
    """Return the name that an event has so many ticks later."""
    return make(ticks_of(event.id) + ticks, event.id.int)
