"""``footfall token``: which programs may send events, and ask for numbers."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from footfall import accounts, audit, tokens
from footfall.cli.settings import with_settings
from footfall.config import Config
from footfall.shares import Share
from footfall.stores import open_store
from footfall.tokens import Token


@click.group()
def token() -> None:
    """Add, list and remove tokens for the API."""


@token.command("add")
@click.option("--site", "site_id", required=True, metavar="ID", help="The site that it is for, or '*' for every site.")
@click.option("--scope", "scopes", multiple=True, type=click.Choice(tokens.SCOPES), default=(tokens.EVENTS,),
              show_default=True, help="What it may do; may be given again.")
@click.option("--name", default="", metavar="TEXT", help="What to call it in the list.")
@click.option("--expires", type=click.IntRange(1, tokens.MAX_DAYS), metavar="DAYS",
              help="For how many days it holds; for ever if not given.")
@with_settings()
def add(config: Config, site_id: str, scopes: tuple[str, ...], name: str, expires: int | None) -> None:
    """Add a token with which a program sends a site's events or asks for its numbers; prints it, this once."""
    with open_store(config=config) as store:
        if site_id != tokens.EVERY_SITE:
            accounts.find(store, site_id)
        text, made = tokens.add(store, site_id, name, expires, scopes)
        audit.note_command(store, "token.add", _about(site_id), detail=f"{made.id} {name}".strip())
    click.echo(f"Added token {made.id} for {site_id}. The token itself, shown only now: {text}")


@token.command("list")
@with_settings()
def list_(config: Config) -> None:
    """List the tokens: their ids, sites, scopes, names, when they were made and until when they hold."""
    now = datetime.now(UTC)
    with open_store(config=config) as store:
        for entry in tokens.all_tokens(store):
            click.echo(f"{entry.id}\t{entry.site}\t{entry.scope}\t{entry.name or '-'}\t{entry.created}\t"
                       f"{until_when(entry, now)}")


@token.command("remove")
@click.argument("token_id", metavar="ID")
@with_settings()
def remove(config: Config, token_id: str) -> None:
    """Remove the token ID, which `footfall token list` shows; running servers refuse it within ten seconds."""
    with open_store(config=config) as store:
        removed = tokens.remove(store, token_id)
        audit.note_command(store, "token.remove", _about(removed.site), detail=removed.id)
    click.echo(f"Removed token {removed.id} of {removed.site}.")


def until_when(kept: Token | Share, now: datetime) -> str:
    """Return until when a token or a link holds, as a list of them tells it."""
    return f"{kept.expires}{' (expired)' if kept.has_expired(now) else ''}" if kept.expires else "-"


def _about(site: str) -> str:
    """Return the site as the audit log names it: nothing for a token of every site."""
    return "" if site == tokens.EVERY_SITE else site
