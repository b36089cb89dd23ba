"""The tracker script that a page loads: ``/a.js``."""

from __future__ import annotations

import hashlib
from functools import cache
from html import escape
from pathlib import Path

HERE = Path(__file__).parent.parent
#: Where ``static/`` and ``templates/`` are: inside the installed package, or beside it in a checkout.
SHARE = HERE if (HERE / "templates").is_dir() else HERE.parent


@cache
def script() -> tuple[bytes, str]:
    """Return the tracker's source and its entity tag."""
    source = (SHARE / "static" / "a.js").read_bytes()
    return source, hashlib.sha256(source).hexdigest()[:16]


def tag(address: str, account: str) -> str:
    """Return the HTML to paste into a page.

    :param address: where footfall is reached, such as ``https://stats.example.com``.
    :param account: the site's id.
    """
    return f'<script async src="{escape(address.rstrip("/"))}/a.js" data-id="{escape(account)}"></script>'
