"""``footfall stats``: a site's numbers in the terminal."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from datetime import UTC, date, datetime, timedelta
from typing import Any

import click

from footfall import accounts
from footfall.cli.settings import with_settings
from footfall.config import Config
from footfall.errors import UsageError
from footfall.reports import overview
from footfall.reports.overview import DIMENSIONS, Row
from footfall.stores import open_store

#: What is shown when nothing is asked for.
OVERVIEW = ("day", "url", "referrer", "search")
TITLES = {"day": "Views by day", "hour": "Views by hour", "url": "Top pages", "title": "Top titles",
          "referrer": "Top referrers", "source": "Top sources", "channel": "Channels", "search": "Search queries",
          "utm_source": "Tagged sources", "utm_medium": "Tagged mediums", "utm_campaign": "Campaigns",
          "utm_term": "Tagged terms", "utm_content": "Tagged contents", "browser": "Browsers",
          "browser_version": "Browser versions", "os": "Systems", "device": "Devices", "country": "Countries",
          "region": "Regions", "city": "Cities", "language": "Languages", "address": "Top addresses"}
_EIGHTHS = " ▏▎▍▌▋▊▉"


@click.command()
@click.argument("site_id", metavar="SITE")
@click.option("--by", "dimensions", multiple=True, type=click.Choice(list(DIMENSIONS)),
              help="What to tell page-views apart by; may be given again. [day, url, referrer, search]")
@click.option("--since", metavar="DAY", help="First day, or instant, UTC. [the last 30 days, or the newest 30]")
@click.option("--until", metavar="DAY", help="Last day, itself included; an instant is left out itself.")
@click.option("--limit", default=10, show_default=True, type=click.IntRange(1), help="Rows of a table, but for days.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="As CSV: dimension, value, views.")
@with_settings()
def stats(config: Config, site_id: str, dimensions: tuple[str, ...], since: str | None, until: str | None, limit: int,
          as_json: bool, as_csv: bool) -> None:
    """Show SITE's page-views by day, page, referrer, search query or what else is asked for."""
    if as_json and as_csv:
        raise UsageError("--json and --csv: only one of them")
    with open_store(config=config) as store:
        accounts.find(store, site_id)
        recent = overview.last_days(store, site_id, 30)
        start = moment("--since", since) if since else None
        end = moment("--until", until, end=True) if until else None
        if start is None:
            start = _instant(recent.since) if end is None else end - timedelta(days=30)
        end = end or max(_instant(recent.until), start)
        if end < start:
            raise UsageError(f"--until={until}: is before --since={since}")
        wanted = dimensions or OVERVIEW
        found = overview.views_by(store, site_id, {"day": None, **dict.fromkeys(wanted)}, start, end, limit=limit)
    views = sum(row.views for row in found["day"])
    tables = {dimension: found[dimension] for dimension in wanted}
    if as_json:
        click.echo(json.dumps({
            "site": site_id, "since": start.isoformat(), "until": end.isoformat(), "views": views,
            "by": {dimension: [{"value": text(row.value), "views": row.views} for row in rows]
                   for dimension, rows in tables.items()}}, ensure_ascii=False, indent=2))
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(("dimension", "value", "views"))
        writer.writerows((dimension, text(row.value), row.views) for dimension, rows in tables.items() for row in rows)
    else:
        click.echo(f"{site_id}: {views:,} views, {_period(start, end)} (UTC)")
        for dimension, rows in tables.items():
            click.echo(f"\n{TITLES[dimension]}\n{table(rows, shutil.get_terminal_size().columns)}")


def table(rows: list[Row], width: int) -> str:
    """Return rows as text with a bar for each.

    :param width: of the terminal, in characters.
    """
    if not rows:
        return "  none"
    most = max(row.views for row in rows)
    numbers = max(len(f"{row.views:,}") for row in rows)
    bars = max(8, min(30, width // 4))
    values = max(10, width - numbers - bars - 5)
    return "\n".join(f"  {_fitted(text(row.value), values)} {row.views:>{numbers},} {_bar(row.views, most, bars)}"
                     for row in rows)


def text(value: Any) -> str:
    """Return a dimension's value as text: times in ISO 8601, to the minute."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="minutes")
    return value.isoformat() if isinstance(value, date) else str(value)


def moment(flag: str, given: str, *, end: bool = False) -> datetime:
    """Return the instant that a flag names: a day's midnight UTC, with ``end`` the next one's, or the instant itself.

    :raises UsageError: it is neither a day nor an instant in ISO 8601.
    """
    try:
        if len(given) == len("2026-01-02"):
            return _instant(date.fromisoformat(given)) + timedelta(days=end)
        instant = datetime.fromisoformat(given)
    except (ValueError, OverflowError):
        raise UsageError(f"{flag}={given!r}: must be a day such as 2026-01-02, or an instant "
                         "such as 2026-01-02T15:00") from None
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def _instant(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _period(start: datetime, end: datetime) -> str:
    if start.time() == end.time() == datetime.min.time():
        return f"{start:%Y-%m-%d} to {end - timedelta(days=1):%Y-%m-%d}"
    return f"{start:%Y-%m-%d %H:%M} to before {end:%Y-%m-%d %H:%M}"


def _fitted(value: str, width: int) -> str:
    return f"{value if len(value) <= width else value[:width - 1] + '…':{width}}"


def _bar(views: int, most: int, width: int) -> str:
    eighths = max(1, round(views / most * width * 8)) if views else 0
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()
