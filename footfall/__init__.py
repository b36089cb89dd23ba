"""footfall: web analytics that you run yourself."""

from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # Imported when asked for: whoever wants an error or the version alone need not wait for the rest.
    if name == "visitor":
        from footfall.analysis import visitor

        return visitor
    if name == "events":
        from footfall.reports.arrow import events

        return events
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
