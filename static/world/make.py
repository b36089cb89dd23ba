"""Draws the world of the pages: the countries of Natural Earth, from the npm package world-atlas (``make world``).

Writes a line for each country: its letters, a space, and the path that SVG draws it by. A point is a whole number of
units of a map that is 1,000 wide in the projection Equal Earth, so the whole of it is some 30 kB.
"""

from __future__ import annotations

import json
import math
import sys
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

from footfall.web.countries import BY_NUMBER

WIDTH = 1000
#: Those that Natural Earth draws apart and ISO has given no number, by its names for them.
WITHOUT_NUMBER = {"Kosovo": "XK", "N. Cyprus": "CY", "Somaliland": "SO"}
#: An island smaller than this many square units is left out, unless nothing else is there of its country.
LEAST_AREA = 6
#: A point nearer than this to the line that goes on without it is left out.
NEAR = 0.45
_A = (1.340264, -0.081106, 0.000893, 0.003796)

Point = tuple[float, float]


def main(source: str, target: str) -> None:
    atlas = json.loads(Path(source).read_text())
    arcs = [_arc(arc, atlas["transform"]) for arc in atlas["arcs"]]
    rings: dict[str, list[list[Point]]] = defaultdict(list)
    for country in atlas["objects"]["countries"]["geometries"]:
        name = country["properties"]["name"]
        letters = WITHOUT_NUMBER[name] if "id" not in country else BY_NUMBER[country["id"]]
        polygons = country["arcs"] if country["type"] == "MultiPolygon" else [country["arcs"]]
        if letters != "AQ":
            rings[letters] += [part for polygon in polygons for ring in polygon for part in _rings(ring, arcs)]
    lines = [f"{letters} {_path(found)}" for letters, found in sorted(rings.items())]
    Path(target).write_text("\n".join(lines) + "\n")


def _arc(deltas: list[list[int]], transform: dict[str, list[float]]) -> list[Point]:
    """Return an arc's points on the map: the whole arc is thinned out, so that neighbours still share it."""
    x = y = 0
    points = []
    for dx, dy in deltas:
        x, y = x + dx, y + dy
        points.append(_projected(*(place * scale + offset for place, scale, offset in
                                   zip((x, y), transform["scale"], transform["translate"], strict=True))))
    return [point for run in _runs(points) for point in _thinned(run)]


def _runs(points: list[Point]) -> list[list[Point]]:
    """Return points cut where they go over the edge of the map, from the far east to the far west or back."""
    cuts = [0, *(place for place, (before, after) in enumerate(pairwise(points), 1)
                 if abs(before[0] - after[0]) > WIDTH / 2), len(points)]
    return [points[begin:end] for begin, end in pairwise(cuts)]


def _projected(longitude: float, latitude: float) -> Point:
    """Equal Earth (Šavrič, Patterson, Jenny 2018), the whole of it from 0 to WIDTH."""
    theta = math.asin(math.sqrt(3) / 2 * math.sin(math.radians(latitude)))
    square = theta * theta
    sixth = square**3
    across = 2 * math.sqrt(3) * math.radians(longitude) * math.cos(theta) / (
        3 * (9 * _A[3] * sixth * square + 7 * _A[2] * sixth + 3 * _A[1] * square + _A[0]))
    up = theta * (_A[3] * sixth * square + _A[2] * sixth + _A[1] * square + _A[0])
    scale = WIDTH / 5.41
    return WIDTH / 2 + across * scale, 250 - up * scale


def _thinned(points: list[Point]) -> list[Point]:
    """Douglas and Peucker's way."""
    if len(points) < 3:
        return points
    first, last = points[0], points[-1]
    far, place = max((_distance(point, first, last), place) for place, point in enumerate(points[1:-1], 1))
    if far <= NEAR:
        return [first, last]
    return _thinned(points[:place + 1])[:-1] + _thinned(points[place:])


def _distance(point: Point, first: Point, last: Point) -> float:
    dx, dy = last[0] - first[0], last[1] - first[1]
    length = math.hypot(dx, dy)
    if not length:
        return math.dist(point, first)
    return abs(dx * (first[1] - point[1]) - dy * (first[0] - point[0])) / length


def _rings(numbers: list[int], arcs: list[list[Point]]) -> list[list[Point]]:
    """Return the ring of some arcs: two where it lies on both edges of the map."""
    points: list[Point] = []
    for number in numbers:
        points += arcs[number] if number >= 0 else arcs[~number][::-1]
    first, *others = _runs(points)
    if not others:
        return [first]
    return [[*others[-1], *first], *others[:-1]]


def _path(rings: list[list[Point]]) -> str:
    largest = max(map(_area, rings))
    return "".join(_drawn(ring) for ring in rings if _area(ring) >= min(LEAST_AREA, largest))


def _drawn(ring: list[Point]) -> str:
    points = [(round(x), round(y)) for x, y in ring]
    # What falls together is a point; a country must stay one that can be seen.
    points = [points[0], *(after for before, after in pairwise(points) if before != after)]
    if len(points) < 4:
        x, y = points[0]
        return f"M{x} {y}h2v2h-2z"
    steps = [(after[0] - before[0], after[1] - before[1]) for before, after in pairwise(points[:-1])]
    return "M{} {}l{}z".format(*points[0], " ".join(f"{dx} {dy}" for dx, dy in steps).replace(" -", "-"))


def _area(ring: list[Point]) -> float:
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise([*ring, ring[0]]))) / 2


if __name__ == "__main__":
    main(*sys.argv[1:])
