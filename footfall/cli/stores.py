"""``footfall store``: where events are kept."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import click

from footfall import erasure
from footfall.cli.forget import told
from footfall.cli.settings import with_settings
from footfall.config import Config
from footfall.retention import retention_of
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
    if as_json:
        click.echo(json.dumps({"removed": {name: removed[name] for name in erasure.PLACES}}, indent=2))
    else:
        click.echo(told(removed))


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
             for name, value in told.items() if name != "families"]
    lines.append(f"{'family':12}{'rows':>12}{'columns':>16}")
    lines += [f"{name:12}{counts['rows']:>12,}{counts['columns']:>16,}" for name, counts in told["families"].items()]
    return "\n".join(lines)
