"""How the server is: ``/health``, ``/ready`` and ``/metrics``."""

from __future__ import annotations

from flask import Blueprint, Response, request

from footfall import metrics
from footfall.collect.beacon import collector
from footfall.collect.collector import RETRY_SECONDS
from footfall.collect.hit import client_address

blueprint = Blueprint("health", __name__)


@blueprint.get("/health")
def health() -> Response:
    return Response("alive\n", mimetype="text/plain")


@blueprint.get("/ready")
def ready() -> Response:
    if collector().probe.can_store():
        return Response("ready\n", mimetype="text/plain")
    return Response("cannot store now\n", 503, {"Retry-After": str(RETRY_SECONDS)}, mimetype="text/plain")


@blueprint.get("/metrics")
def exposition() -> Response:
    """Show the metrics to whoever asks from this machine: they are no reader's business."""
    address = client_address(request.headers, request.remote_addr or "", collector().policy.trusted_proxies)
    if address not in ("127.0.0.1", "::1", ""):
        return Response("only from this machine\n", status=403, mimetype="text/plain")
    shown = metrics.exposition(collector().outbox_status())
    return Response(shown, mimetype="text/plain; version=0.0.4; charset=utf-8")
