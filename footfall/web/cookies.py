"""The signed cookies of sessions, and the key that signs them."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path

from flask import Flask
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask.wrappers import Request
from itsdangerous import URLSafeTimedSerializer

from footfall.errors import StoreError, StoreUnavailable

KEY_BYTES = 32


class SignedCookies(SecureCookieSessionInterface):
    """Flask's signed cookies, with a key that is made when the first session needs it.

    A server that only takes hits never has one, and does not fail for a key that it cannot write.

    :param is_https: tells whether the cookie of this request must come back over https alone.
    """

    def __init__(self, folder: Path, is_https: Callable[[], bool]) -> None:
        self._folder = folder
        self._is_https = is_https

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if self.get_cookie_name(app) not in request.cookies:
            return self.session_class()
        try:
            return super().open_session(app, request)
        except StoreError:
            # Without its key no session can be believed; the beacon must go on all the same.
            return self.session_class()

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        self.need_key(app)
        return super().get_signing_serializer(app)

    def need_key(self, app: Flask) -> bytes | str:
        """Return the key, made if there is none yet; a page that signs when its answer is sent asks for it before.

        :raises StoreError: as :func:`session_key`.
        """
        if not app.secret_key:
            app.secret_key = session_key(self._folder)
        return app.secret_key

    def get_cookie_secure(self, app: Flask) -> bool:
        return self._is_https()


def session_key(folder: Path) -> bytes:
    """Return the key that signs sessions, made on first use.

    :raises StoreError: the file holds no key; :class:`StoreUnavailable` when it cannot be read or made now.
    """
    path = folder / "session.key"
    try:
        if not path.exists():
            _make_key(path)
        key = path.read_bytes()
    except OSError as error:
        raise StoreUnavailable(f"{path}: {error.strerror}") from error
    if len(key) != KEY_BYTES:
        raise StoreError(f"{path}: has {len(key)} bytes instead of {KEY_BYTES}; remove it, and a new one is made")
    return key


def _make_key(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Written whole under another name and then linked: of several processes the first wins, and none reads half a key.
    descriptor, draft = tempfile.mkstemp(prefix=".session.key.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(draft)
