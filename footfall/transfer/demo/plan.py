"""How many views each day and hour of a made-up site has, and who makes them.

All of it follows from the plan's own fields, and for any day without those before it: so one day is made at a time, and
a run that was cut off goes on at the day it came to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, cached_property, lru_cache
from math import fsum
from typing import NamedTuple

from footfall import pageview
from footfall.columns import VISITOR_BYTES
from footfall.salts import Period, period
from footfall.timeuuid import TICKS_PER_SECOND, ticks_at
from footfall.transfer.demo.agents import AGENTS
from footfall.transfer.demo.choices import generator, keyed_bytes, parts, shares
from footfall.transfer.demo.pages import BY_RANK, NEWS, Page, Source
from footfall.transfer.demo.places import PLACES, awake, busy

#: How many views a hundred visits have.
LENGTHS = (*[1] * 52, *[2] * 16, *[3] * 10, *[4] * 6, *[5] * 4, *[6] * 3, *[7] * 2, *[8] * 2, 10, 12, 16, 22, 30)
MEAN_LENGTH = sum(LENGTHS) / len(LENGTHS)
#: Of the visits, how many are of somebody who was there before, if the range reaches as far back.
RETURNING = 0.38
#: How many days ago that was; 0 is some hours ago.
DAYS_AWAY = (0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 7, 7, 8, 10, 13, 14, 20, 27, 33, 45)
#: From the first day to the last the site grows from the one to the other, its mean being 1.
GROWTH = (0.7, 1.3)
#: Of how many readers more is known than the country.
CITY_KNOWN = 0.75
#: On how many days one post is in the news.
NEWS_DAYS = 0.07
HOUR = 3600 * TICKS_PER_SECOND


class News(NamedTuple):
    """What the news bring a day.

    :param share: of the day's visits, those that they bring.
    """

    share: float
    page: Page
    source: Source


class Person(NamedTuple):
    """A reader.

    :param key: who he is.
    :param reader: what is stored of him with a page, in the order of :func:`~footfall.pageview.page_fields`.
    :param place: what is known of his place.
    """

    key: str
    reader: tuple[str, str, str]
    place: Mapping[str, str]
    screen: str


class Visit(NamedTuple):
    """A visit that begins in an hour of a day: the day's number from 0, the hour, its number from 0."""

    day: int
    hour: int
    number: int


