"""How many requests a token may make: a bucket for each, which fills by the minute."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import NamedTuple, cast

from flask import current_app, g

from footfall.tokens import Token
from footfall.web.api.problems import Refused

EXTENSION = "footfall.api.limits"


class Left(NamedTuple):
    """What is left in a bucket.

    :param limit: what a full one holds, requests.
    :param remaining: whole requests left.
    :param reset: seconds until it is full.
    :param wait: seconds until it holds one; 0 if this request was taken.
    """

    limit: int
    remaining: int
    reset: int
    wait: int = 0

    def headers(self) -> dict[str, str]:
        """Return what it says in headers.

        The two fields of draft-ietf-httpapi-ratelimit-headers, which go back to 2023, and the three before them, which
        most clients know.
        """
        return {"RateLimit-Policy": f'"token";q={self.limit};w=60',
                "RateLimit": f'"token";r={self.remaining};t={self.reset}',
                "RateLimit-Limit": str(self.limit), "RateLimit-Remaining": str(self.remaining),
                "RateLimit-Reset": str(self.reset)}


class Buckets:
    """A bucket for each token; each process counts for itself.

    :param rate: requests a minute, and as many at once; 0 for any number.
    """

    def __init__(self, rate: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self._clock = clock
        #: For each key what its bucket held, and when.
        self._buckets: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def take(self, key: str) -> Left | None:
        """Take a request from a bucket, if it holds one, and return what is left; ``None`` without a limit."""
        if not self.rate:
            return None
        with self._lock:
            now = self._clock()
            held, then = self._buckets.get(key, (float(self.rate), now))
            a_second = self.rate / 60
            held = min(float(self.rate), held + (now - then) * a_second)
            taken = held >= 1
            held -= taken
            # Only who shows a token that is one has a bucket, so there are no more than tokens.
            self._buckets[key] = held, now
        wait = 0 if taken else math.ceil((1 - held) / a_second)
        return Left(self.rate, int(held), math.ceil((self.rate - held) / a_second), wait)


def take(token: Token) -> None:
    """Count a request of a token.

    :raises Refused: it has none left.
    """
    left = cast(Buckets, current_app.extensions[EXTENSION]).take(token.hash)
    if left is None:
        return
    g.rate_limit = left.headers()
    if left.wait:
        raise Refused(f"more than {left.limit} requests a minute; please wait", 429, {"Retry-After": str(left.wait)})
