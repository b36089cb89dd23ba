"""From a plan to events, as the collector stores what the tracker tells."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import Any

from footfall import timeuuid
from footfall.packing import FILTERED
from footfall.pageview import Event, page_fields
from footfall.salts import MODES, OVERLAP
from footfall.timeuuid import TICKS_PER_SECOND, ticks_at
from footfall.transfer.demo.agents import BOTS
from footfall.transfer.demo.choices import generator
from footfall.transfer.demo.pages import (
    BY_RANK,
    DOWNLOADS,
    OUTBOUND,
    PLANS,
    PRICING,
    SOURCES,
    Page,
    Source,
    after,
    entry,
)
from footfall.transfer.demo.plan import HOUR, Person, Plan, Visit

#: The tracker tells times in milliseconds.
MS = TICKS_PER_SECOND // 1000
#: After half of the views the next one comes within so many; after one in fifty, more than half an hour later.
GAP_MS, LONGEST_GAP_MS = 36_000, 5 * 3600 * 1000
#: Half of the pages that end a visit are read for less than so long.
LAST_MS, LONGEST_READ_MS = 22_000, 15 * 60 * 1000
#: Of how many views the tracker could tell how long they were read; how many have a link followed out, a download; and
#: how many of the page that asks for it have a sign-up.
ENGAGED, FOLLOWED, DOWNLOADED, SIGNED_UP = 0.4, 0.025, 0.008, 0.12
#: What is kept apart, for each page-view.
APART = 0.02
_OVERLAP_TICKS = int(OVERLAP.total_seconds()) * TICKS_PER_SECOND

Draw = Callable[[], float]
#: An event, after its time in ticks.
Timed = tuple[int, Event]


def day_events(plan: Plan, number: int) -> Iterator[Event]:
    """Yield the events of the visits that begin on a day, in order of time; the last ones may be of the day after.

    :param number: of the day, from 0.
    """
    midnight = ticks_at(plan.day(number))
    waiting: list[Timed] = []
    for hour in range(24):
        waiting += _hour_events(plan, number, hour)
        waiting.sort(key=itemgetter(0))
        over = bisect_left(waiting, midnight + (hour + 1) * HOUR, key=itemgetter(0))
        yield from (event for _, event in waiting[:over])
        del waiting[:over]
    yield from (event for _, event in waiting)


def _hour_events(plan: Plan, day: int, hour: int) -> Iterator[Timed]:
    """Yield the events of the visits that begin in an hour, and what is kept apart in it."""
    draw = generator(plan.seed, "hour", plan.day(day), hour).random
    begin = ticks_at(plan.day(day)) + hour * HOUR
    news = plan.news(day)
    for number, length in enumerate(plan.lengths(day, hour)):
        visit = Visit(day, hour, number)
        first = plan.first_visit(visit)
        page, source = (news.page, news.source) if news and draw() < news.share else _beginning(draw)
        reader = _Reader(plan, plan.person(first), is_new=first == visit, draw=draw)
        yield from reader.visit(_moment(begin, draw), page, source, length)
    for _ in range(int(plan.by_hour(day)[hour] * APART + draw())):
        ticks, bot = _moment(begin, draw), BOTS.pick(draw())
        fields = page_fields(BY_RANK.pick(draw()).url, "", bot.referrer, bot.user_agent, "", "203.0.113.0")
        # What does not run the tracker has no cookie.
        if plan.visitors in MODES:
            fields["visitor"] = plan.visitor(bot.user_agent, plan.period(ticks))
        fields.update(bot.more, reason=bot.reason)
        yield _timed(FILTERED, plan, ticks, draw, fields)


def _beginning(draw: Draw) -> tuple[Page, Source]:
    source = SOURCES.pick(draw())
    return entry(source.landing, draw(), draw()), source


class _Reader:
    """Somebody who visits the site.

    :param is_new: he was never there before.
    """

    def __init__(self, plan: Plan, person: Person, *, is_new: bool, draw: Draw) -> None:
        self._plan = plan
        self._person = person
        self._draw = draw
        #: What is stored of him with every event.
        self._fields: dict[str, Any] = {**person.place, "visitor": b""}
        if is_new and plan.visitors == "cookie":
            self._fields["new"] = True
        self._period_end = 0
        self._last = 0

    def visit(self, ticks: int, page: Page, source: Source, length: int) -> Iterator[Timed]:
        """Yield the events of a visit.

        :param ticks: when it begins.
        :param length: how many views it has.
        """
        draw = self._draw
        url, referrer = _filled(page.url + source.query, page, draw), _filled(source.referrer, page, draw)
        for left in range(length - 1, -1, -1):
            self._take_id(ticks)
            yield self._event("PageViews", ticks, url, page.title, referrer, {"screen": self._person.screen})
            gap = min(_skewed(GAP_MS, draw()) + 1000, LONGEST_GAP_MS) if left else 0
            # What is left open for long is not read for so long.
            read = gap if 0 < gap < LONGEST_READ_MS else min(_skewed(LAST_MS, draw()) + 300, LONGEST_READ_MS)
            yield from self._happenings(ticks, url, page, read)
            # The next page is another one, and he has been there before.
            self._fields.pop("new", None)
            if left:
                ticks = self._within(ticks, gap)
                page, referrer = after(page, draw(), draw()), url
                url = page.url

    def _within(self, ticks: int, gap: int) -> int:
        """Return when the next view is, which the range has room for."""
        then = ticks + gap * MS
        return then if then < self._plan.end else ticks + int((self._plan.end - ticks) * self._draw()) // MS * MS

    def _take_id(self, ticks: int) -> None:
        """Take the id of the period, and keep that of the one before for half an hour, as the collector does."""
        end = self._period_end
        if ticks < end or (ticks < end + _OVERLAP_TICKS and self._last >= end - _OVERLAP_TICKS):
            self._last = ticks
            return
        period = self._plan.period(ticks)
        self._fields["visitor"] = self._plan.visitor(self._person.key, period)
        self._period_end, self._last = period.end, ticks

    def _happenings(self, ticks: int, url: str, page: Page, read: int) -> Iterator[Timed]:
        """Yield what happens on a page, as far as the range goes.

        :param ticks: when it was opened.
        :param read: for how long it is read, in milliseconds.
        """
        draw = self._draw
        happens: list[tuple[float, dict[str, Any]]] = []
        if page.is_lost:
            happens.append((0.0, {"event": "404"}))
        if draw() < FOLLOWED:
            happens.append((draw(), {"event": "outbound", "props": {"url": OUTBOUND.pick(draw())}}))
        if draw() < DOWNLOADED:
            happens.append((draw(), {"event": "download", "props": {"url": DOWNLOADS.pick(draw())}}))
        if page is PRICING and draw() < SIGNED_UP:
            happens.append((draw(), {"event": "signup", "props": {"plan": PLANS.pick(draw())}}))
        if draw() < ENGAGED:
            engaged, scroll = int(read * (0.5 + draw() / 2)), min(100, 25 + int(draw() * 100))
            happens.append((1.0, {"event": "engagement", "engaged": engaged, "scroll": scroll}))
        for part, fields in sorted(happens, key=itemgetter(0)):
            then = ticks + int(read * part) * MS
            if then < self._plan.end:
                self._take_id(then)
                yield self._event("Events", then, url, "", "", fields)

    def _event(self, family: str, ticks: int, url: str, title: str, referrer: str, more: dict[str, Any]) -> Timed:
        fields = page_fields(url, title, referrer, *self._person.reader)
        fields.update(self._fields)
        fields.update(more)
        return _timed(family, self._plan, ticks, self._draw, fields)


def _timed(family: str, plan: Plan, ticks: int, draw: Draw, fields: dict[str, Any]) -> Timed:
    # 62 bits, as the hash of an event's id has; a number drawn has 53.
    low_bits = int(draw() * (1 << 31)) << 31 | int(draw() * (1 << 31))
    return ticks, Event(family, plan.account, timeuuid.make(ticks, low_bits), fields)


def _moment(begin: int, draw: Draw) -> int:
    return begin + int(draw() * HOUR) // MS * MS


def _skewed(half: int, part: float) -> int:
    """Return a time in milliseconds: half of them are shorter than ``half``, and a few are very long."""
    return int(half * part / (1 - part))


def _filled(text: str, page: Page, draw: Draw) -> str:
    if "{" not in text:
        return text
    return text.format(words=page.words, click=f"{int(draw() * (1 << 53)):014x}{int(draw() * (1 << 53)):014x}")
