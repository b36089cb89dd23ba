"""``footfall cache verify``: whether the reports' numbers are those of the stored events."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import click

from footfall import accounts
from footfall.cli.progress import Progress
from footfall.cli.settings import with_settings
from footfall.config import Config
from footfall.errors import FootfallError, UsageError
from footfall.reports import verify as comparing
from footfall.reports.plain.answers import Row
from footfall.reports.questions import Asked
from footfall.reports.verify import Compared, Difference, Engine
from footfall.storage import Store
from footfall.stores import open_store
from footfall.timeuuid import Moment

#: Days that are looked at unless it is said otherwise, and differences that are shown of a site.
DAYS = 7
SHOWN = 10


@click.command()
@click.option("--site", "sites", metavar="ID", multiple=True, help="This site; may be given again. [all]")
@click.option("--since", metavar="DAY", help=f"First day. [the {DAYS} days to the last one]")
@click.option("--until", metavar="DAY", help="Last day, itself included. [yesterday, UTC]")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option("--progress", is_flag=True, help="Tell how far it is also where standard error is no terminal.")
@with_settings("RETENTION", "CASSANDRA_USERNAME", "CASSANDRA_CA")
def verify(config: Config, sites: tuple[str, ...], since: str | None, until: str | None, as_json: bool,
           progress: bool) -> None:
    """Count the reports' numbers anew from the stored events, by other means, and compare.

    Exits with 1 if they differ, and shows the first differences.
    """
    last = _day("--until", until) if until else datetime.now(UTC).date() - timedelta(days=1)
    first = _day("--since", since) if since else last - timedelta(days=DAYS - 1)
    if last < first:
        raise UsageError(f"--until={last}: is before --since={first}")
    found: dict[str, _Found] = {}
    with open_store(config=config) as store:
        chosen = [accounts.find(store, site) for site in sites] or accounts.all_accounts(store)
        engine = open_engine(config, store)
        for site in (account.id for account in chosen):
            found[site] = _Found()
            with Progress("numbers", wanted=progress) as drawn:
                for compared in comparing.verify(engine, store, site, first, last + timedelta(days=1),
                                                 retention=config.retention):
                    found[site].take(compared)
                    drawn.step(found[site].rows, found[site].numbers, f"{site}: ")
            if not as_json:
                click.echo(f"{site}, {first} to {last}: {found[site]}")
    if as_json:
        click.echo(json.dumps({"since": first.isoformat(), "until": last.isoformat(), "sites": {
            site: each.as_json() for site, each in found.items()}}, ensure_ascii=False, indent=2))
    if wrong := sum(each.wrong for each in found.values()):
        raise FootfallError(f"{wrong:,} numbers are not those of the events, see above")


def open_engine(config: Config, store: Store) -> Engine:
    """Return what answers the reports' questions, on the facts that are kept of a store's events."""
    # What it needs takes longer to import than most commands take.
    from footfall.reports.cache import open_cache
    from footfall.reports.engine import ask
    from footfall.reports.recent import oldest_day

    kept = open_cache(config, store)

    def engine(account: str, asked: Asked, since: Moment, until: Moment) -> list[Row]:
        first = since.date() if isinstance(since, datetime) else since
        return ask(asked, partial(kept.days, account), since, until, lambda: oldest_day(store, account) or first)

    return engine


class _Found:
    """What came out for one site."""

    def __init__(self) -> None:
        self.questions = self.rows = self.numbers = self.wrong = 0
        self.first: list[Difference] = []

    def take(self, compared: Compared) -> None:
        """Add what came out for one question."""
        self.questions += 1
        self.rows += compared.rows
        self.numbers += compared.numbers
        self.wrong += len(compared.differences)
        self.first += compared.differences[:SHOWN - len(self.first)]

    def __str__(self) -> str:
        result = f"{self.wrong:,} differ; the first:" if self.wrong else "all are those of the events"
        return "\n".join([f"{self.questions} questions, {self.rows:,} rows, {self.numbers:,} numbers: {result}",
                          *(f"  {difference}" for difference in self.first)])

    def as_json(self) -> dict[str, Any]:
        """Return it as what JSON holds."""
        return {"questions": self.questions, "rows": self.rows, "numbers": self.numbers, "differences": self.wrong,
                "first": [{"question": str(each.question), "values": list(each.values), "what": each.what,
                           "engine": each.engine, "plain": each.plain} for each in self.first]}


def _day(flag: str, given: str) -> date:
    try:
        return date.fromisoformat(given)
    except ValueError:
        raise UsageError(f"{flag}={given!r}: must be a day such as 2026-01-02") from None
