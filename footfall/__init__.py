"""footfall: web analytics that you run yourself."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"


_AT_HAND = {
    "visitor": "footfall.analysis",
    "events": "footfall.reports.arrow",
    **dict.fromkeys(("query", "funnel", "cohorts", "paths", "live"), "footfall.reports.asking"),
}


def __getattr__(name: str) -> Any:
    # Imported when asked for: whoever wants an error or the version alone need not wait for the rest.
    if name in _AT_HAND:
        return getattr(import_module(_AT_HAND[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
