"""``footfall site``: the sites whose page-views are counted."""

from __future__ import annotations

import click

from footfall import accounts, audit, tokens
from footfall.cli.cache import follow
from footfall.cli.settings import Command, with_settings
from footfall.collect.tracker import Paths, tag
from footfall.config import Config
from footfall.site_settings import SITE_SETTINGS
from footfall.stores import open_store

#: What a tag is made from.
TAG_SETTINGS = ("HOST", "PORT", "PUBLIC_URL", "SCRIPT_PATH", "EVENT_PATH")


def site_setting_flags(command: Command) -> Command:
    """Give a command a flag for each setting of a site."""
    for setting in reversed(SITE_SETTINGS):
        command = click.option(setting.flag, setting.key, metavar="VALUE",
                               help=f"{setting.help} [{setting.default or 'empty'}]")(command)
    return command


@click.group()
def site() -> None:
    """Add, list and remove sites."""


@site.command("add")
@click.argument("site_id", metavar="ID")
@click.option("--url", default="", metavar="URL", help="Where the site's pages are, such as https://blog.example.com.")
@click.option("--if-missing", is_flag=True, help="Do nothing if the site exists.")
@with_settings(*TAG_SETTINGS)
def add(config: Config, site_id: str, url: str, if_missing: bool) -> None:
    """Add the site ID and print the tag for its pages."""
    with open_store(config=config) as store:
        if if_missing and any(account.id == site_id for account in accounts.all_accounts(store)):
            return
        accounts.add(store, site_id, url)
        audit.note_command(store, "site.add", site_id, detail=url)
    click.echo(f"Added {site_id}. Paste this into its pages:\n\n  {tag_for(config, site_id)}\n")


@site.command("list")
@with_settings(*TAG_SETTINGS)
def list_(config: Config) -> None:
    """List the sites with their tags."""
    with open_store(config=config) as store:
        for account in accounts.all_accounts(store):
            click.echo(f"{account.id}\t{account.url or '-'}\t{account.created}\t{tag_for(config, account.id)}")


@site.command("tag")
@click.argument("site_id", metavar="ID")
@click.option("--core", is_flag=True, help="The small build: page-views and events of the page's own alone.")
@click.option("--integrity", is_flag=True, help="Of this version alone, by its hash: browsers run no other script.")
@with_settings(*TAG_SETTINGS)
def tag_(config: Config, site_id: str, core: bool, integrity: bool) -> None:
    """Print the tag of the site ID."""
    with open_store(config=config) as store:
        accounts.find(store, site_id)
    click.echo(tag_for(config, site_id, build="core" if core else "", integrity=integrity))


@site.command("set")
@click.argument("site_id", metavar="ID")
@click.option("--url", metavar="URL", help="Where the site's pages are, see `footfall site add`.")
@site_setting_flags
@with_settings()
def set_(config: Config, site_id: str, url: str | None, **changes: str | None) -> None:
    """Change settings of the site ID, and show them all. An empty value takes the default again."""
    with open_store(config=config) as store:
        if url is not None:
            accounts.set_url(store, site_id, url)
        given = {key: text for key, text in changes.items() if text is not None}
        account = accounts.configure(store, site_id, given) if given else accounts.find(store, site_id)
        if given:
            audit.note_command(store, "site.set", site_id,
                       detail=", ".join(f"{key}={text}" for key, text in given.items()))
    for setting in SITE_SETTINGS:
        source = "" if setting.key in account.given else " (default)"
        click.echo(f"{setting.key} = {account.given.get(setting.key, setting.default)}{source}")


@site.command("remove")
@click.argument("site_id", metavar="ID")
@click.option("--with-events", is_flag=True, help="Remove its events too; they are kept otherwise.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_settings()
def remove(config: Config, site_id: str, with_events: bool, yes: bool) -> None:
    """Remove the site ID and its tokens: hits for it are refused from then on."""
    with open_store(config=config) as store:
        accounts.find(store, site_id)
        if with_events and not yes:
            click.confirm(f"Remove {site_id} and every event it has?", abort=True)
        rows = accounts.remove(store, site_id, with_events=with_events)
        tokens.remove_all_of(store, site_id)
        audit.note_command(store, "site.remove", site_id,
                   detail="with its events" if with_events else "its events are kept")
        follow(config, store, site_id)
    click.echo(f"Removed {site_id}" + (f" and {rows:,} rows of events." if with_events else "; its events are kept."))


def tag_for(config: Config, site_id: str, *, build: str = "", integrity: bool = False) -> str:
    """Return the tag of a site, as far as the settings tell."""
    return tag(address(config), site_id, Paths.of(config), build=build, integrity=integrity)


def address(config: Config) -> str:
    """Return where browsers reach the server, as far as the settings tell."""
    # Of what stands before a Unix socket they tell nothing; footfall's own pages show the address they are asked at.
    host = "localhost" if config.host.startswith("unix:") else f"{config.host}:{config.port}"
    return config.public_url or f"http://{host}"
