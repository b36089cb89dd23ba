"""``POST /api/v1/events``: events from servers."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from footfall.collect.beacon import collector
from footfall.collect.collector import RETRY_SECONDS, count_failure, count_refusal
from footfall.collect.server_events import MAX_BODY_BYTES, ServerEvents, parse_server_events
from footfall.errors import BadHit, StoreError, UsageError
from footfall.tokens import EVENTS, EVERY_SITE, Token
from footfall.web.api.access import Denied, authorized, insufficient, site_named
from footfall.web.api.problems import of_refused, problem
from footfall.web.api.routes import SITE, Route, add, as_json


def events() -> Response:
    # Not by `route`: what is sent here is counted as hits are, and its number has no limit.
    keeper = collector()
    keeper.tidy()
    try:
        site = _site(authorized(EVENTS))
        if request.mimetype != "application/json":
            raise BadHit("content-type: must be application/json", 415)
        body = request.stream.read(MAX_BODY_BYTES + 1)
        parsed = parse_server_events(body, site, policy=keeper.policy, clock=keeper.clock)
        for reason in filter(None, parsed.reasons):
            count_refusal(reason)
        if parsed.all_or_nothing and parsed.refused:
            return problem(400, f"{parsed.refused} of {len(parsed.reasons)} events are refused, so none was stored",
                           _results(parsed, "not stored"))
        if parsed.events:
            keeper.commit(parsed.events)
    except Denied as error:
        count_refusal("token")
        return of_refused(error)
    except BadHit as error:
        count_refusal(error.reason)
        return problem(error.status, error.reason)
    except StoreError as error:
        count_failure(error)
        return problem(503, "cannot store now, nothing was taken; please try again",
                       headers={"Retry-After": str(RETRY_SECONDS)})
    return as_json(_results(parsed, "stored"))


add(Route("POST", "/events", "events", EVENTS, "Store events that a server tells of", (SITE,), "EventBatch",
          "EventResults", limited=False, problems=(413, 415)), events)


def _site(token: Token) -> str:
    try:
        site = site_named(token, request.args.get("site"))
    except UsageError as error:
        raise BadHit(str(error)) from None
    known = collector().policy.accounts
    if known is not None and site not in known:
        if token.site == EVERY_SITE:
            raise BadHit(f"site: unknown: {site}", 404)
        raise insufficient("the token's site is no more")
    return site


def _results(parsed: ServerEvents, good: str) -> dict[str, Any]:
    """What became of each event, in order.

    :param good: of those that are not refused: ``stored`` or ``not stored``.
    """
    results = [{"status": good} if reason is None else {"status": "refused", "reason": reason}
               for reason in parsed.reasons]
    return {"results": results, "stored": len(parsed.events) if good == "stored" else 0, "refused": parsed.refused}