@dataclass(frozen=True)
class Plan:
    """What is asked for.

    :param account: whose events they are.
    :param until: the last day, UTC.
    :param days: how many there are.
    :param views: how many page-views, exactly.
    :param seed: another one makes other traffic.
    :param visitors: how visitors are told apart: one of :data:`~footfall.salts.MODES`, or ``cookie``.
    """

    account: str
    until: date
    days: int
    views: int
    seed: int
    visitors: str = "daily"

    @cached_property
    def since(self) -> date:
        """The first day."""
        return self.until - timedelta(days=self.days - 1)

    @cached_property
    def end(self) -> int:
        """When the last day is over, in ticks since 1970."""
        return ticks_at(self.until) + 24 * HOUR

    def day(self, number: int) -> date:
        """Return a day by its number from 0."""
        return self.since + timedelta(days=number)

    def row_keys(self) -> list[str]:
        """Return the keys of the rows that it fills."""
        return [pageview.row_key(self.account, self.day(number)) for number in range(self.days)]

    @cached_property
    def _by_day(self) -> list[int]:
        return shares(self.views, map(self._weight, range(self.days)))

    def _weight(self, number: int) -> float:
        first, last = GROWTH
        growth = first + (last - first) * (number + 0.5) / self.days
        (noise,) = parts(1, self.seed, "day", self.day(number))
        news = self.news(number)
        calm = fsum(_hours(self.day(number).weekday())) * growth * (0.9 + 0.2 * noise)
        return calm / (1 - news.share) if news else calm

    def news(self, number: int) -> News | None:
        """Return what the news bring a day, if they do."""
        part, rank, where, share = parts(4, self.seed, "news", self.day(number))
        if part < NEWS_DAYS:
            return News(0.2 + 0.45 * share, BY_RANK.pick(rank), Source(NEWS[int(where * len(NEWS))]))
        return None

    @lru_cache(maxsize=1024)  # noqa: B019 - a process has one plan, or a few
    def by_hour(self, number: int) -> list[int]:
        """Return how many views the visits have that begin in each hour of a day."""
        return shares(self._by_day[number], _hours(self.day(number).weekday()))

    def visits(self, number: int, hour: int) -> int:
        """Return how many visits begin in an hour."""
        views = self.by_hour(number)[hour]
        return max(1, int(views / MEAN_LENGTH + 0.5)) if views else 0

    def lengths(self, number: int, hour: int) -> list[int]:
        """Return how many views each visit has that begins in an hour; together they are the hour's."""
        draw = generator(self.seed, "lengths", self.day(number), hour).random
        lengths = [LENGTHS[int(draw() * len(LENGTHS))] for _ in range(self.visits(number, hour))]
        missing = self.by_hour(number)[hour] - sum(lengths)
        # Those of a single view stay so, if there are others.
        longer = [at for at, length in enumerate(lengths) if length > 1] or range(len(lengths))
        while missing:
            at = longer[int(draw() * len(longer))]
            if missing > 0 or lengths[at] > 1:
                step = 1 if missing > 0 else -1
                lengths[at] += step
                missing -= step
        return lengths

    def first_visit(self, visit: Visit) -> Visit:
        """Return the first visit of whoever makes a visit: this one, or an earlier one, from which his follow."""
        while True:
            day, hour, number = visit
            comes_back, away, which = parts(3, self.seed, "visit", self.day(day), hour, number)
            if comes_back >= RETURNING:
                return visit
            days = DAYS_AWAY[int(away * len(DAYS_AWAY))]
            # Who comes on another day comes at his hour.
            day, hour = (day - days, hour) if days else (day, hour - 1 - int(which * 4))
            if day < 0 or hour < 0 or not (there := self.visits(day, hour)):
                return visit
            visit = Visit(day, hour, int(which * there))

    def person(self, first: Visit) -> Person:
        """Return who makes a visit for the first time."""
        day = self.day(first.day)
        where, agent, screen, language, network, kind, known = parts(
            7, self.seed, "person", day, first.hour, first.number)
        place = awake(day.weekday(), first.hour).pick(where)
        browser = AGENTS.pick(agent)
        return Person(f"{day} {first.hour} {first.number}",
                      (browser.user_agent, _at(place.languages, language), place.address(network, kind)),
                      place.fields if known < CITY_KNOWN else place.country, _at(browser.screens, screen))

    def period(self, ticks: int) -> Period:
        """Return the period of a moment, in which a visitor keeps his id."""
        return _period(self.visitors, ticks // (24 * HOUR))

    def visitor(self, key: str, when: Period) -> bytes:
        """Return the id that somebody has in a period, made as the collector makes it; but the salt is no secret.

        :param key: a person's.
        """
        salt = b"" if self.visitors == "cookie" else keyed_bytes(16, self.seed, when.name)
        return keyed_bytes(VISITOR_BYTES, self.account, self.seed, key, key=salt)


@cache
def _hours(weekday: int) -> list[float]:
    """Return how busy the hours (UTC) of a day are."""
    return [fsum(weight * busy(weekday, hour, place) for weight, place in PLACES) for hour in range(24)]


@lru_cache(maxsize=64)
def _period(mode: str, day: int) -> Period:
    # A cookie is kept for longer than that.
    return period("monthly" if mode == "cookie" else mode, day * 24 * HOUR)


def _at(things: tuple[str, ...], part: float) -> str:
    return things[int(part * len(things))]
