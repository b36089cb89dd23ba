"""``footfall outbox``: the events on their way to a Cassandra cluster."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import threading
from collections.abc import Callable

import click

from footfall.cli.settings import with_settings
from footfall.collect.outbox import Outbox, open_outbox
from footfall.config import Config
from footfall.errors import FootfallError, UsageError
from footfall.retention import retention_of

# The forwarder is imported where it is used: it counts, and prometheus_client, which `footfall serve` has still to tell
# where, looks at the environment when it is first imported.

#: Events set aside that are shown.
SHOWN = 10
#: How often a forwarder looks whether another is still at work.
LOCK_SECONDS = 0.5


@click.group()
def outbox() -> None:
    """Look after the events that are on their way to a Cassandra cluster.

    `footfall serve` commits to the outbox before it answers, and keeps a forwarder running that sends
    its events on.
    """


@outbox.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@with_settings()
def status(config: Config, as_json: bool) -> None:
    """Tell how many events wait, since when, and what was set aside and why."""
    opened = open_outbox(config)
    told, aside = opened.status(), opened.all_aside(SHOWN)
    opened.close()
    if as_json:
        click.echo(json.dumps({**told._asdict(), "errors": [event.error for event in aside]}, indent=2))
        return
    since = f", the oldest for {told.oldest_seconds:,.0f} s" if told.waiting else ""
    remedy = ": mend the cause, then `footfall outbox retry`" if told.aside else ""
    click.echo(f"{told.waiting:>10,} events wait{since}")
    click.echo(f"{told.kept:>10,} are with the cluster and kept until the grace is over")
    click.echo(f"{told.aside:>10,} are set aside{remedy}")
    for event in aside:
        click.echo(f"{'':>10} {event.insert.family}[{event.insert.key}] {event.insert.name}: {event.error[:200]}")
    click.echo(f"{told.bytes:>10,} bytes on disk")


@outbox.command()
@with_settings()
def retry(config: Config) -> None:
    """Let the forwarder try again to send what was set aside."""
    opened = open_outbox(config)
    click.echo(f"{opened.retry():,} events wait again")
    opened.close()


@outbox.command()
@with_settings("OUTBOX_GRACE", "RETENTION", "CASSANDRA_USERNAME", "CASSANDRA_CA")
def drain(config: Config) -> None:
    """Send all that waits, see that it is safe, and end with an empty outbox.

    For a collector that is to be switched off: end `footfall serve` first.
    """
    from footfall.collect.forwarder import sole_forwarder

    opened = open_outbox(config)

    def is_drained() -> bool:
        told = opened.status()
        click.echo(f"\r{told.waiting:>10,} wait, {told.kept:>10,} kept until the grace is over ", nl=False, err=True)
        return told.waiting + told.kept == 0

    with sole_forwarder(opened):
        _forward(config, opened, threading.Event(), is_drained)
    click.echo(err=True)
    left = opened.status()
    opened.close()
    if left.waiting + left.kept:
        raise FootfallError(f"stopped: {left.waiting:,} events wait, {left.kept:,} are kept until the grace is over")
    click.echo("The outbox is empty" + (f" but for {left.aside:,} events that were set aside." if left.aside else "."))


@outbox.command()
@click.option("--parent", metavar="PID", type=int, help="End when the process that started this one is no longer PID.")
@with_settings("OUTBOX_GRACE", "RETENTION", "CASSANDRA_USERNAME", "CASSANDRA_CA")
def forward(config: Config, parent: int | None) -> None:
    """Send events as they come, until interrupted.

    `footfall serve` runs this by itself; run it where another server, such as gunicorn, takes the hits.
    """
    from footfall.collect.forwarder import sole_forwarder

    logging.basicConfig(format="%(asctime)s [forwarder] %(levelname)s %(message)s", level=logging.WARNING)
    opened, stop = open_outbox(config), threading.Event()

    def is_over() -> bool:
        return parent is not None and os.getppid() != parent

    # The forwarder of a server that was killed may be at work still, for a moment.
    while not stop.is_set() and not is_over():
        with contextlib.suppress(UsageError), sole_forwarder(opened):
            _forward(config, opened, stop, is_over)
        stop.wait(LOCK_SECONDS)
    opened.close()


def _forward(config: Config, opened: Outbox, stop: threading.Event, is_over: Callable[[], bool]) -> None:
    """Forward until a signal says to stop, or until it is over."""
    from footfall.collect.forwarder import Forwarder
    from footfall.stores.cassandra import CassandraStore

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with CassandraStore(config.store, config) as store:
        Forwarder(opened, store, config.outbox_grace, stop,
                  retention=lambda: retention_of(store, config.retention)).run(is_over)
