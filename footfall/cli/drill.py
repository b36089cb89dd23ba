"""``footfall drill``: kill -9 on the owner's own machine, and an account of every view."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from footfall import config as configuration
from footfall.cli.ledger import Balance, Ledger
from footfall.cli.settings import with_settings
from footfall.collect import outbox
from footfall.config import PREFIX, Config
from footfall.errors import FootfallError
from footfall.packing import FILTERED
from footfall.pageview import unpack
from footfall.stores import open_store

SERVE = (sys.executable, "-m", "footfall", "serve")
SITE = "drill"
PAGE = "https://drill.example.com/"
CLIENTS = 16
#: A round ends with its views, or after so long.
ROUND_SECONDS = 60.0
START_SECONDS = STOP_SECONDS = ANSWER_SECONDS = 30.0
#: Views of each kind that are named when something is wrong.
NAMED = 10
#: Events of the outbox that are counted at a time.
READ_EVENTS = 1_000


@click.command()
@click.option("--kills", default=3, show_default=True, type=click.IntRange(0, 100), help="How often it is killed.")
@click.option("--views", default=2_000, show_default=True, type=click.IntRange(1, 100_000),
              help="Views acknowledged before each kill, and after the last; what comes in a minute if that is less.")
@click.option("--folder", metavar="FOLDER", type=click.Path(path_type=Path, exists=True, file_okay=False),
              help="Where to put the drill's own data, for the disk it is on. [beside the store, or the outbox]")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@with_settings("WORKERS")
def drill(config: Config, kills: int, views: int, folder: Path | None, as_json: bool) -> None:
    """Kill a server under load with kill -9, and see that no acknowledged view is missing or there twice.

    The server is one of the drill's own, on a free port of this machine, with a folder that is removed
    at the end; your data is not touched. With a Cassandra store it is the outbox that is drilled: the
    cluster is not asked, and what is counted is what the outbox holds.
    """
    ledger, rates = Ledger(), []
    with (_ended_by_signals(), tempfile.TemporaryDirectory(prefix="footfall-drill-", dir=folder or _place(config))
          as made, _store_url(config) as store):
        server = Server(Path(made), store, config.workers)
        numbers = itertools.count(1)
        for round_ in range(kills + 1):
            with server:
                rates.append(_load(server, ledger, numbers, views, kill=round_ < kills))
        balance = ledger.balance(_stored(server))
    rate = round(statistics.mean(rates))
    click.echo(json.dumps(_as_map(balance, kills, rate), indent=2) if as_json else _table(balance, kills, rate))
    if not balance.is_right:
        raise FootfallError("; ".join(
            f"{len(found):,} {what}: {', '.join(map(str, found[:NAMED]))}{', …' * (len(found) > NAMED)}"
            for what, found in (("acknowledged views are missing", balance.missing),
                                ("views are there more than once", balance.doubled),
                                ("views are there that were refused or never sent", balance.unfounded)) if found))


class Server:
    """`footfall serve` on a folder of its own; a context manager that starts and ends it."""

    def __init__(self, folder: Path, store: str, workers: int) -> None:
        self.port = 0
        kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        # No file of settings either: those of the owner are not the drill's.
        self._environment = {**kept, "FOOTFALL_CONFIG": os.devnull, "FOOTFALL_DATA": str(folder),
                             "FOOTFALL_STORE": store, "FOOTFALL_WORKERS": str(workers),
                             "FOOTFALL_UNKNOWN_ACCOUNTS": "accept"}
        self.config = configuration.load(environ=self._environment)
        self._log = folder / "server.log"

    def __enter__(self) -> Server:
        # Another port each time: a killed worker that still waits for its disk holds the last one.
        self.port = _free_port()
        with self._log.open("w") as log:
            # A session of its own, so that all its processes can be killed at once.
            self._process = subprocess.Popen(  # noqa: S603 - our own
                SERVE, env={**self._environment, "FOOTFALL_PORT": str(self.port)}, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True)
        try:
            self._wait_until_it_answers()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_SECONDS)
        self.kill()

    def kill(self) -> None:
        """End the master, the workers and whatever else belongs to it at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(self.port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                said = self._log.read_text(errors="replace").strip() or "it said nothing"
                raise FootfallError(f"the drill's server does not start: {said[-1000:]}")
            time.sleep(0.05)


def _load(server: Server, ledger: Ledger, numbers: Iterator[int], views: int, *, kill: bool) -> float:
    """Send views until so many more are acknowledged, and return how many a second.

    :param kill: whether the server is killed before the clients stop.
    """
    stop = threading.Event()
    threads = [threading.Thread(target=_client, args=(server.port, ledger, numbers, stop)) for _ in range(CLIENTS)]
    before, began = ledger.acknowledged, time.monotonic()
    for thread in threads:
        thread.start()
    try:
        while ledger.acknowledged < before + views and time.monotonic() < began + ROUND_SECONDS:
            time.sleep(0.005)
        acknowledged, seconds = ledger.acknowledged - before, time.monotonic() - began
        if kill:
            server.kill()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    if not acknowledged:
        raise FootfallError(f"the drill's server acknowledged no view in {seconds:.0f} s")
    return acknowledged / seconds


def _client(port: int, ledger: Ledger, numbers: Iterator[int], stop: threading.Event) -> None:
    """Send views one after the other, until told to stop or until the server is gone."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        while not stop.is_set():
            view = next(numbers)
            ledger.send(view)
            connection.request("GET", f"/a.gif?id={SITE}&url={PAGE}{view}&title=View+{view}")
            answer = connection.getresponse()
            # Who has the status has been told, whatever becomes of the body.
            ledger.answer(view, answer.status)
            answer.read()


def _stored(server: Server) -> Iterator[int]:
    """Yield the number of every view that is on disk."""
    for value in _outbox_values(server.config) if outbox.is_wanted(server.config) else _store_values(server.config):
        yield int(unpack(value)["url"].removeprefix(PAGE))


def _store_values(config: Config) -> Iterator[bytes]:
    with open_store(config=config) as store:
        # Its clients are too quick for readers, so most views are kept apart; what was acknowledged is to be there.
        for views in map(store.family, ("PageViews", FILTERED)):
            for key in views.row_keys():
                for _, value in views.xget(key):
                    yield value


def _outbox_values(config: Config) -> Iterator[bytes]:
    with contextlib.closing(outbox.open_outbox(config)) as opened:
        while events := opened.waiting(READ_EVENTS):
            for event in events:
                yield event.insert.value
            opened.mark(events[-1].number)


@contextlib.contextmanager
def _store_url(config: Config) -> Iterator[str]:
    """Give the store of the drill: a file, or, to drill the outbox, a cluster that never answers."""
    if not outbox.is_wanted(config):
        yield "sqlite:///footfall.db"
        return
    with socket.socket() as silent:
        # Bound, so that nobody else listens there, and never listening itself.
        silent.bind(("127.0.0.1", 0))
        yield f"cassandra://127.0.0.1:{silent.getsockname()[1]}/{SITE}"


def _place(config: Config) -> Path:
    """Return a folder on the disk that hits are committed to."""
    file = config.store_url.removeprefix("sqlite:///")
    folder = config.data.absolute() if file == config.store_url else Path(file).parent
    return next(each for each in (folder, *folder.parents) if each.is_dir())


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the drill as Ctrl-C does, so that no server of its own is left behind."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    with contextlib.closing(connection):
        try:
            connection.request("GET", "/a.js")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False


def _as_map(balance: Balance, kills: int, rate: int) -> dict[str, Any]:
    wrong = ("missing", "doubled", "unfounded")
    return {"kills": kills, "acknowledged_per_second": rate,
            **{name: len(value) if name in wrong else value for name, value in balance._asdict().items()},
            "views": {name: getattr(balance, name)[:NAMED] for name in wrong}}


def _table(balance: Balance, kills: int, rate: int) -> str:
    rows = [
        (kills, "times the server was killed under load"),
        (balance.sent, "views sent"),
        (balance.acknowledged, f"acknowledged, {rate:,} a second"),
        (balance.refused, "refused"),
        (balance.unanswered, f"not answered, of which {balance.unanswered_stored:,} are there"),
        (len(balance.missing), "acknowledged and missing"),
        (len(balance.doubled), "there more than once"),
        (len(balance.unfounded), "there though refused or never sent"),
    ]
    return "\n".join(f"{number:>10,} {what}" for number, what in rows)
