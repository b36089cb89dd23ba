"""A badge: how much a site is read, as a small picture for its own pages.

There is none unless the site's settings name the number that everybody may know.
"""

from __future__ import annotations

import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import cast

from flask import Blueprint, Response, abort, current_app, render_template, request
from flask.typing import ResponseReturnValue

from footfall.accounts import KnownAccounts
from footfall.errors import UsageError
from footfall.storage import Store
from footfall.web.reports import reports
from footfall.web.view import parse_view, today_in

#: What can be asked for, with the words on the badge.
PERIODS: Mapping[str, str] = {"month": "this month", "28d": "in 28 days", "year": "this year"}
MAX_LABEL = 40
#: How long a number is told again, here and by caches.
SECONDS = 600
#: Numbers that are kept: of more sites than that, those go first that were not asked for the longest.
MOST = 1_000
EXTENSION = "footfall.badge"

#: The widths of letters in a font of 11 px that most systems have, roughly; the picture then fits any to it.
_NARROW, _WIDE = 3.6, 9.4
_USUAL = 6.6

blueprint = Blueprint("badge", __name__)


class Badges:
    """The sites of badges, for which not every request asks the store, and the numbers on them.

    A number is counted anew when it is older than :data:`SECONDS`, one at a time.
    """

    def __init__(self, store: Callable[[], Store], clock: Callable[[], float] = time.monotonic) -> None:
        self.sites = KnownAccounts(store)
        self._clock = clock
        self._kept: OrderedDict[tuple[str, ...], tuple[float, int]] = OrderedDict()
        self._lock = threading.Lock()

    def number(self, key: tuple[str, ...], count: Callable[[], int]) -> int:
        """Return the number of a key, counted by ``count`` if it is not known."""
        with self._lock:
            at, number = self._kept.get(key, (float("-inf"), 0))
            if self._clock() - at >= SECONDS:
                at, number = self._clock(), count()
            self._kept[key] = at, number
            self._kept.move_to_end(key)
            if len(self._kept) > MOST:
                self._kept.popitem(last=False)
            return number


@blueprint.get("/badge/<name>.svg")
def svg(name: str) -> ResponseReturnValue:
    site = _badges().sites.find(name)
    metric = site.settings["badge"] if site else "off"
    if site is None or metric == "off":
        abort(404)
    try:
        period, label = _asked()
    except UsageError as error:
        return f"{error}\n", 400, {"Content-Type": "text/plain; charset=utf-8"}
    zone = site.settings["timezone"]
    number = _badges().number((site.id, metric, period, zone), lambda: _count(site.id, metric, period, zone))
    told = f"{number:,} {metric.removesuffix('s') if number == 1 else metric}"
    text = f"{told} {label}" if label else told
    made = Response(render_template("badge.svg", text=text, width=round(width(text)) + 20), mimetype="image/svg+xml")
    made.cache_control.public = True
    made.cache_control.max_age = SECONDS
    made.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    # Its colours are in the picture itself; it can do nothing else.
    made.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
    return made


def width(text: str) -> float:
    """Return about how wide a text is, in pixels."""
    return sum(_NARROW if letter in "il.,:;'| !()[]" else _WIDE if letter in "mwMW@%" or ord(letter) > 0x2E7F
               else _USUAL for letter in text)


def _asked() -> tuple[str, str]:
    """Return the period and the words that are asked for.

    :raises UsageError: they are none that can be.
    """
    period = request.args.get("period") or next(iter(PERIODS))
    if period not in PERIODS:
        raise UsageError(f"period={period!r}: must be one of {', '.join(PERIODS)}")
    label = request.args.get("label", PERIODS[period])
    if len(label) > MAX_LABEL or not label.isprintable():
        raise UsageError(f"label: must be {MAX_LABEL} characters or less, all of them printable")
    return period, re.sub(r"\s+", " ", label).strip()


def _count(site: str, metric: str, period: str, zone: str) -> int:
    from footfall.reports.asking import days_of
    from footfall.reports.query import run

    shown = parse_view([("period", period)], site, zone, today_in(zone))
    (row,) = run(shown.query((metric,)), days_of(reports().cache(), site))
    return int(row[metric])


def _badges() -> Badges:
    return cast(Badges, current_app.extensions[EXTENSION])
