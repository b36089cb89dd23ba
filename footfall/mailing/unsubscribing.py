"""The links that end a report or an alert: whoever has the mail has the link, and nobody can guess one.

A link names the definition, and carries an HMAC of that. The key is in the store, where all servers that share it, and
so send and take such links, find it.
"""

from __future__ import annotations

import base64
import hmac
import secrets

from footfall import definitions, pageview
from footfall.errors import NotFoundException
from footfall.mailing import alerts, subscriptions
from footfall.pageview import unpack
from footfall.storage import Store

FAMILY, ROW, KEY = "Tokens", "mail", "unsubscribe"
KEY_BYTES = 32
MAC_BYTES = 18
PATH = "/mail/unsubscribe/"


def token(store: Store, site: str, definition_id: str) -> str:
    """Return the last part of the link that ends a report or an alert."""
    return f"{site}.{definition_id}.{_mac(store, site, definition_id)}"


def read(store: Store, text: str) -> tuple[str, str] | None:
    """Return the site and the id of the definition that a link is about; ``None`` if we did not make it."""
    named, _, mac = text.rpartition(".")
    site, _, definition_id = named.rpartition(".")
    is_ours = hmac.compare_digest(mac.encode(), _mac(store, site, definition_id).encode())
    return (site, definition_id) if is_ours else None


def end(store: Store, site: str, definition_id: str) -> None:
    """Send the address of a report or an alert nothing more. What goes to a webhook beside it goes on.

    Of what is no more there is nothing to end.
    """
    for kind, remove in ((subscriptions.KIND, subscriptions.remove), (alerts.KIND, alerts.remove)):
        for each in (each for each in definitions.all_of(store, site, kind) if each.id == definition_id):
            if each.fields.get("webhook"):
                kept = {name: value for name, value in each.fields.items() if name != "to"}
                definitions.change(store, site, kind, definition_id, kept)
            else:
                remove(store, site, definition_id)


def _mac(store: Store, site: str, definition_id: str) -> str:
    digest = hmac.digest(_key(store), f"{site}\n{definition_id}".encode(), "sha256")
    return base64.urlsafe_b64encode(digest[:MAC_BYTES]).decode()


def _key(store: Store) -> bytes:
    try:
        found = store.family(FAMILY).get(ROW, [KEY])[KEY]
    except NotFoundException:
        # Of several processes that make one, the first wins.
        found = store.claim(FAMILY, ROW, KEY, pageview.pack({"key": secrets.token_bytes(KEY_BYTES)}))
    key: bytes = unpack(found)["key"]
    return key
