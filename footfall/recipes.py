"""Ready questions for map_reduce: each a pair of map_fn and reduce_fn.

    >>> store = example_store()
    >>> day = date(2026, 1, 2), date(2026, 1, 3)
    >>> map_reduce("blog", *day, *views_by_title, {}, store=store).most_common(1)
    [('Home', 3)]

A recipe counts page-views by something told of each; it gives a :class:`~collections.Counter`.
``RECIPES`` holds all of them by name. A new one is a function from an event to what it counts under,
or to ``None`` to leave the event out, made a recipe by :func:`counting`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from footfall import timeuuid
from footfall.analysis import Item, ReduceFn, map_reduce
from footfall.derive import agents, campaigns, referrers
from footfall.storage import Store
from footfall.stores.memory import MemoryStore

__all__ = ["RECIPES", "Recipe", "add", "counting", "map_reduce"]

KeyFn = Callable[[datetime, dict[str, Any]], Hashable | None]


@dataclass(frozen=True)
class CountBy:
    """A map_fn that counts events by what ``key_fn`` tells of each, leaving out those it says ``None`` of."""

    key_fn: KeyFn

    def __call__(self, views: Iterable[Item]) -> Counter[Any]:
        key_fn = self.key_fn
        return Counter(key for _, when, view in views if (key := key_fn(when, view)) is not None)


class Recipe(NamedTuple):
    """A question: ``map_reduce(account, start, end, *recipe, {})`` answers it."""

    map_fn: CountBy
    reduce_fn: ReduceFn


#: What a browser or a system is counted under whose name is not told.
UNKNOWN = "other"

#: Every recipe by its name.
RECIPES: dict[str, Recipe] = {}

# doctest looks here for the examples of what is no function; each begins with what they share.
__test__: dict[str, str] = {}
_SHARED = ">>> store = example_store()\n>>> day = date(2026, 1, 2), date(2026, 1, 3)\n\n"


def add(total: Counter[Any] | dict[Any, int], counts: Counter[Any]) -> Counter[Any]:
    """Add counts up: the reduce_fn of every recipe. A plain dict to begin with is left as it is."""
    if not isinstance(total, Counter):
        total = Counter(total)
    total.update(counts)
    return total


def counting(key_fn: KeyFn) -> Recipe:
    """Make a recipe of a function that says what an event counts under; ``None`` leaves it out."""
    recipe = RECIPES[key_fn.__name__] = Recipe(CountBy(key_fn), add)
    __test__[key_fn.__name__] = _SHARED + (key_fn.__doc__ or "")
    return recipe


@counting
def views_by_url(when: datetime, view: dict[str, Any]) -> str:
    """Page-views by URL.

    >>> map_reduce("blog", *day, *views_by_url, {}, store=store).most_common(2)
    [('https://blog.example.com/', 2), ('https://blog.example.com/hello', 2)]
    """
    return str(view["url"])


@counting
def views_by_title(when: datetime, view: dict[str, Any]) -> str | None:
    """Page-views by the title of the page, where it has one.

    >>> dict(map_reduce("blog", *day, *views_by_title, {}, store=store))
    {'Home': 3, 'Hello': 2}
    """
    return view["title"] or None


@counting
def views_by_hour(when: datetime, view: dict[str, Any]) -> datetime:
    """Page-views by the hour, UTC, in which they began.

    >>> counts = map_reduce("blog", *day, *views_by_hour, {}, store=store)
    >>> [(hour.isoformat(" ", "hours"), count) for hour, count in counts.items()]
    [('2026-01-02 07+00:00', 2), ('2026-01-02 08+00:00', 3)]
    """
    return when.replace(minute=0, second=0, microsecond=0)


@counting
def views_by_day(when: datetime, view: dict[str, Any]) -> date:
    """Page-views by the UTC day.

    >>> map_reduce("blog", *day, *views_by_day, {}, store=store)
    Counter({datetime.date(2026, 1, 2): 5})
    """
    return when.date()


@counting
def views_by_referrer(when: datetime, view: dict[str, Any]) -> str | None:
    """Page-views by the host their reader came from; those that came from the site itself or nowhere are left out.

    >>> dict(map_reduce("blog", *day, *views_by_referrer, {}, store=store))
    {'google.com': 1, 'news.example.org': 1, 'yandex.ru': 1}
    """
    return referrers.referrer_host(view["referrer"], view["url"]) or None


@counting
def views_by_source(when: datetime, view: dict[str, Any]) -> str | None:
    """Page-views by the name of where their reader came from; the site itself and nowhere are left out.

    >>> dict(map_reduce("blog", *day, *views_by_source, {}, store=store))
    {'Google': 1, 'letter': 1, 'Yandex': 1}
    """
    return referrers.source_of(view["url"], view["referrer"]).source or None


@counting
def views_by_channel(when: datetime, view: dict[str, Any]) -> str:
    """Page-views by the kind of way their reader came.

    >>> dict(map_reduce("blog", *day, *views_by_channel, {}, store=store))
    {'search': 2, 'internal': 1, 'mail': 1, 'direct': 1}
    """
    return referrers.source_of(view["url"], view["referrer"]).channel


@counting
def views_by_utm_source(when: datetime, view: dict[str, Any]) -> str | None:
    """Page-views by the source that the page's address is tagged with.

    >>> dict(map_reduce("blog", *day, *views_by_utm_source, {}, store=store))
    {'letter': 1}
    """
    return campaigns.campaign_of(view["url"]).source or None


@counting
def views_by_utm_medium(when: datetime, view: dict[str, Any]) -> str | None:
    """Page-views by the medium that the page's address is tagged with.

    >>> dict(map_reduce("blog", *day, *views_by_utm_medium, {}, store=store))
    {'email': 1}
    """
    return campaigns.campaign_of(view["url"]).medium or None


@counting
def views_by_campaign(when: datetime, view: dict[str, Any]) -> str | None:
    """Page-views by the campaign that the page's address is tagged with.

    >>> dict(map_reduce("blog", *day, *views_by_campaign, {}, store=store))
    {'new year': 1}
    """
    return campaigns.campaign_of(view["url"]).campaign or None


@counting
def views_by_utm_term(when: datetime, view: dict[str, Any]) -> str | None:
    """Page-views by the words bought from an engine that the page's address is tagged with.

    >>> dict(map_reduce("blog", *day, *views_by_utm_term, {}, store=store))
    {}
    """
    return campaigns.campaign_of(view["url"]).term or None


@counting
def views_by_utm_content(when: datetime, view: dict[str, Any]) -> str | None:
    """Page-views by which of a campaign's links the page's address is tagged with.

    >>> dict(map_reduce("blog", *day, *views_by_utm_content, {}, store=store))
    {'picture': 1}
    """
    return campaigns.campaign_of(view["url"]).content or None


@counting
def search_queries(when: datetime, view: dict[str, Any]) -> str | None:
    """Page-views by the words that a search engine's referrer tells were searched for.

    >>> dict(map_reduce("blog", *day, *search_queries, {}, store=store))
    {'page views': 1, 'время': 1}
    """
    return referrers.search_query(view["referrer"]) or None


@counting
def views_by_device(when: datetime, view: dict[str, Any]) -> str:
    """Page-views by kind of device, told by the user agent: mobile against desktop, tablets between, and the rest.

    >>> dict(map_reduce("blog", *day, *views_by_device, {}, store=store))
    {'desktop': 2, 'mobile': 2, 'other': 1}
    """
    return agents.parse_agent(view["user_agent"]).device


@counting
def views_by_browser(when: datetime, view: dict[str, Any]) -> str:
    """Page-views by browser.

    >>> dict(map_reduce("blog", *day, *views_by_browser, {}, store=store))
    {'Firefox': 2, 'Mobile Safari': 2, 'curl': 1}
    """
    return agents.parse_agent(view["user_agent"]).browser or UNKNOWN


@counting
def views_by_browser_version(when: datetime, view: dict[str, Any]) -> str:
    """Page-views by browser and its version.

    >>> dict(map_reduce("blog", *day, *views_by_browser_version, {}, store=store))
    {'Firefox 140': 2, 'Mobile Safari 18': 2, 'curl 8.5': 1}
    """
    agent = agents.parse_agent(view["user_agent"])
    return f"{agent.browser} {agent.browser_version}".strip() or UNKNOWN


@counting
def views_by_os(when: datetime, view: dict[str, Any]) -> str:
    """Page-views by operating system.

    >>> dict(map_reduce("blog", *day, *views_by_os, {}, store=store))
    {'Linux': 2, 'iOS': 2, 'other': 1}
    """
    return agents.parse_agent(view["user_agent"]).os or UNKNOWN


@counting
def views_by_country(when: datetime, view: dict[str, Any]) -> str | None:
    """Page-views by the reader's country, where ``FOOTFALL_GEOIP`` told it when the view came in.

    >>> dict(map_reduce("blog", *day, *views_by_country, {}, store=store))
    {'CH': 2, 'DE': 2}
    """
    return view.get("country") or None


@counting
def views_by_region(when: datetime, view: dict[str, Any]) -> str | None:
    """Page-views by the reader's region, with the country's letters before it.

    >>> dict(map_reduce("blog", *day, *views_by_region, {}, store=store))
    {'CH Zurich': 2, 'DE Bavaria': 1}
    """
    return _within(view.get("country"), view.get("region"))


@counting
def views_by_city(when: datetime, view: dict[str, Any]) -> str | None:
    """Page-views by the reader's city, with the country's letters before it.

    >>> dict(map_reduce("blog", *day, *views_by_city, {}, store=store))
    {'CH Winterthur': 2}
    """
    return _within(view.get("country"), view.get("city"))


@counting
def views_by_language(when: datetime, view: dict[str, Any]) -> str | None:
    """Page-views by the first language that the reader's browser asks for.

    >>> dict(map_reduce("blog", *day, *views_by_language, {}, store=store))
    {'en-US': 2, 'de': 1}
    """
    return view["language"] or None


@counting
def views_by_address(when: datetime, view: dict[str, Any]) -> str | None:
    """Page-views by address, as much of it as ``FOOTFALL_IP`` keeps.

    >>> dict(map_reduce("blog", *day, *views_by_address, {}, store=store))
    {'192.0.2.0': 4, '2001:db8::': 1}
    """
    return view["ip"] or None


def _within(country: str | None, name: str | None) -> str | None:
    """Return a place's name as one that is its own: there is a Limburg in Belgium and one in the Netherlands."""
    return f"{country or ''} {name}".strip() if name else None


