"""The API: what programs ask of footfall, each with a token of its own.

A token counts in the header ``Authorization`` alone: a URL is logged and kept by browsers, and a cookie is sent by
them for whoever asks. docs/api.md is the reference.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, cast

from flask import Blueprint, Response, current_app, request

from footfall.collect.beacon import collector
from footfall.collect.collector import RETRY_SECONDS, count_failure, count_refusal
from footfall.collect.server_events import MAX_BODY_BYTES, ServerEvents, parse_server_events
from footfall.errors import BadHit, StoreError
from footfall.tokens import EVENTS, KnownTokens, Token

EXTENSION = "footfall.api"

blueprint = Blueprint("api", __name__, url_prefix="/api/v1")


class Denied(Exception):
    """A request whose token does not allow it.

    :param challenge: what WWW-Authenticate says of it, as in RFC 6750.
    """

    def __init__(self, reason: str, status: int, challenge: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.challenge = ", ".join(filter(None, ('Bearer realm="footfall"', challenge)))


@blueprint.post("/events")
def events() -> Response:
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
        return problem(error.status, error.reason, headers={"WWW-Authenticate": error.challenge})
    except BadHit as error:
        count_refusal(error.reason)
        return problem(error.status, error.reason)
    except StoreError as error:
        count_failure(error)
        return problem(503, "cannot store now, nothing was taken; please try again",
                       headers={"Retry-After": str(RETRY_SECONDS)})
    return Response(json.dumps(_results(parsed, "stored")), mimetype="application/json")


def authorized(scope: str) -> Token:
    """Return the token of the request.

    :param scope: what it must allow.
    :raises Denied: there is none, or it does not.
    :raises StoreError: whether it is one cannot be found out now.
    """
    given = request.authorization
    if given is None or given.type != "bearer":
        raise Denied("a token is needed, in the header Authorization: Bearer", 401)
    known = cast(KnownTokens, current_app.extensions[EXTENSION])
    token = known.find(given.token or "", datetime.now(UTC))
    if token is None:
        raise Denied("the token is unknown, or has expired", 401, 'error="invalid_token"')
    if token.scope != scope:
        raise Denied(f"the token is not one for {scope}", 403, 'error="insufficient_scope"')
    return token


def problem(status: int, detail: str, more: Mapping[str, Any] | None = None,
            headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer that says what is wrong, as in RFC 9457.

    :param more: what it says beside that.
    """
    told = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail,
            **(more or {})}
    return Response(json.dumps(told), status, headers, mimetype="application/problem+json")


def _site(token: Token) -> str:
    known = collector().policy.accounts
    if known is not None and token.site not in known:
        raise Denied("the token's site is no more", 403, 'error="insufficient_scope"')
    return token.site


def _results(parsed: ServerEvents, good: str) -> dict[str, Any]:
    """What became of each event, in order.

    :param good: of those that are not refused: ``stored`` or ``not stored``.
    """
    results = [{"status": good} if reason is None else {"status": "refused", "reason": reason}
               for reason in parsed.reasons]
    return {"results": results, "stored": len(parsed.events) if good == "stored" else 0, "refused": parsed.refused}
