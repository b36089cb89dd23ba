"""The form that the first tracker of 2012 had: answer at once, store each view by itself in a greenlet.

Flask under gunicorn's gevent worker; a view is one msgpack map, one insert, one commit. What is kept when the process
ends is what happened to be stored.
"""

from __future__ import annotations

import base64
import os
import sqlite3
import uuid
from datetime import UTC, datetime

import gevent
import msgpack
from flask import Flask, Response, request

GIF = base64.b64decode("R0lGODlhAQABAIAAAP///wAAACH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==")

app = Flask(__name__)
_connection = sqlite3.connect(os.environ["SEED_DATABASE"], isolation_level=None)
_connection.execute("PRAGMA journal_mode = WAL")
_connection.execute("CREATE TABLE IF NOT EXISTS PageViews "
                    "(row_key TEXT, id BLOB, data BLOB, PRIMARY KEY (row_key, id))")


def store(account: str, view: dict[str, str]) -> None:
    _connection.execute("INSERT INTO PageViews VALUES (?, ?, ?)", (
        f"{datetime.now(UTC):%Y%m%d}.{account}", uuid.uuid1().bytes, msgpack.packb(view)))


@app.get("/a.gif")
def pixel() -> Response:
    view = {"url": request.args["url"], "title": request.args.get("title", ""), "ip": request.remote_addr or "",
            "referrer": request.args.get("ref", ""), "user_agent": request.headers.get("User-Agent", ""),
            "language": request.headers.get("Accept-Language", "").partition(",")[0]}
    gevent.spawn(store, request.args["id"], view)
    return Response(GIF, mimetype="image/gif", headers={"Cache-Control": "private, no-cache"})
