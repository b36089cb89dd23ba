"""What a day's facts were made by, so that they are made anew when that changes."""

from __future__ import annotations

from functools import cache
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from footfall import derive
from footfall.reports import facts, segment

#: Packages whose rules decide what an event tells; the second is there in newer versions of the first.
RULES = ("ua-parser", "ua-parser-builtins")


@cache
def facts_version() -> str:
    """Return a text that changes when the same events may make other facts, or when their files have another form.

    It is the form's version and a hash: of the versions of :data:`RULES`, and of the source that tells what is in an
    event.
    """
    digest = blake2b(digest_size=12)
    for path in sorted([*Path(str(derive.__file__)).parent.glob("*.py"), Path(facts.__file__)]):
        digest.update(f"{path.name}\0".encode() + path.read_bytes() + b"\0")
    for package in RULES:
        digest.update(f"{package} {_version(package)}\0".encode())
    return f"{segment.VERSION}-{digest.hexdigest()}"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
