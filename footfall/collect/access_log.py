"""The access log, off unless a file is named: a line for each request, in combined format."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TextIO

from footfall.collect.hit import Headers, Policy, client_address
from footfall.pageview import kept_address

#: Paths with what is as good as a password; they stand in the referrers of what their pages load, too.
_SECRET = re.compile(r"(/mail/unsubscribe/|/share/)[^/?#\s\"]+", re.IGNORECASE)
_UNSAFE = re.compile(r'[^ -~]|["\\]')


class AccessLog:
    """A log file that is written to, and opened anew when told, as after it was rotated.

    :param policy: whose ``X-Real-IP`` is believed, and how much of an address is kept, here as in the store.
    :raises OSError: it cannot be opened.
    """

    def __init__(self, path: Path, policy: Policy) -> None:
        self._path = path
        self._policy = policy
        self.reopen()

    def reopen(self) -> None:
        """Go on with the file that now has the name."""
        self._file: TextIO = self._path.open("a", buffering=1, encoding="ascii")

    def write(self, line: str, status: str, size: int, headers: Headers, peer: str) -> None:
        """Write what was asked and answered.

        :param line: the request line.
        :param size: bytes of the answer.
        """
        address = kept_address(client_address(headers, peer, self._policy.trusted_proxies), self._policy.ip)
        when = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime())
        referrer, agent = (_safe(headers.get(name, "") or "-") for name in ("referer", "user-agent"))
        self._file.write(f'{address or "-"} - - [{when}] "{_safe(line)}" {status} {size} "{referrer}" "{agent}"\n')


def masked(text: str) -> str:
    """Return a text without the secrets that paths in it may have."""
    return _SECRET.sub(r"\1-", text)


def _safe(text: str) -> str:
    text = masked(text)
    return _UNSAFE.sub(lambda found: "".join(f"\\x{byte:02X}" for byte in found[0].encode("latin-1", "replace")), text)
