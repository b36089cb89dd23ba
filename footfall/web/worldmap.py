"""The map of the world: each country in one of a few shades, with its number, and a link that filters by it.

The shapes are those of Natural Earth, in a file that static/world/make.py writes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from functools import cache
from typing import NamedTuple

from markupsafe import Markup

from footfall.collect.tracker import SHARE

#: Shades of countries that have a number.
SHADES = 4


class Place(NamedTuple):
    """A country on the map.

    :param says: its name and number.
    :param url: where it leads.
    """

    number: int
    says: str
    url: str


@cache
def shapes() -> Mapping[str, str]:
    """Return the path of each country by its letters."""
    lines = (SHARE / "templates" / "world.txt").read_text().splitlines()
    return {letters: path for letters, _, path in (line.partition(" ") for line in lines)}


def world(places: Mapping[str, Place]) -> Markup:
    """Return the map.

    :param places: those that have a number, by their letters.
    """
    bounds = shades(place.number for place in places.values())
    drawn = Markup("").join(_country(letters, path, places.get(letters), bounds) for letters, path in shapes().items())
    return Markup('<svg class="map" viewBox="20 5 970 430" role="group" aria-label="Map of the world">{}</svg>').format(
        drawn)


def shades(numbers: Iterable[int]) -> list[int]:
    """Return the least number of each shade but the first, so that each has as many countries as the others."""
    known = sorted({number for number in numbers if number > 0})
    return [known[len(known) * shade // SHADES] for shade in range(1, SHADES)] if known else []


def _country(letters: str, path: str, place: Place | None, bounds: list[int]) -> Markup:
    if place is None or place.number <= 0:
        return Markup('<path id="c-{}" d="{}"/>').format(letters, path)
    # With fewer numbers than shades, bounds are the same; the highest is the darkest all the same.
    return Markup('<a href="{}"><path id="c-{}" class="c{}" d="{}"><title>{}</title></path></a>').format(
        place.url, letters, bisect_right(bounds, place.number) + 1, path, place.says)
