"""``footfall share``: links under which others see a site's pages without a login."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import click

from footfall import accounts, audit, shares
from footfall.cli.settings import with_settings
from footfall.cli.sites import TAG_SETTINGS, address
from footfall.cli.tokens import until_when
from footfall.config import Config
from footfall.stores import open_store
from footfall.tokens import MAX_DAYS


@click.group()
def share() -> None:
    """Add, list and remove share links of a site."""


@share.command("add")
@click.argument("site_id", metavar="SITE")
@click.option("--name", default="", metavar="TEXT", help="What to call it in the list.")
@click.option("--expires", type=click.IntRange(1, MAX_DAYS), metavar="DAYS",
              help="For how many days it holds; for ever if not given.")
@click.option("--password-stdin", is_flag=True, help="It takes a password, which is read from standard input.")
@click.option("--embed", is_flag=True, help="It may be shown in frames, on the hosts of the site's setting embed.")
@with_settings(*TAG_SETTINGS)
def add(config: Config, site_id: str, name: str, expires: int | None, password_stdin: bool, embed: bool) -> None:
    """Add a link to the pages of SITE and print it, this once."""
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else ""
    with open_store(config=config) as store:
        accounts.find(store, site_id)
        key, made = shares.add(store, site_id, name, days=expires, password=password, embed=embed)
        audit.note_command(store, "share.add", site_id, detail=f"{made.id} {name}".strip())
    click.echo(f"Added link {made.id} to {site_id}. The link itself, shown only now: {address(config)}/share/{key}")


@share.command("list")
@click.argument("site_id", metavar="SITE")
@with_settings()
def list_(config: Config, site_id: str) -> None:
    """List the links of SITE: ids, names, when they were made, until when they hold, what is special about them."""
    now = datetime.now(UTC)
    with open_store(config=config) as store:
        accounts.find(store, site_id)
        for each in shares.all_of(store, site_id):
            special = [word for word, holds in (("password", each.password), ("embed", each.embed)) if holds]
            click.echo(f"{each.id}\t{each.name or '-'}\t{each.created}\t{until_when(each, now)}\t"
                       f"{', '.join(special) or '-'}")


@share.command("remove")
@click.argument("site_id", metavar="SITE")
@click.argument("share_id", metavar="ID")
@with_settings()
def remove(config: Config, site_id: str, share_id: str) -> None:
    """Remove the link ID of SITE, which `footfall share list` shows: it leads nowhere from then on."""
    with open_store(config=config) as store:
        removed = shares.remove(store, site_id, share_id)
        audit.note_command(store, "share.remove", site_id,
                   detail=f"{removed.id} {removed.name}".strip())
    click.echo(f"Removed link {removed.id} of {site_id}.")
