"""``footfall serve``: the beacon and the owner's pages."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import sys
from pathlib import Path
from typing import Any

import click

from footfall import __version__, accounts, welcome
from footfall.cli.settings import with_settings
from footfall.cli.sites import address
from footfall.collect import outbox
from footfall.collect.tracker import tag
from footfall.config import SETTINGS, Config
from footfall.errors import FootfallError, StoreUnavailable
from footfall.stores import open_store

#: Of more sites than this the tags are left to `footfall site list`.
GREETED_SITES = 3


@click.command()
@with_settings(*(setting.name for setting in SETTINGS))
def serve(config: Config) -> None:
    """Run the server: the beacon, and the owner's pages behind a login; or one of the two, by --role."""
    _check_address(config)
    sites, token = _found(config)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = _metrics_folder(config)
    run_server(config, greeting(config, sites, token))


def _found(config: Config) -> tuple[list[str], str | None]:
    """Return the sites' ids, and a token for the first user if there is none and there are pages for one.

    An unusable store is better told here than at the first hit.
    """
    try:
        with open_store(config=config) as store:
            token = welcome.new_token(store) if config.role != "collect" else None
            return [account.id for account in accounts.all_accounts(store)], token
    except StoreUnavailable as error:
        if not outbox.is_wanted(config):
            raise
        # Hits are taken all the same, and forwarded when the cluster is back; pages say until then that it is away.
        click.echo(f"footfall: {error}", err=True)
        if not config.collects:
            return [], None
        with contextlib.closing(outbox.open_outbox(config)) as opened:
            return sorted(opened.accounts()), None


def run_server(config: Config, said_when_ready: str) -> None:
    """Run gunicorn with our worker until it is told to stop."""
    # Only now, because prometheus_client looks at the environment when it is first imported.
    from gunicorn.app.base import BaseApplication
    from prometheus_client import multiprocess

    from footfall.cli.supervisor import Supervisor

    class Server(BaseApplication):  # type: ignore[misc]
        def load_config(self) -> None:
            for name, value in {
                "bind": _bind(config),
                # A socket's file is for nginx, which is in our group, and for nobody else.
                "umask": 0o007,
                "workers": config.workers,
                "worker_class": "footfall.collect.worker.Worker",
                "worker_connections": 10_000,
                "graceful_timeout": 10,
                "loglevel": "warning",
                "control_socket_disable": True,
                "proc_name": "footfall",
                "when_ready": lambda arbiter: click.echo(said_when_ready),
                "child_exit": lambda arbiter, worker: multiprocess.mark_process_dead(worker.pid),  # type: ignore[no-untyped-call]
            }.items():
                self.cfg.set(name, value)

        def load(self) -> Any:
            from footfall.app import create_app

            return create_app(config)

    Supervisor(Server(), config).run()


def _bind(config: Config) -> str:
    """Return where to listen, as gunicorn wants it said."""
    if config.host.startswith("unix:"):
        return config.host
    return f"[{config.host}]:{config.port}" if ":" in config.host else f"{config.host}:{config.port}"


def _check_address(config: Config) -> None:
    """Look whether we can listen; gunicorn would try for five seconds and say so in twelve lines."""
    if config.host.startswith("unix:"):
        folder = Path(config.host.removeprefix("unix:")).parent
        if not os.access(folder, os.W_OK | os.X_OK):
            raise FootfallError(f"cannot listen on {config.host}: {folder} must be a folder that we may write to")
        return
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    try:
        socket.create_server((config.host, config.port), family=family).close()
    except OSError as error:
        why = str(error.strerror).partition(" (")[0]
        raise FootfallError(f"cannot listen on {config.host} port {config.port}: {why}; "
                            "choose others with --host and --port") from None


def _metrics_folder(config: Config) -> str:
    """Return an empty folder where the workers of this server share their counters.

    Each role has one of its own: another server on the same data must not find its own removed.
    """
    folder = config.data / ("metrics" if config.role == "all" else f"metrics-{config.role}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    return str(folder.absolute())


def greeting(config: Config, sites: list[str], token: str | None = None) -> str:
    """Return what the server says when it is ready: where it is, what to paste, and how to count.

    :param token: with which the first user is made, where there is none yet.
    """
    command = sys.argv[0] if Path(sys.argv[0]).name == "footfall" else "footfall"
    # Without the login that may stand in it.
    scheme, separator, rest = config.store_url.partition("://")
    place = config.host if config.host.startswith("unix:") else address(config)
    store = f"{scheme}{separator}{rest.rpartition('@')[2]}"
    # Address and token apart: what stands in an address is logged and kept by browsers.
    first = [] if token is None else [
        "", "There is no user yet. To become the first, open", f"  {address(config)}/welcome", "and enter the token",
        f"  {token}"]
    if not config.collects:
        return "\n".join([f"footfall {__version__} serves the pages alone at {place}, from the events in {store}; "
                          "`footfall serve --role collect` takes the hits. Ctrl-C ends it.", *first])
    lines = [f"footfall {__version__} serves {place} and keeps events in {store}; Ctrl-C ends it."]
    for site in sites[:GREETED_SITES]:
        lines += ["", f"Paste this into the pages of {site}:", f"  {tag(address(config), site)}",
                  "and count their views:",
                  f"  {command} shell -c 'map_reduce(\"{site}\", date.today(), date.today() + timedelta(1), "
                  "*views_by_url, {})'"]
    if not sites:
        lines.append(f"There is no site yet: {command} site add ID")
    return "\n".join([*lines, *first])
