"""The beacon's routes: ``/a.js``, ``/a.gif`` and ``/e``.

A 2xx is sent only after the events are on disk. What can never be stored is refused with the reason
in ``X-Footfall``; what cannot be stored now is answered 503 with ``Retry-After``, and nothing was taken.
"""

from __future__ import annotations

import base64
import re
from typing import cast

from flask import Blueprint, Response, current_app, request

from footfall import accounts, metrics, timeuuid
from footfall.collect import tracker
from footfall.collect.hit import MAX_BODY_BYTES, Policy, parse_events, parse_hit
from footfall.collect.writer import Writer
from footfall.config import Config
from footfall.errors import BadHit, StoreError, StoreUnavailable
from footfall.pageview import Event
from footfall.storage import Store
from footfall.stores import open_store

#: A transparent pixel: 43 bytes, the smallest GIF that every browser takes.
GIF = base64.b64decode("R0lGODlhAQABAIAAAP///wAAACH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==")
RETRY_SECONDS = 5

blueprint = Blueprint("beacon", __name__)


class Collector:
    """What one process needs to take events: store, writer, known accounts, clock, policy.

    The store is opened when it is first needed, and again after that failed: a server whose store is
    away starts, says 503, and serves as soon as the store is back.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._opened: Store | None = None
        self.clock = timeuuid.Clock()
        self.writer = Writer(self.store)
        known = accounts.KnownAccounts(self.store)
        self.policy = Policy(known if config.unknown_accounts == "refuse" else None, config.ip, config.trusted_proxies)

    def store(self) -> Store:
        """Return the store.

        :raises StoreUnavailable: it cannot be opened now.
        """
        if self._opened is None:
            self._opened = open_store(config=self._config)
        return self._opened

    def take(self, events: list[Event]) -> None:
        """Commit events and count them; when this returns they are on disk.

        :raises StoreUnavailable: they could not be stored now.
        """
        self.writer.commit(events)
        metrics.HITS.labels("stored", "").inc(len(events))
        for event in events:
            for field in event.fields.get("cut", ()):
                metrics.CUT_FIELDS.labels(field).inc()


def collector() -> Collector:
    """Return the running app's collector."""
    return cast(Collector, current_app.extensions["footfall"])


@blueprint.get("/a.js")
def script() -> Response:
    source, etag = tracker.script()
    response = Response(source, mimetype="text/javascript")
    response.cache_control.public = True
    response.cache_control.max_age = 3600
    response.set_etag(etag)
    # Pages of any site load it, also those that isolate themselves.
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.make_conditional(request)
    return response


@blueprint.get("/a.gif")
def pixel() -> Response:
    # HEAD comes from tools that look whether the address answers: no page was viewed.
    if request.method == "GET":
        taking = collector()
        event = parse_hit(request.query_string, request.headers, request.remote_addr or "",
                          policy=taking.policy, name=taking.clock.new_id())
        taking.take([event])
    response = Response(GIF, mimetype="image/gif")
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


@blueprint.post("/e")
def events() -> Response:
    taking = collector()
    body = request.stream.read(MAX_BODY_BYTES + 1)
    taking.take(parse_events(body, request.headers, request.remote_addr or "", policy=taking.policy,
                             new_name=taking.clock.new_id))
    return _open_to_all(Response(status=204))


@blueprint.errorhandler(BadHit)
def refused(error: BadHit) -> Response:
    metrics.HITS.labels("refused", error.reason.partition(":")[0]).inc()
    response = Response(f"{error.reason}\n", status=error.status, mimetype="text/plain")
    # A reason may quote what was sent; a header holds one line of ASCII.
    response.headers["X-Footfall"] = re.sub(r"[^ -~]", "?", error.reason)[:200]
    return _open_to_all(response)


@blueprint.errorhandler(StoreError)
def unavailable(error: StoreError) -> Response:
    reason = "unavailable" if isinstance(error, StoreUnavailable) else "store"
    metrics.HITS.labels("unavailable", reason).inc()
    current_app.logger.error("a hit was answered 503, nothing was taken: %s", error)
    response = Response("cannot store now, please try again\n", status=503, mimetype="text/plain")
    response.headers["X-Footfall"] = "cannot store now"
    response.headers["Retry-After"] = str(RETRY_SECONDS)
    return _open_to_all(response)


def _open_to_all(response: Response) -> Response:
    """Let a page of any origin see the answer of its post; it holds nothing of anybody."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Expose-Headers"] = "X-Footfall, Retry-After"
    return response
