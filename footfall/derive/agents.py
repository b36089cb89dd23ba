"""What a user agent tells: whether a page was read on a phone, a tablet or a desktop computer.

Pure functions over a stored event, so that better rules apply to old events too.
"""

from __future__ import annotations

import re

#: First match wins. Tablets first: an iPad or a Kindle may say "Mobile" too, and Android tablets are
#: those Androids that do not. "Mobi" is what MDN advises to look for in phones.
DEVICES: tuple[tuple[str, str], ...] = (
    ("tablet", r"iPad|Tablet|PlayBook|Silk/|Kindle|Android(?!.*Mobi)"),
    ("mobile", r"Mobi|iPhone|iPod|Windows Phone|BlackBerry|Opera Mini|J2ME|MIDP|Symbian|webOS"),
    ("desktop", r"Windows NT|Macintosh|X11|CrOS|Linux (?:x86_64|i686|amd64)|Windows (?:9[58]|XP)|OS/2"),
)
_DEVICES = tuple((device, re.compile(pattern)) for device, pattern in DEVICES)


def device(user_agent: str) -> str:
    """Return ``mobile``, ``tablet``, ``desktop``, or ``other`` for what names no device, as most bots do."""
    return next((name for name, pattern in _DEVICES if pattern.search(user_agent)), "other")
