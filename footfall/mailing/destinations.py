"""Where reports and alerts go: to an address by mail, to a program by webhook, or to both."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

from footfall.config import mail_address
from footfall.errors import UsageError
from footfall.mailing import webhooks

SECRET_BYTES = 24


class Destination(NamedTuple):
    """Where something goes.

    :param to: an address, or empty.
    :param webhook: the URL that JSON is posted to, or empty.
    :param secret: what posts are signed with; its owner saw it once.
    """

    to: str = ""
    webhook: str = ""
    secret: str = ""

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Self:
        """Return what the fields of a definition say."""
        return cls(fields.get("to", ""), fields.get("webhook", ""), fields.get("secret", ""))

    def fields(self) -> dict[str, str]:
        """Return it as a definition keeps it."""
        return {name: text for name, text in self._asdict().items() if text}

    @property
    def ways(self) -> tuple[str, ...]:
        """``mail``, ``webhook``, or both."""
        return tuple(way for way, there in (("mail", self.to), ("webhook", self.webhook)) if there)

    def __str__(self) -> str:
        # The path of a webhook is often all that keeps others from posting there.
        parts = urlsplit(self.webhook)
        hook = f"{parts.scheme}://{parts.netloc}/{'…' if parts.path.strip('/') or parts.query else ''}"
        return " and ".join(filter(None, (self.to, self.webhook and hook)))


def destination(to: str = "", webhook: str = "") -> Destination:
    """Return a new destination, with a secret of its own if it has a webhook.

    :raises UsageError: it is none, or one of its parts cannot be.
    """
    if not to and not webhook:
        raise UsageError("to, webhook: neither is given; say where it is to go")
    try:
        if to:
            mail_address(to)
    except ValueError as error:
        raise UsageError(f"to {to!r}: {error}") from None
    if webhook:
        webhooks.check_url(webhook)
    return Destination(to, webhook, f"ffwh_{secrets.token_urlsafe(SECRET_BYTES)}" if webhook else "")
