"""``footfall import``: events from elsewhere."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import click

from footfall import accounts
from footfall.cli.export import import_export
from footfall.cli.progress import Progress
from footfall.cli.settings import with_settings
from footfall.collect.filters import RuleBook, lists_of
from footfall.collect.hit import Policy, parse_hit
from footfall.collect.visitors import LineVisitors
from footfall.config import Config
from footfall.derive.places import look_up_in
from footfall.errors import StoreUnavailable, UsageError
from footfall.packing import FILTERED
from footfall.pageview import check_account
from footfall.salts import MODES
from footfall.storage import Store
from footfall.stores import open_store
from footfall.transfer.accesslog import (
    RULES,
    SKIP_REASONS,
    load_rules,
    rules_as_toml,
)
from footfall.transfer.beaconlog import read_hits
from footfall.transfer.files import LogFile
from footfall.transfer.following import FollowedLog, Read, follow
from footfall.transfer.importing import Importer, Summary
from footfall.transfer.legacy import NOTES, REASONS, LegacyTable, Sites, import_table
from footfall.transfer.logs import access_reader
from footfall.transfer.positions import Mark, Positions

RETRY_SECONDS = 5.0


@click.group("import")
def import_() -> None:
    """Take in events from elsewhere."""


import_.add_command(import_export)


def _show_rules(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        click.echo(rules_as_toml(RULES), nl=False)
        context.exit()


@import_.command("log")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--format", "form", type=click.Choice(["access", "beacon"]), default="access", show_default=True,
              help="access: a web server's own log; beacon: hits that nginx answered, see deploy/nginx-log.conf.")
@click.option("--site", "site_id", metavar="ID", help="The site whose log it is; with --format beacon, whose lines "
              "name their site, take this one's only.")
@click.option("--origin", metavar="URL", help="What stands before each path, such as https://blog.example.com; "
              "else the site's own URL, the line's virtual host, or nothing.")
@click.option("--rules", "rules_file", metavar="FILE", type=click.Path(path_type=Path),
              help="TOML file of what counts as a page-view.")
@click.option("--show-rules", is_flag=True, is_eager=True, expose_value=False, callback=_show_rules,
              help="Print the rules as such a file and exit.")
@click.option("--follow", is_flag=True, help="Go on reading as the files grow, also across their rotation and from "
              "where an earlier --follow ended.")
@with_settings("IP", "GEOIP", "DATACENTRES", "SPAM_REFERRERS", "TRUSTED_PROXIES", "UNKNOWN_ACCOUNTS", "RETENTION")
def log(config: Config, files: tuple[str, ...], form: str, site_id: str | None, origin: str | None,
        rules_file: Path | None, follow: bool) -> None:
    """Import access logs in common or combined format, or logs of hits, gzipped or not; - is standard input.

    Page requests become page-views with the log's own time, address, referrer and agent. The same file
    imported again adds nothing.
    """
    if follow and "-" in files:
        raise UsageError("--follow: takes files, not standard input")
    if form == "beacon" and (origin is not None or rules_file):
        raise UsageError("--origin and --rules: are for --format access; a hit's line names its page")
    if form == "access" and site_id is None:
        raise UsageError("--site: is missing; lines of --format access do not name their site")
    summary = Summary()
    stop = threading.Event()
    with _open_store(config, stop if follow else None) as store:
        new_reader = (access_reader(config, store, site_id, origin, load_rules(rules_file) if rules_file else RULES)
                      if form == "access" and site_id
                      else _beacon_reader(config, store, site_id))
        if follow:
            importer = Importer(store, summary, lambda error: _wait(error, stop), retention=config.retention)
            _follow([FollowedLog(path, Positions(store, f"log {form} {site_id or '*'} {path}"), new_reader, importer,
                                 summary, _say, remembers=form == "access")
                     for path in dict.fromkeys(Path(file).absolute() for file in files)], stop)
        else:
            importer = Importer(store, summary, retention=config.retention)
            with ExitStack() as stack:
                opened = [stack.enter_context(LogFile(path)) for path in files]
                for log_file in opened:
                    importer.take(new_reader()(_watched(log_file, opened, summary), summary.skip))
                importer.flush()
    click.echo(report(summary, "lines", SKIP_REASONS))


@import_.command()
@click.argument("source", metavar="URL")
@click.option("--table", default="PageViews", show_default=True, metavar="NAME", help="The table's name.")
@click.option("--site", "--account", "site_id", metavar="ID", help="Import this site's page-views only.")
@click.option("--add-sites", is_flag=True, help="Add the sites that are not known; else they are named at the end.")
@click.option("--progress", is_flag=True, help="Tell how far it is also where standard error is no terminal.")
@with_settings("IP", "RETENTION", "CASSANDRA_USERNAME", "CASSANDRA_CA")
def legacy(config: Config, source: str, table: str, site_id: str | None, add_sites: bool, progress: bool) -> None:
    """Import a Cassandra table of the project of 2012, such as cassandra://host/keyspace.

    Each page-view keeps its site and its UUID. Imported again it adds nothing, and an import that was cut off
    goes on where it was.
    """
    from footfall.stores.cassandra_connection import Connection

    if site_id is not None:
        check_account(site_id)
    summary = Summary(shown=REASONS)
    with closing(Connection(source, config, foreign=True)) as connection, open_store(config=config) as store:
        old, sites = LegacyTable(connection, table), Sites(store, add=add_sites)
        mark = Mark(store, old.position_key(site_id))
        if place := mark.read():
            _say(f"goes on in row {place['key']!r}, where an import was cut off")
        importer = Importer(store, summary, rows=(
            (family, key) for family in ("PageViews", FILTERED) for key in store.family(family).row_keys()),
                            retention=config.retention)
        with Progress("views", wanted=progress) as drawn:
            notes = import_table(old, site_id, mark, importer, summary, sites, config.ip,
                                 lambda rows: drawn.step(rows, summary.lines))
    click.echo(report(summary, "columns", REASONS))
    for note in (note for note in NOTES if notes[note]):
        click.echo(f"{notes[note]:>10,} of the page-views read {NOTES[note]}")
    if sites.added:
        click.echo(f"Added the sites {', '.join(sorted(sites.added))}.")
    if sites.missing:
        click.echo(f"These are no sites yet, and their page-views are in the store: {', '.join(sorted(sites.missing))}."
                   "\n`footfall site add ID` makes one a site; so does importing again with --add-sites.")


def _open_store(config: Config, stop: threading.Event | None) -> Store:
    """Open the store, and if it is away wait for it, unless ``stop`` is ``None``, until told to stop."""
    while True:
        try:
            return open_store(config=config)
        except StoreUnavailable as error:
            if stop is None:
                raise
            _wait(error, stop)


def _beacon_reader(config: Config, store: Store, site_id: str | None) -> Callable[[], Read]:
    """Return what makes the reader of one log of hits: the live beacon's own parser."""
    known = accounts.KnownAccounts(lambda: store) if config.unknown_accounts == "refuse" else None
    book = RuleBook(known.recall if known else lambda account: None, lists_of(config))
    policy = Policy(known, config.ip, config.trusted_proxies, look_up_in(config.geoip), rules=book.rules)
    if config.visitors in MODES:
        policy = policy._replace(visitor=LineVisitors(config.visitors, store).visitor)
    parse = partial(parse_hit, policy=policy)
    return lambda: lambda lines, skipped: read_hits(lines, parse, skipped, site_id)


