"""Who is on a site now, for the page that asks over and over while it is looked at."""

from __future__ import annotations

from datetime import UTC, datetime

from flask.typing import ResponseReturnValue

from footfall.web.reports import reports
from footfall.web.sites import account, blueprint


@blueprint.get("/live")
def live(site: str) -> ResponseReturnValue:
    """Answer how many visitors are there, at which time, and when the newest event was.

    Another newest event says that the page is old.
    """
    from footfall.reports.asking import days_of
    from footfall.reports.live import live as count
    from footfall.reports.live import newest

    account()
    now, days = datetime.now(UTC), days_of(reports().cache(), site)
    last = newest(days, now)
    return {"visitors": count(days, now), "at": now.isoformat(), "newest": last.isoformat() if last else None}
