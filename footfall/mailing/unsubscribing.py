"""The links that end a subscription: whoever has the mail has the link, and nobody can guess one.

A link names the subscription, and carries an HMAC of it. The key is in the store, where all servers that share it, and
so send and take such links, find it.
"""

from __future__ import annotations

import base64
import hmac
import secrets

from footfall import pageview
from footfall.errors import NotFoundException
from footfall.pageview import unpack
from footfall.storage import Store

FAMILY, ROW, KEY = "Tokens", "mail", "unsubscribe"
KEY_BYTES = 32
MAC_BYTES = 18
PATH = "/mail/unsubscribe/"


def token(store: Store, site: str, subscription_id: str) -> str:
    """Return what a link that ends a subscription ends with."""
    return f"{site}.{subscription_id}.{_mac(store, site, subscription_id)}"


def read(store: Store, text: str) -> tuple[str, str] | None:
    """Return the site and the id of the subscription that a link is about; ``None`` if we did not make it."""
    named, _, mac = text.rpartition(".")
    site, _, subscription_id = named.rpartition(".")
    is_ours = hmac.compare_digest(mac.encode(), _mac(store, site, subscription_id).encode())
    return (site, subscription_id) if is_ours else None


def _mac(store: Store, site: str, subscription_id: str) -> str:
    digest = hmac.digest(_key(store), f"{site}\n{subscription_id}".encode(), "sha256")
    return base64.urlsafe_b64encode(digest[:MAC_BYTES]).decode()


def _key(store: Store) -> bytes:
    try:
        found = store.family(FAMILY).get(ROW, [KEY])[KEY]
    except NotFoundException:
        # Of several processes that make one, the first wins.
        found = store.claim(FAMILY, ROW, KEY, pageview.pack({"key": secrets.token_bytes(KEY_BYTES)}))
    key: bytes = unpack(found)["key"]
    return key
