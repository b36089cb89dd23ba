"""``footfall mail``: reports that come by mail, or to a webhook."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from footfall import accounts, audit
from footfall.cli.settings import with_settings
from footfall.config import Config
from footfall.errors import FootfallError, StoreUnavailable
from footfall.storage import Store
from footfall.stores import open_store

if TYPE_CHECKING:
    from footfall.mailing.destinations import Destination
    from footfall.mailing.herald import Attempt, Herald

# What reports are made with is imported where it is used: it takes longer than most commands.

#: What is sent by, and from where.
SENDING = ("SMTP_URL", "SMTP_USERNAME", "SMTP_CA", "MAIL_FROM", "WEBHOOK_ADDRESSES", "PUBLIC_URL", "RETENTION")
#: How long is waited for a store that is away when the herald starts.
AGAIN_SECONDS = 5.0

Command = TypeVar("Command", bound=Callable[..., object])


def destination_options(command: Command) -> Command:
    """Give a command the options that say where something is to go."""
    command = click.option("--webhook", default="", metavar="URL",
                           help="Post it there as JSON, signed with a secret that is printed once.")(command)
    return click.option("--to", default="", metavar="ADDRESS", help="Send it to this address.")(command)


@click.group()
def mail() -> None:
    """Send reports of a site, each week or month, by mail or to a webhook."""


@mail.command("add")
@click.option("--site", "site_id", required=True, metavar="ID", help="The site that is reported of.")
@destination_options
@click.option("--every", type=click.Choice(["week", "month"]), default="week", show_default=True,
              help="How often, and of how long a time.")
@click.option("--section", "sections", multiple=True, metavar="NAME",
              help="pages, sources, countries or goals; may be given again. [all of them]")
@with_settings()
def add(config: Config, site_id: str, to: str, webhook: str, every: str, sections: tuple[str, ...]) -> None:
    """Add a report: the first is sent when the week or month that is under way is over."""
    from footfall.mailing import subscriptions
    from footfall.mailing.destinations import destination

    where = destination(to, webhook)
    with open_store(config=config) as store:
        made = subscriptions.add(store, site_id, where, every, sections)
        audit.note_command(store, "mail.add", site_id, detail=f"{made.id} every {every} to {where}")
    click.echo(f"Added {made.id}: the report of {site_id}, every {every}, to {where}.")
    tell_secret(where)


@mail.command("list")
@click.option("--site", "site_id", metavar="ID", help="Only of this site.")
@with_settings()
def list_(config: Config, site_id: str | None) -> None:
    """List the reports: their ids, sites, how often and where to they go, and what became of the last."""
    from footfall.mailing import subscriptions

    with open_store(config=config) as store:
        for site in sites_of(store, site_id):
            for each in subscriptions.subscriptions(store, site.id):
                click.echo(f"{each.id}\t{site.id}\t{each.every}\t{each.destination}\t{','.join(each.sections)}\t"
                           f"{last_told(store, site.id, each.id)}")


@mail.command("remove")
@click.option("--site", "site_id", required=True, metavar="ID", help="The site that is reported of.")
@click.argument("subscription_id", metavar="ID")
@with_settings()
def remove(config: Config, site_id: str, subscription_id: str) -> None:
    """Remove the report ID, which `footfall mail list` shows."""
    from footfall.mailing import subscriptions

    with open_store(config=config) as store:
        removed = subscriptions.remove(store, site_id, subscription_id)
        audit.note_command(store, "mail.remove", site_id, detail=f"{removed.id} to {removed.destination}")
    click.echo(f"Removed {removed.id}: nothing more of {site_id} goes to {removed.destination}.")


@mail.command("send")
@click.option("--site", "site_id", metavar="ID", help="Only of this site.")
@click.option("--now", "at_once", is_flag=True, help="The last report, sent already or not: to try it out.")
@with_settings(*SENDING)
def send(config: Config, site_id: str | None, at_once: bool) -> None:
    """Send the reports that are due; `footfall serve` does so by itself."""
    from footfall.mailing import subscriptions

    now, failed = datetime.now(UTC), 0
    with _herald(config) as (herald, store):
        for site in sites_of(store, site_id):
            attempts: Iterator[Attempt] = herald.send_due(site, now)
            if at_once:
                attempts = (attempt for each in subscriptions.subscriptions(store, site.id)
                            for attempt in herald.send_now(site, each, now))
            for attempt in attempts:
                failed += bool(attempt.problem)
                became = attempt.problem or ("sent" if attempt.sent else "sent by another")
                click.echo(f"{attempt.delivery.owner}\t{site.id}\t{attempt.delivery.way}\t{became}")
    if failed:
        raise FootfallError(f"{failed} not sent, see above")


@mail.command("preview")
@click.option("--site", "site_id", required=True, metavar="ID", help="The site that is reported of.")
@click.option("--every", type=click.Choice(["week", "month"]), default="week", show_default=True,
              help="Of how long a time.")
@click.option("--html", "html", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Also write it as HTML.")
@with_settings("PUBLIC_URL", "RETENTION")
def preview(config: Config, site_id: str, every: str, html: Path | None) -> None:
    """Print the last report of a site as it would be sent."""
    from footfall.mailing import letters
    from footfall.mailing.subscriptions import SECTIONS

    with _herald(config) as (herald, store):
        site = accounts.find(store, site_id)
        told = herald.report(site, every, SECTIONS, datetime.now(UTC))
        message = letters.report(told, letters.links(config, store, site_id))
    click.echo(message.text, nl=False)
    if html is not None:
        html.write_text(message.html, "utf-8")


@mail.command("run")
@click.option("--parent", metavar="PID", type=int, help="End when the process that started this one is no longer PID.")
@with_settings(*SENDING)
def run(config: Config, parent: int | None) -> None:
    """Send reports and alerts as they fall due, until interrupted.

    `footfall serve` runs this by itself; run it where another server, such as gunicorn, shows the pages.
    """
    logging.basicConfig(format="%(asctime)s [herald] %(levelname)s %(message)s", level=logging.WARNING)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())

    def is_over() -> bool:
        return parent is not None and os.getppid() != parent

    told = ""
    while not stop.is_set() and not is_over():
        try:
            with _herald(config) as (herald, _):
                herald.run(stop, is_over)
        except StoreUnavailable as error:
            # The workers say so too, and more often.
            if str(error) != told:
                logging.getLogger(__name__).warning("the store is away: %s", error)
            told = str(error)
            stop.wait(AGAIN_SECONDS)


def sites_of(store: Store, site_id: str | None) -> list[accounts.Account]:
    """Return the site that is named, or all of them."""
    return [accounts.find(store, site_id)] if site_id else accounts.all_accounts(store)


def last_told(store: Store, site: str, owner: str) -> str:
    """Return what became of the last message of a definition, in words."""
    from footfall.mailing import deliveries

    last = deliveries.latest(store, site, owner)
    return "-" if last is None else f"{last.what} {last.state} {last.at}{': ' + last.why if last.why else ''}"


def tell_secret(where: Destination) -> None:
    """Print the secret of a webhook, if there is one."""
    if where.secret:
        click.echo(f"What is posted is signed with this secret, shown only now: {where.secret}")


@contextmanager
def _herald(config: Config) -> Iterator[tuple[Herald, Store]]:
    from footfall.mailing.herald import Herald
    from footfall.reports.cache import open_cache

    with open_store(config=config) as store:
        yield Herald(config, open_cache(config, store)), store
