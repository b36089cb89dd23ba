"""The tracker script that a page loads, in its builds, and the tag that loads it.

``a.js`` has everything, ``a.core.js`` counts page-views and events alone, ``a.vitals.js`` measures the speed of pages,
and is loaded by ``a.js`` where the tag asks for that. Each is there once more as it was in each version,
``a.1.0.0.js``, which never changes: a page can name its hash.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import posixpath
from collections.abc import Mapping
from functools import cache
from html import escape
from pathlib import Path
from typing import NamedTuple

from footfall.config import Config

HERE = Path(__file__).parent.parent
#: Where ``static/`` and ``templates/`` are: inside the installed package, or beside it in a checkout.
SHARE = HERE if (HERE / "templates").is_dir() else HERE.parent


class Paths(NamedTuple):
    """Where the beacon is reached, beside the default paths."""

    script: str = "/a.js"
    pixel: str = "/a.gif"
    event: str = "/e"

    @classmethod
    def of(cls, config: Config) -> Paths:
        return cls(config.script_path, config.pixel_path, config.event_path)

    def build(self, build: str) -> str:
        """Return the path of one of the script's builds; of ``/a.js`` that of ``core`` is ``/a.core.js``."""
        return self.script if not build else f"{self.script.removesuffix('.js')}.{build}.js"


#: Without a setting.
DEFAULT = Paths()


class Script(NamedTuple):
    """A build of the script, as it is and compressed."""

    source: bytes
    gzipped: bytes
    etag: str
    is_frozen: bool

    @property
    def integrity(self) -> str:
        """What a tag's ``integrity`` says of it."""
        return "sha384-" + base64.b64encode(hashlib.sha384(self.source).digest()).decode()


@cache
def scripts() -> dict[str, Script]:
    """Return every build by its name, which is what stands between ``a.`` and ``.js``; that of ``a.js`` is empty."""
    found = {}
    for folder, is_frozen in ((SHARE / "static", False), (SHARE / "static" / "frozen", True)):
        for path in folder.glob("a.*js"):
            source = path.read_bytes()
            name = path.name.removeprefix("a.").removesuffix("js").removesuffix(".")
            found[name] = Script(source, gzip.compress(source, mtime=0), hashlib.sha256(source).hexdigest()[:16],
                                 is_frozen)
    return found


def frozen(build: str = "") -> str:
    """Return the name of the frozen build that is the same as another, of the newest version of which that holds."""
    source = scripts()[build].source
    same = [name for name, script in scripts().items() if script.is_frozen and script.source == source]
    return max(same, key=lambda name: [int(part) for part in name.split(".") if part.isdigit()])


def tag(address: str, account: str, paths: Paths = DEFAULT, *, build: str = "", integrity: bool = False,
        options: Mapping[str, str] | None = None) -> str:
    """Return the HTML to paste into a page.

    :param address: where footfall is reached, such as ``https://stats.example.com``.
    :param account: the site's id.
    :param build: ``core`` for the small one.
    :param integrity: name the version and its hash, so that a browser runs no other script.
    :param options: attributes beside, as docs/tracker.md lists them; an empty one stands without a value.
    """
    build = frozen(build) if integrity else build
    attributes = {"src": address.rstrip("/") + paths.build(build)}
    if integrity:
        attributes |= {"integrity": scripts()[build].integrity, "crossorigin": "anonymous"}
    attributes["data-id"] = account
    # Relative to the script, as the address may have a path of its own.
    api = posixpath.relpath(paths.event, posixpath.dirname(paths.script))
    if api != "e":
        attributes["data-api"] = api
    attributes |= options or {}
    written = " ".join(f'{name}="{escape(value)}"' if value else name for name, value in attributes.items())
    return f"<script async {written}></script>"
