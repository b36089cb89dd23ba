"""``footfall cache``: the facts that reports are made of, kept at hand."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from typing import TYPE_CHECKING

import click

from footfall import accounts
from footfall.cli.progress import Progress
from footfall.cli.settings import Command, with_settings
from footfall.cli.verify import verify
from footfall.config import Config
from footfall.pageview import check_account
from footfall.storage import Store
from footfall.stores import open_store

if TYPE_CHECKING:
    from footfall.reports.cache import FactsCache


def with_site(command: Command) -> Command:
    """Give a command the flag of a site."""
    decorated: Command = click.option("--site", "site_id", metavar="ID", help="Only this site's. [all]")(command)
    return decorated


def with_building(command: Command) -> Command:
    """Give a command the flags of building."""
    workers = click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64),
                           help="Processes that build days side by side.")
    told = click.option("--progress", is_flag=True, help="Tell how far it is, not only on a terminal.")
    as_json = click.option("--json", "as_json", is_flag=True, help="Tell what was built as JSON.")
    decorated: Command = with_site(workers(told(as_json(command))))
    return decorated


@click.group()
def cache() -> None:
    """Keep the facts at hand that reports are made of: derived from the events, made anew at will."""


cache.add_command(verify)


@cache.command()
@with_site
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@with_settings("CASSANDRA_USERNAME", "CASSANDRA_CA")
def status(config: Config, site_id: str | None, as_json: bool) -> None:
    """Show of which days facts are kept, how many events these have, and what they take on disk."""
    with open_store(config=config) as store:
        kept = _open(config, store)
        told = [kept.status(site) for site in _sites(store, kept, site_id)]
    if as_json:
        click.echo(json.dumps(told, indent=2))
        return
    click.echo(f"{'site':24}{'days':>8}{'events':>14}{'bytes':>14}  range")
    for each in told:
        span = f"{each['first']} to {each['last']}" if each["days"] else "-"
        note = "" if each["is_current"] else ", to be built anew: of another version, or never built"
        click.echo(f"{each['site']:24}{each['days']:>8,}{each['events']:>14,}{each['bytes']:>14,}  {span}{note}")


@cache.command()
@with_building
@with_settings("RETENTION", "CASSANDRA_USERNAME", "CASSANDRA_CA")
def build(config: Config, site_id: str | None, workers: int, progress: bool, as_json: bool) -> None:
    """Build the facts of the days that are not kept yet, and bring the others up to date.

    Pages do so themselves for the days that they show; this does it beforehand. Cut off, it goes on when it is run
    again.
    """
    _build(config, site_id, workers, progress, as_json, anew=False)


@cache.command()
@with_building
@with_settings("RETENTION", "CASSANDRA_USERNAME", "CASSANDRA_CA")
def rebuild(config: Config, site_id: str | None, workers: int, progress: bool, as_json: bool) -> None:
    """Build all facts anew from the events."""
    _build(config, site_id, workers, progress, as_json, anew=True)


@cache.command()
@with_site
@with_settings("CASSANDRA_USERNAME", "CASSANDRA_CA")
def drop(config: Config, site_id: str | None) -> None:
    """Remove the facts that are kept, and no event: they are built anew when they are asked for."""
    with open_store(config=config) as store:
        kept = _open(config, store)
        sites = [site_id] if site_id else kept.accounts()
        for site in sites:
            kept.drop(site)
    click.echo(f"Removed the facts of {len(sites):,} sites.")


def follow(config: Config, store: Store, site_id: str | None = None) -> None:
    """Bring the facts that are kept up to date on disk: of a site, or of all."""
    if not config.facts.is_dir():
        return
    kept = _open(config, store)
    for site in kept.accounts() if site_id is None else [site_id]:
        kept.refresh(site)


def _open(config: Config, store: Store) -> FactsCache:
    # What it needs takes longer to import than most commands take.
    from footfall.reports.cache import open_cache

    return open_cache(config, store)


def _build(config: Config, site_id: str | None, workers: int, progress: bool, as_json: bool, *, anew: bool) -> None:
    built = {}
    with open_store(config=config) as store, _executor(config, workers) as executor:
        kept = _open(config, store)
        for site in _sites(store, kept, site_id):
            with Progress("events", rows="days", wanted=progress) as shown:
                if anew:
                    kept.drop(site)
                built[site] = kept.build(site, executor=executor, progress=partial(_step, shown, site))
    if as_json:
        click.echo(json.dumps({"built": built}, indent=2))
        return
    for site, days in built.items():
        click.echo(f"{site}: {days:,} days built")


def _step(shown: Progress, site: str, days: int, of: int, events: int) -> None:
    shown.step(days, events, f"{site}: of {of:,} days ")


def _sites(store: Store, kept: FactsCache, site_id: str | None) -> Sequence[str]:
    """Return the sites that are meant: one, or all that there are, or of which facts are kept."""
    if site_id is None:
        return sorted({*(account.id for account in accounts.all_accounts(store)), *kept.accounts()})
    if site_id not in kept.accounts():
        accounts.find(store, site_id)
    return [check_account(site_id)]


@contextmanager
def _executor(config: Config, workers: int) -> Iterator[Executor | None]:
    if workers == 1:
        yield None
        return
    # A fork would copy the store's connections; the settings, which open a store of a worker's own, travel with it.
    with ProcessPoolExecutor(workers, get_context("spawn"), _take_settings, (config.environment,)) as executor:
        yield executor


def _take_settings(environment: Mapping[str, str]) -> None:
    os.environ.update(environment)
