"""``footfall sql``: DuckDB on a site's facts."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from footfall import accounts
from footfall.cli.asked import moment
from footfall.cli.settings import with_settings
from footfall.config import Config
from footfall.errors import UsageError
from footfall.stores import open_store

DAYS = 30


@click.command()
@click.argument("site_id", metavar="SITE")
@click.option("-c", "--command", metavar="SQL", help="Run this instead of asking.")
@click.option("--since", metavar="DAY", help=f"First day, or instant, UTC. [the last {DAYS} days]")
@click.option("--until", metavar="DAY", help="Last day, itself included; an instant is left out itself. [today]")
@click.option("--csv", "as_csv", is_flag=True, help="As CSV.")
@with_settings()
def sql(config: Config, site_id: str, command: str | None, since: str | None, until: str | None, as_csv: bool) -> None:
    """Open DuckDB on SITE's tables `events` and `visits`.

    It is a copy of the facts in memory: nothing that is done to it reaches the store.
    """
    tomorrow = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    end = moment("--until", until, end=True) if until else tomorrow
    start = moment("--since", since) if since else end - timedelta(days=DAYS)
    with open_store(config=config) as store:
        accounts.find(store, site_id)
        from footfall.reports import arrow
        from footfall.reports.cache import open_cache

        cache = open_cache(config, store)
        connection = _duckdb().connect()
        for name, table in (("events", arrow.events), ("visits", arrow.visits)):
            connection.register(name, table(site_id, start, end, cache=cache))
        connection.execute("SET TimeZone = 'UTC'")
    if command is not None:
        _run(connection, command, as_csv)
        return
    if sys.stdin.isatty():
        click.echo(f"DuckDB on {site_id}'s events and visits, {start:%Y-%m-%d %H:%M} to before "
                   f"{end:%Y-%m-%d %H:%M} UTC; a statement ends with ;")
    for statement in _statements():
        try:
            _run(connection, statement, as_csv)
        except UsageError as error:
            if not sys.stdin.isatty():
                raise
            click.echo(str(error), err=True)


def _statements() -> Any:
    """Yield what is typed, up to each semicolon at the end of a line."""
    if not sys.stdin.isatty():
        yield from filter(None, [sys.stdin.read().strip()])
        return
    # Gives input() a history and keys to edit with.
    import readline  # noqa: F401

    lines: list[str] = []
    while True:
        try:
            lines.append(input("... " if lines else "sql> "))
        except EOFError:
            return
        if lines[-1].rstrip().endswith(";"):
            yield "\n".join(lines)
            lines.clear()


def _run(connection: Any, statement: str, as_csv: bool) -> None:
    import duckdb

    try:
        answer = connection.sql(statement)
    except duckdb.Error as error:
        raise UsageError(f"DuckDB: {error}") from None
    if answer is None:
        return
    if as_csv:
        import pyarrow.csv

        pyarrow.csv.write_csv(answer.to_arrow_table(), sys.stdout.buffer)
    else:
        answer.show(max_rows=1000)


def _duckdb() -> Any:
    try:
        import duckdb
    except ImportError:
        raise UsageError("DuckDB is not installed: pip install 'footfall[sql]'") from None
    return duckdb
