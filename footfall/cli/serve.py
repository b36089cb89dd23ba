"""``footfall serve``: the beacon and the owner's pages."""

from __future__ import annotations

import os
import shutil
from typing import Any

import click

from footfall import __version__
from footfall.cli.settings import with_settings
from footfall.config import SETTINGS, Config
from footfall.stores import open_store


@click.command()
@with_settings(*(setting.name for setting in SETTINGS))
def serve(config: Config) -> None:
    """Run the server: the beacon, and the owner's pages behind a login."""
    # An unusable store is better told here than at the first hit.
    open_store(config=config).close()
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(_metrics_folder(config))
    run_server(config)


def run_server(config: Config) -> None:
    """Run gunicorn with our worker until it is told to stop."""
    # Only now, because prometheus_client looks at the environment when it is first imported.
    from gunicorn.app.base import BaseApplication
    from prometheus_client import multiprocess

    class Server(BaseApplication):  # type: ignore[misc]
        def load_config(self) -> None:
            host = f"[{config.host}]" if ":" in config.host else config.host
            for name, value in {
                "bind": f"{host}:{config.port}",
                "workers": config.workers,
                "worker_class": "footfall.collect.worker.Worker",
                "worker_connections": 10_000,
                "graceful_timeout": 10,
                "loglevel": "warning",
                "control_socket_disable": True,
                "proc_name": "footfall",
                "when_ready": lambda arbiter: click.echo(_greeting(config)),
                "child_exit": lambda arbiter, worker: multiprocess.mark_process_dead(worker.pid),  # type: ignore[no-untyped-call]
            }.items():
                self.cfg.set(name, value)

        def load(self) -> Any:
            from footfall.app import create_app

            return create_app(config)

    Server().run()


def _metrics_folder(config: Config) -> str:
    """Return an empty folder where the workers of this server share their counters."""
    folder = config.data / "metrics"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    return str(folder.absolute())


def _greeting(config: Config) -> str:
    address = config.public_url or f"http://{config.host}:{config.port}"
    return f"footfall {__version__} serves {address} and keeps events in {_shown(config.store_url)}; Ctrl-C ends it"


def _shown(url: str) -> str:
    """Return a store's URL without the login in it."""
    scheme, separator, rest = url.partition("://")
    return scheme + separator + rest.rpartition("@")[2]
