"""``footfall export``: everything of a site as a file, and ``footfall import export``, which takes it back."""

from __future__ import annotations

import contextlib
import gzip
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO

import click

from footfall import accounts, audit
from footfall.cli.asked import moment
from footfall.cli.progress import Progress
from footfall.cli.settings import with_settings
from footfall.config import Config
from footfall.drafts import written_whole
from footfall.errors import UsageError
from footfall.packing import FILTERED
from footfall.pageview import check_account
from footfall.retries import FAMILY as MARKS
from footfall.stores import open_store
from footfall.transfer import export as exporting
from footfall.transfer import restoring
from footfall.transfer.files import LogFile
from footfall.transfer.restoring import Restored

STDOUT = STDIN = "-"


@click.command()
@click.option("--site", "site_id", metavar="ID", help="The site.")
@click.option("--all", "all_sites", is_flag=True, help="Every site, each into a file of the folder --output.")
@click.option("--format", "form", type=click.Choice([*exporting.FORMATS]), default="jsonl", show_default=True,
              help="jsonl: all that is stored, to be imported again; csv, parquet: the events that count, as a table.")
@click.option("--since", metavar="DAY", help="First day, or instant, UTC. [all there is]")
@click.option("--until", metavar="DAY", help="Last day, itself included; an instant is left out itself.")
@click.option("--output", default=STDOUT, show_default=True, metavar="FILE",
              help="The file, which is there when it is whole and not before; - is standard output.")
@click.option("--gzip", "zipped", is_flag=True, help="Compress it.")
@click.option("--plain", is_flag=True, help="Of csv: put no ' before what a spreadsheet would take for a formula.")
@click.option("--progress", is_flag=True, help="Tell how far it is also where standard error is no terminal.")
@with_settings("CASSANDRA_USERNAME", "CASSANDRA_CA")
def export(config: Config, site_id: str | None, all_sites: bool, form: str, since: str | None, until: str | None,
           output: str, zipped: bool, plain: bool, progress: bool) -> None:
    """Write everything of a site as JSON lines, or its events as CSV or Parquet.

    The same store gives the same bytes. `footfall import export` takes JSON lines back.
    """
    if (site_id is None) is not all_sites:
        raise UsageError("--site ID or --all: one of them says what is to be exported")
    if all_sites and output == STDOUT:
        raise UsageError("--output: is missing; --all writes a file for each site into that folder")
    if plain and form != "csv":
        raise UsageError("--plain: is for --format csv")
    start = moment("--since", since) if since else None
    end = moment("--until", until, end=True) if until else None
    with open_store(config=config) as store:
        chosen = [accounts.find(store, site_id)] if site_id else accounts.all_accounts(store)
        if all_sites:
            Path(output).mkdir(mode=0o700, parents=True, exist_ok=True)
        for account in chosen:
            name = exporting.file_name(account.id, form) + (".gz" if zipped else "")
            path = str(Path(output) / name) if all_sites else output
            with Progress("columns", wanted=progress) as drawn, _written(path, zipped, form) as file:
                exporting.write(store, account, form, start, end, file, plain=plain,
                                step=partial(_draw, drawn, account.id))


@click.command("export")
@click.argument("path", metavar="FILE")
@click.option("--site", "site_id", metavar="ID", help="The site that gets it. [the file's own]")
@click.option("--definitions", "with_definitions", is_flag=True, help="Also take the site's settings, goals, funnels "
              "and annotations, in place of those of the same name here; the site is added if there is none.")
@click.option("--progress", is_flag=True, help="Tell how far it is also where standard error is no terminal.")
@with_settings("RETENTION", "CASSANDRA_USERNAME", "CASSANDRA_CA")
def import_export(config: Config, path: str, site_id: str | None, with_definitions: bool, progress: bool) -> None:
    """Take back what `footfall export` wrote as JSON lines, gzipped or not; - is standard input.

    A file that is not whole and as it was written is refused. Imported again it adds nothing; one that was cut off is
    begun again.
    """
    if site_id is not None:
        check_account(site_id)
    with _read_twice(path) as name:
        with LogFile(name, restoring.MAX_LINE_BYTES) as lines:
            header = restoring.examine(lines, path)
        site = site_id or header.site
        with open_store(config=config) as store:
            if with_definitions:
                defined = restoring.restore_definitions(store, header, site)
                click.echo(f"{site}: settings, and {defined:,} goals, funnels and annotations.")
            elif all(each.id != site for each in accounts.all_accounts(store)):
                raise UsageError(f"site {site!r}: unknown; add it with --definitions, or `footfall site add {site}`")
            with LogFile(name, restoring.MAX_LINE_BYTES) as lines, Progress(
                    "columns", rows="taken", wanted=progress) as drawn:
                done = restoring.restore(lines, path, store, site, config.retention, lambda so_far: drawn.step(
                    so_far.taken.total(), so_far.lines, "Importing: "))
            told = _told(done)
            audit.note_command(store, "export.import", site,
                       detail=f"{path}: {'settings, ' if with_definitions else ''}{done.taken.total()} columns taken")
    click.echo(told)


def _draw(drawn: Progress, site: str, family: str, rows: int, columns: int) -> None:
    drawn.step(rows, columns, f"Exporting {site}, {family}: ")


@contextlib.contextmanager
def _written(output: str, zipped: bool, form: str) -> Iterator[IO[bytes]]:
    """Open what is exported to; a file gets its name when all is in it, and on the disk."""
    if output == STDOUT:
        if sys.stdout.isatty() and (zipped or form == "parquet"):
            raise UsageError("--output: is missing; this is nothing to be read on a terminal")
        with _zipped(sys.stdout.buffer, zipped) as file:
            yield file
        sys.stdout.flush()
        return
    # Where a link leads is what is replaced, not the link.
    path = Path(os.path.realpath(output))
    if path.is_dir():
        raise UsageError(f"--output={output!r}: is a folder; name a file")
    if path.exists() and not path.is_file():
        # A pipe, or a device.
        with path.open("wb") as there, _zipped(there, zipped) as file:
            yield file
        return
    # Nobody but its owner may read what readers did; whoever wants that lets others do so.
    with written_whole(path) as whole, _zipped(whole, zipped) as file:
        yield file


@contextlib.contextmanager
def _zipped(file: IO[bytes], zipped: bool) -> Iterator[IO[bytes]]:
    if not zipped:
        yield file
        return
    # Without name and time, lest the same export be other bytes.
    with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
        yield packed  # type: ignore[misc]


@contextlib.contextmanager
def _read_twice(path: str) -> Iterator[str]:
    """Return the name of a file that can be read again: that of a copy of standard input, or the path itself."""
    if path != STDIN:
        yield path
        return
    with tempfile.NamedTemporaryFile(prefix="footfall-import-") as copied:
        shutil.copyfileobj(sys.stdin.buffer, copied)
        copied.flush()
        yield copied.name


def _told(done: Restored) -> str:
    events = sum(done.taken[family] for family in ("PageViews", "Events", FILTERED))
    lines = [f"{done.lines:>10,} columns read", f"{events:>10,} events taken"]
    if done.taken[FILTERED]:
        lines.append(f"{done.taken[FILTERED]:>10,} of these kept apart, see `footfall filtered list`")
    if done.taken[MARKS]:
        lines.append(f"{done.taken[MARKS]:>10,} marks of events that may have been stored before")
    lines += [f"{count:>10,} skipped: {reason}" for reason, count in sorted(done.skipped.items()) if count]
    return "\n".join(lines)