def report(summary: Summary, read: str, reasons: Mapping[str, str]) -> str:
    """Return the summary as text: what was read, page-views taken, the rest by reason, examples.

    :param read: what was read, in the plural.
    :param reasons: what the reasons mean.
    """
    lines = [f"{summary.lines:>10,} {read} read", f"{summary.taken:>10,} page-views taken"]
    if summary.apart:
        lines.append(f"{summary.apart:>10,} of these kept apart, see `footfall filtered list`")
    lines += [f"{count:>10,} skipped: {reason}" + (f" ({reasons[reason]})" if reason in reasons else "")
              for reason, count in sorted(summary.skipped.items(), key=lambda item: (-item[1], item[0])) if count]
    for reason, examples in summary.examples.items():
        lines.append(f"The first {len(examples)} {read} skipped as {reason}:")
        lines += [f"  {example[:160]!r}" for example in examples]
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


def _follow(logs: Sequence[FollowedLog], stop: threading.Event) -> None:
    """Import growing logs until asked to end; what was begun is then finished, or left for the next time."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        follow(logs, stop)
    except StoreUnavailable:
        if not stop.is_set():
            raise


def _wait(error: StoreUnavailable, stop: threading.Event) -> None:
    """Wait a while for the store: that it is away must not end the following of a log.

    :raises StoreUnavailable: ``error``, if told to stop.
    """
    _say(f"{error}; trying again in {RETRY_SECONDS:.0f} s")
    if stop.wait(RETRY_SECONDS):
        raise error


def _say(message: str) -> None:
    click.echo(f"footfall: {message}", err=True)