def example_store() -> Store:
    """Return a store in memory with the five page-views that the examples here count."""
    store = MemoryStore()
    home, hello = "https://blog.example.com/", "https://blog.example.com/hello"
    tagged = home + "?utm_source=Letter&utm_medium=email&utm_campaign=New+Year&utm_content=picture"
    phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1"
    desktop = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    winterthur = {"country": "CH", "region": "Zurich", "city": "Winterthur"}
    rows: list[tuple[Any, ...]] = [
        (7, home, "Home", "192.0.2.0", "https://www.google.com/search?q=page+views", desktop, "en-US", winterthur),
        (7, hello, "Hello", "192.0.2.0", home, desktop, "en-US", winterthur),
        (8, tagged, "Home", "192.0.2.0", "https://news.example.org/today", phone, "de",
         {"country": "DE", "region": "Bavaria"}),
        (8, home, "Home", "2001:db8::", "https://yandex.ru/search/?text=%D0%B2%D1%80%D0%B5%D0%BC%D1%8F", phone, "",
         {"country": "DE"}),
        (8, hello, "Hello", "192.0.2.0", "", "curl/8.5.0", "", {}),
    ]
    for number, (hour, url, title, ip, referrer, agent, language, place) in enumerate(rows):
        ticks = timeuuid.ticks_at(datetime(2026, 1, 2, hour, tzinfo=UTC)) + number
        name = timeuuid.make(ticks, 0)
        store.family("PageViews").insert("20260102.blog", {name: {
            "url": url, "title": title, "ip": ip, "referrer": referrer, "user_agent": agent, "language": language,
            **place}})
    return store
