"""``footfall alert``: what an owner is told at once."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from footfall import audit
from footfall.cli.mail import destination_options, last_told, sites_of, tell_secret
from footfall.cli.settings import with_settings
from footfall.config import Config
from footfall.stores import open_store


@click.group()
def alert() -> None:
    """Tell of many visitors, of an unusual hour, and of silence, by mail or to a webhook."""


@alert.command("add")
@click.option("--site", "site_id", required=True, metavar="ID", help="The site that is watched.")
@click.option("--when", required=True, type=click.Choice(["visitors", "views", "silence"]),
              help="Many visitors at once; an hour of many more views than usual; hours without an event.")
@click.option("--threshold", type=int, metavar="N", help="visitors: so many or more. [50]")
@click.option("--minutes", type=int, metavar="N", help="visitors: within so many minutes. [5]")
@click.option("--times", type=int, metavar="N", help="views: more than so many times the usual. [3]")
@click.option("--least", type=int, metavar="N", help="views: and so many or more. [20]")
@click.option("--hours", type=int, metavar="N", help="silence: for so many hours. [3]")
@destination_options
@with_settings()
def add(config: Config, site_id: str, when: str, to: str, webhook: str, **numbers: int | None) -> None:
    """Add an alert."""
    from footfall.mailing import alerts
    from footfall.mailing.destinations import destination

    where = destination(to, webhook)
    with open_store(config=config) as store:
        made = alerts.add(store, site_id, where, when, numbers)
        audit.note_command(store, "alert.add", site_id, detail=f"{made.id} {made} to {where}")
    click.echo(f"Added {made.id}: {made}, of {site_id}, is told to {where}.")
    tell_secret(where)


@alert.command("list")
@click.option("--site", "site_id", metavar="ID", help="Only of this site.")
@with_settings()
def list_(config: Config, site_id: str | None) -> None:
    """List the alerts: their ids, sites, what they are about, where to they go, and what was told last."""
    from footfall.mailing import alerts

    with open_store(config=config) as store:
        for site in sites_of(store, site_id):
            for each in alerts.alerts(store, site.id):
                click.echo(f"{each.id}\t{site.id}\t{each}\t{each.destination}\t{last_told(store, site.id, each.id)}")


@alert.command("remove")
@click.option("--site", "site_id", required=True, metavar="ID", help="The site that is watched.")
@click.argument("alert_id", metavar="ID")
@with_settings()
def remove(config: Config, site_id: str, alert_id: str) -> None:
    """Remove the alert ID, which `footfall alert list` shows."""
    from footfall.mailing import alerts

    with open_store(config=config) as store:
        removed = alerts.remove(store, site_id, alert_id)
        audit.note_command(store, "alert.remove", site_id, detail=f"{removed.id} {removed}")
    click.echo(f"Removed {removed.id}: {removed}, of {site_id}.")


@alert.command("check")
@click.option("--site", "site_id", metavar="ID", help="Only of this site.")
@with_settings("RETENTION")
def check(config: Config, site_id: str | None) -> None:
    """Tell how it stands with each alert now, and send nothing."""
    from footfall.mailing.herald import Herald
    from footfall.reports.cache import open_cache

    with open_store(config=config) as store:
        herald = Herald(config, open_cache(config, store))
        for site in sites_of(store, site_id):
            for each, verdict in herald.verdicts(site, datetime.now(UTC)):
                state = "is the case" if verdict.begins else "is not the case"
                click.echo(f"{each.id}\t{site.id}\t{each}\t{state}: {verdict.told}")
