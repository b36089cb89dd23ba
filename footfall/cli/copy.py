"""``footfall copy``: a whole store into another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import click

from footfall.cli.progress import Progress
from footfall.cli.settings import with_settings
from footfall.config import Config
from footfall.errors import FootfallError, UsageError
from footfall.storage import Store
from footfall.stores import open_store
from footfall.transfer import copying
from footfall.transfer.copying import Comparison, Counts, Difference


@click.command()
@click.argument("from_url", metavar="FROM_URL")
@click.argument("to_url", metavar="TO_URL")
@click.option("--verify-only", is_flag=True, help="Compare the two and copy nothing.")
@click.option("--progress", is_flag=True, help="Tell how far it is also where standard error is no terminal.")
@with_settings("CASSANDRA_USERNAME", "CASSANDRA_CA")
def copy(config: Config, from_url: str, to_url: str, verify_only: bool, progress: bool) -> None:
    """Copy a store into another, such as sqlite:///footfall.db into cassandra://host/keyspace, and compare them.

    Copied again it brings what is new; a copy that was cut off goes on where it was. The comparison exits
    with 1 if the second misses anything of the first.
    """
    if replace(config, store=from_url).store_url == replace(config, store=to_url).store_url:
        raise UsageError("FROM_URL and TO_URL: are the same store")
    # An SQLite file is made where there is none: one that is to be read must be there.
    for url in (from_url, to_url) if verify_only else (from_url,):
        _must_exist(replace(config, store=url))
    with open_store(from_url, config) as source, open_store(to_url, config) as target:
        if not verify_only:
            click.echo(_copied(_copy(source, target, progress)))
        with Progress("columns", wanted=progress) as drawn:
            compared = copying.compare(source, target, lambda family, rows, columns: drawn.step(
                rows, columns, f"Comparing {family}: "))
    click.echo(_compared(compared))
    if compared.wrong_rows:
        raise FootfallError("the stores differ, see above; where the first was written to meanwhile, copy again")


def _must_exist(config: Config) -> None:
    scheme, _, path = config.store_url.partition(":///")
    if scheme == "sqlite" and not Path(path).exists():
        raise UsageError(f"{config.store}: there is no file {path}")


def _copy(source: Store, target: Store, progress: bool) -> Counts:
    mark, counts = copying.mark_of(source, target), Counts()
    if place := mark.read():
        click.echo(f"footfall: goes on in {place['family']}[{place['key']!r}], where a copy was cut off", err=True)
    with Progress("columns", wanted=progress) as drawn:
        copying.copy(source, target, mark, counts, lambda family: drawn.step(
            counts.rows.total(), counts.columns.total(), f"Copying {family}: "))
    return counts


def _copied(counts: Counts) -> str:
    lines = [f"{'family':12}{'rows read':>12}{'columns read':>16}{'written':>16}"]
    lines += [f"{name:12}{counts.rows[name]:>12,}{counts.columns[name]:>16,}{counts.written[name]:>16,}"
              for name in copying.ORDER]
    return "\n".join(lines)


def _compared(compared: Comparison) -> str:
    lines = [f"Compared {compared.rows:,} rows, {compared.columns:,} columns."]
    if compared.wrong_rows:
        lines.append(f"In {compared.wrong_rows:,} rows something is missing or different; the first:")
        lines += _shown(compared.wrong)
    if compared.more_rows:
        lines.append(f"In {compared.more_rows:,} rows the second store has all, and more; the first:")
        lines += _shown(compared.more)
    if not compared.wrong_rows:
        lines.append("The second store has everything that the first has" + (
            "." if compared.more_rows else ", and nothing else."))
    return "\n".join(lines)


def _shown(differences: Iterable[Difference]) -> list[str]:
    return [f"  {each.family}[{each.key!r}]: of {each.columns:,} columns {each.missing:,} are missing and "
            f"{each.other:,} different; {each.more:,} are in the second alone" for each in differences]
