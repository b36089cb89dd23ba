"""``footfall audit``: who changed what."""

from __future__ import annotations

from itertools import islice

import click

from footfall import audit
from footfall.cli.asked import moment
from footfall.cli.settings import with_settings
from footfall.config import Config
from footfall.stores import open_store

#: How much is shown unasked.
NEWEST = 100


@click.group("audit")
def audit_() -> None:
    """Show who changed what."""


@audit_.command("list")
@click.option("--site", "site_id", metavar="ID", help="Only what is about this site.")
@click.option("--since", metavar="DAY", help="First day, or instant, UTC. [the first there is]")
@click.option("--limit", type=click.IntRange(1), default=NEWEST, metavar="N", help=f"The newest N. [{NEWEST}]")
@with_settings()
def list_(config: Config, site_id: str | None, since: str | None, limit: int) -> None:
    """List the newest of what was noted, the newest first: when, who, what, which site, from where, and what else."""
    start = moment("--since", since) if since else None
    with open_store(config=config) as store:
        for entry in islice(audit.entries(store, site=site_id, since=start), limit):
            click.echo("\t".join((f"{entry.at:%Y-%m-%dT%H:%M:%SZ}", entry.by or "-", entry.action, entry.site or "-",
                                  entry.client or "-", entry.detail or "-")))
