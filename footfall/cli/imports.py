"""``footfall import``: events from elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import click

from footfall import accounts
from footfall.cli.settings import with_settings
from footfall.config import Config
from footfall.errors import StoreUnavailable, UsageError
from footfall.pageview import Event
from footfall.storage import Store
from footfall.stores import open_store
from footfall.transfer.accesslog import RULES, SKIP_REASONS, LineReader, load_rules, read_views, rules_as_toml
from footfall.transfer.files import FollowedFile, LogFile
from footfall.transfer.importing import Importer, Summary

RETRY_SECONDS = 5.0


@click.group("import")
def import_() -> None:
    """Take in events from elsewhere."""


def _show_rules(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        click.echo(rules_as_toml(RULES), nl=False)
        context.exit()


@import_.command("log")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--site", "site_id", metavar="ID", required=True, help="The site whose log it is.")
@click.option("--origin", metavar="URL", help="What stands before each path, such as https://blog.example.com; "
              "else the site's own URL, the line's virtual host, or nothing.")
@click.option("--rules", "rules_file", metavar="FILE", type=click.Path(path_type=Path),
              help="TOML file of what counts as a page-view.")
@click.option("--show-rules", is_flag=True, is_eager=True, expose_value=False, callback=_show_rules,
              help="Print the rules as such a file and exit.")
@click.option("--follow", is_flag=True, help="Go on reading as the (one) file grows, also across its rotation.")
@with_settings("IP")
def log(config: Config, files: tuple[str, ...], site_id: str, origin: str | None, rules_file: Path | None,
        follow: bool) -> None:
    """Import access logs in common or combined format, gzipped or not; - is standard input.

    Page requests become page-views with the log's own time, address, referrer and agent. The same file
    imported again adds nothing.
    """
    if follow and (len(files) != 1 or files[0] == "-"):
        raise UsageError("--follow: takes one FILE, and not standard input")
    rules = load_rules(rules_file) if rules_file else RULES
    with open_store(config=config) as store:
        if origin is None:
            origin = accounts.find(store, site_id).url
        summary = Summary()
        reader = LineReader(rules, origin)
        if follow:
            _follow(store, Path(files[0]), summary,
                    lambda lines: read_views(lines, reader, site_id, config.ip, summary.skip))
            return
        importer = Importer(store, summary)
        with ExitStack() as stack:
            opened = [stack.enter_context(LogFile(path)) for path in files]
            for file in opened:
                importer.take(read_views(_watched(file, opened, summary), reader, site_id, config.ip, summary.skip))
            importer.flush()
    click.echo(report(summary))


def report(summary: Summary) -> str:
    """Return the summary as text: lines read, page-views taken, the rest by reason, malformed examples."""
    lines = [f"{summary.lines:>10,} lines read", f"{summary.taken:>10,} page-views taken"]
    lines += [f"{count:>10,} skipped: {reason} ({SKIP_REASONS[reason]})"
              for reason, count in sorted(summary.skipped.items(), key=lambda item: (-item[1], item[0])) if count]
    if summary.examples:
        lines.append(f"The first {len(summary.examples)} malformed lines:")
        lines += [f"  {example[:160]!r}" for example in summary.examples]
    return "\n".join(lines)


def _watched(file: LogFile, files: list[LogFile], summary: Summary) -> Iterator[bytes]:
    """Yield a file's lines, counting them, and draw how far we are with all the files."""
    began, before = time.monotonic(), summary.lines

    def rate(_: object) -> str:
        return f"{(summary.lines - before) / max(time.monotonic() - began, 1e-9):,.0f} lines/s"

    # Of standard input nobody knows the length; without one click draws just the rate.
    total = sum(each.size or 0 for each in files) if all(each.size is not None for each in files) else None
    label = file.path if sys.stderr.isatty() else None
    nothing: Iterable[int] | None = None if total else ()
    with click.progressbar(nothing, total, label, item_show_func=rate, file=sys.stderr, width=30) as bar:
        drawn = 0
        for line in file:
            summary.lines += 1
            yield line
            if (position := sum(each.position for each in files)) != drawn:
                bar.update(position - drawn)
                drawn = position


def _follow(store: Store, path: Path, summary: Summary, read: Callable[[Iterable[bytes]], Iterable[Event]]) -> None:
    """Import a growing file until interrupted, then say what was done."""
    stop = threading.Event()

    def wait(error: StoreUnavailable) -> None:
        # A store that is away must not end the import: what waits still does, and so does the file.
        click.echo(f"footfall: {error}; trying again in {RETRY_SECONDS:.0f} s", err=True)
        stop.wait(RETRY_SECONDS)

    def counted(lines: Iterable[bytes]) -> Iterator[bytes]:
        for line in lines:
            summary.lines += 1
            yield line

    importer = Importer(store, summary, wait)
    try:
        for lines in FollowedFile(path, importer.flush, stop).files():
            importer.take(read(counted(lines)))
    except KeyboardInterrupt:
        importer.flush()
        click.echo(report(summary))
