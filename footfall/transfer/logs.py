"""Whole access logs of a site: what the command line and an upload read in the same way."""

from __future__ import annotations

from collections.abc import Callable

from footfall import accounts
from footfall.config import Config
from footfall.derive.places import look_up_in
from footfall.storage import Store
from footfall.transfer.accesslog import RULES, EqualLines, LineReader, Rules, read_views
from footfall.transfer.following import Read


def access_reader(config: Config, store: Store, site: str, origin: str | None = None,
                  rules: Rules = RULES) -> Callable[[], Read]:
    """Return what makes the reader of one access log.

    :param origin: what stands before each path; ``None`` for the site's own URL.
    :raises UsageError: there is no such site.
    """
    places = look_up_in(config.geoip)
    reader = LineReader(rules, accounts.find(store, site).url if origin is None else origin)

    def new_reader() -> Read:
        equal = EqualLines()
        return lambda lines, skipped: read_views(lines, reader, site, config.ip, skipped, equal, places)

    return new_reader
