"""How answers are sent: files that pages load with their version, to be kept for good, and text compressed."""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from typing import Any

from flask import Flask, Response, request

from footfall.collect.tracker import SHARE
from footfall.web import rules

#: Types of answers that get smaller.
_TEXT = ("text/html", "text/css", "text/javascript", "image/svg+xml", "application/json")
#: What is shorter is one packet anyway.
_LEAST_BYTES = 1024
_KEPT_SECONDS = 365 * 86_400


def install(app: Flask) -> None:
    """Have an app send its answers so."""
    app.url_defaults(_give_version)
    app.after_request(_keep_versions)
    app.after_request(_compress)


@cache
def version(name: str) -> str:
    """Return what tells a file of ``static/`` from what it was before; empty if there is none."""
    path = SHARE / "static" / name
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12] if path.is_file() else ""


def _give_version(endpoint: str, values: dict[str, Any]) -> None:
    if endpoint == "static":
        values.setdefault("v", version(values["filename"]))


def _keep_versions(response: Response) -> Response:
    """Let browsers keep a file that was asked for by its version: it never changes under that address."""
    if request.endpoint == "static" and request.view_args and response.status_code in (200, 304):
        asked = request.args.get("v")
        if asked and asked == version(request.view_args["filename"]):
            response.headers["Cache-Control"] = f"public, max-age={_KEPT_SECONDS}, immutable"
    return response


def _compress(response: Response) -> Response:
    if (response.status_code != 200 or response.mimetype not in _TEXT or "Content-Encoding" in response.headers
            or rules.rule_of(request.endpoint or "", request.method) == rules.BEACON):
        return response
    response.vary.add("Accept-Encoding")
    # What is made while it is sent, as exports are, stays so; a file is none of that.
    is_file = response.direct_passthrough
    if not request.accept_encodings["gzip"] or (response.is_streamed and not is_file):
        return response
    response.direct_passthrough = False
    plain = response.get_data()
    if len(plain) >= _LEAST_BYTES:
        # Without the time, the same page is the same bytes.
        response.set_data(gzip.compress(plain, 6, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
        tag, _ = response.get_etag()
        if tag:
            response.set_etag(tag, weak=True)
    return response
