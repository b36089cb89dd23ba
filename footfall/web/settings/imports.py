"""Import: what came before footfall, from an access log that is uploaded, and how the command line does more."""

from __future__ import annotations

import secrets
import tempfile
from datetime import UTC, datetime
from typing import IO, cast
from urllib.parse import urlsplit

from flask import Flask, g, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from footfall.collect.beacon import collector
from footfall.collect.worker import Environ
from footfall.errors import StoreError, UsageError
from footfall.transfer import uploads
from footfall.transfer.accesslog import SKIP_REASONS
from footfall.web.auth import audit_here
from footfall.web.settings.frame import Form, blueprint, done, page, server
from footfall.web.sites import account

#: The largest file that is taken; what stands around it in the request comes on top.
MOST_BYTES = 50 << 20
_AROUND = 64 << 10


@blueprint.get("/import")
def imports(site: str) -> ResponseReturnValue:
    return _page(Form())


@blueprint.post("/import")
def upload(site: str) -> ResponseReturnValue:
    account()
    if (request.content_length or 0) > MOST_BYTES + _AROUND:
        form = Form()
        form.problems["log"] = f"must be at most {MOST_BYTES >> 20} MB; gzip it, or use the command line"
        return _page(form)
    form, given = Form(request.form), request.files.get("log")
    if given is None or not given.filename:
        form.problems["log"] = "choose a file"
    origin = urlsplit(form["origin"])
    if form["origin"] and (origin.scheme not in ("http", "https") or not origin.netloc):
        form.problems["origin"] = "must be an address such as https://blog.example.com"
    if form.problems or given is None:
        return _page(form)
    path = uploads.folder(server()) / secrets.token_hex(8)
    try:
        given.save(path)
        made = uploads.begin(collector().store(), server(), site, path, _name(given.filename), form["origin"] or None,
                             g.user.name)
    except UsageError as error:
        path.unlink(missing_ok=True)
        form.problems["log"] = str(error)
        return _page(form)
    audit_here("import.begin", f"{made.name}, {made.size:,} bytes")
    return done(f"{made.name} is being imported.", "settings.imports")


class Uploads:
    """Says of a request whose body is longer than others may be whether it is an upload that is let in.

    The worker asks it before it reads the body.
    """

    most = MOST_BYTES + _AROUND

    def __init__(self, app: Flask) -> None:
        self._app = app

    def open(self, environ: Environ) -> IO[bytes] | None:
        """Return a file for the request's body; ``None`` if none so long is taken from who sends it."""
        with self._app.request_context({**environ, "CONTENT_LENGTH": "0"}):
            try:
                if request.endpoint != "settings.upload" or self._app.preprocess_request() is not None:
                    return None
                return cast(IO[bytes], tempfile.TemporaryFile(dir=uploads.folder(server())))
            except (HTTPException, StoreError, OSError):
                return None


def _page(form: Form) -> ResponseReturnValue:
    now = datetime.now(UTC)
    shown = uploads.uploads(collector().store(), account().id)
    return page("settings_import.html", "settings.imports", form=form, most=MOST_BYTES >> 20, reasons=SKIP_REASONS,
                uploads=[(each, each.is_running(now)) for each in shown])


def _name(given: str | None) -> str:
    """Return a file's name as it is shown: a browser may send a path."""
    name = (given or "").replace("\\", "/").rpartition("/")[2]
    return "".join(each for each in name if each.isprintable())[:100] or "a file"
