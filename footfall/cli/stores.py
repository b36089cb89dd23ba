"""``footfall store``: where events are kept."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import click

from footfall import erasure
from footfall.cli.asked import moment
from footfall.cli.cache import follow
from footfall.cli.forget import told
from footfall.cli.progress import Progress
from footfall.cli.settings import with_settings
from footfall.config import Config
from footfall.retention import retention_of
from footfall.storage import SealStep
from footfall.stores import open_store


@click.group()
def store() -> None:
    """Create the store's tables, and tell what is in it."""


@store.command()
@with_settings("CASSANDRA_USERNAME", "CASSANDRA_CA")
def init(config: Config) -> None:
    """Create what is missing: the SQLite file, or the keyspace and tables in Cassandra."""
    with open_store(config=config) as opened:
        for line in opened.init() or ["Nothing was missing."]:
            click.echo(line)


@store.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@with_settings("RETENTION", "CASSANDRA_USERNAME", "CASSANDRA_CA")
def expire(config: Config, as_json: bool) -> None:
    """Remove the events that are older than their sites keep them, now.

    `footfall serve` does so every hour, and in a Cassandra cluster events leave by themselves; but not those
    that were written before the site's retention was set, or came by `footfall copy`.
    """
    with open_store(config=config) as opened:
        retention = retention_of(opened, config.retention)
        removed = erasure.expire(opened, retention, datetime.now(UTC), rewrite=True)
        follow(config, opened)
    if as_json:
        click.echo(json.dumps({"removed": {name: removed[name] for name in erasure.PLACES}}, indent=2))
    else:
        click.echo(told(removed))


@store.command()
@click.option("--site", "site_id", metavar="ID", help="Only this site's. [all]")
@click.option("--before", metavar="DAY", help="Only days before this one, UTC. [today]")
@click.option("--shrink", is_flag=True, help="Give the room that is freed back to the disk: the whole file is written "
              "anew, and hits that come meanwhile are asked to come again.")
@click.option("--progress", is_flag=True, help="Tell how far it is also where standard error is no terminal.")
@with_settings()
def seal(config: Config, site_id: str | None, before: str | None, shrink: bool, progress: bool) -> None:
    """Pack the events of past days into a tenth of the room; whatever reads them finds them as they are.

    `footfall serve` does so by itself, a little at a time, while few hits come in. Cut off, it is completed by running
    it again, and so is what came since.
    """
    with open_store(config=config) as opened:
        counts = _carry_out(opened.seal(site_id, _day(before)), "Sealing", progress)
        if shrink:
            opened.shred([], rewrite=True)
    click.echo(f"Sealed {counts.total():,} events of {len(counts):,} rows.")


@store.command()
@click.option("--site", "site_id", metavar="ID", help="Only this site's. [all]")
@click.option("--before", metavar="DAY", help="Only days before this one, UTC. [today]")
@click.option("--progress", is_flag=True, help="Tell how far it is also where standard error is no terminal.")
@with_settings()
def unseal(config: Config, site_id: str | None, before: str | None, progress: bool) -> None:
    """Make of sealed events what they were, rows of their own, for whoever wants to read the file by himself."""
    with open_store(config=config) as opened:
        counts = _carry_out(opened.unseal(site_id, _day(before)), "Unsealing", progress)
    click.echo(f"Unsealed {counts.total():,} events of {len(counts):,} rows.")


def _day(before: str | None) -> date:
    today = datetime.now(UTC).date()
    return today if before is None else min(today, moment("--before", before).date())


def _carry_out(steps: Iterator[SealStep], what: str, progress: bool) -> Counter[tuple[str, str]]:
    """Take steps, and return how many events of each row they were for."""
    counts: Counter[tuple[str, str]] = Counter()
    with Progress("events", wanted=progress) as drawn:
        for step in steps:
            if step.events:
                counts[step.family, step.key] += step.events
            drawn.step(len(counts), counts.total(), f"{what} {step.family}: ")
    return counts


@store.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@with_settings("CASSANDRA_USERNAME", "CASSANDRA_CA")
def info(config: Config, as_json: bool) -> None:
    """Tell the store's place, version, size, and the rows and columns of each family."""
    with open_store(config=config) as opened:
        told = opened.info()
    click.echo(json.dumps(told, indent=2) if as_json else _table(told))


def _table(told: dict[str, Any]) -> str:
    lines = [f"{name}: {value:,}" if isinstance(value, int) else f"{name}: {value}"
             for name, value in told.items() if name not in ("sealed", "families")]
    if sealed := told.get("sealed"):
        lines.append(f"sealed: {sealed['columns']:,} columns in {sealed['chunks']:,} chunks, {sealed['bytes']:,} bytes")
    lines.append(f"{'family':12}{'rows':>12}{'columns':>16}")
    lines += [f"{name:12}{counts['rows']:>12,}{counts['columns']:>16,}" for name, counts in told["families"].items()]
    return "\n".join(lines)
