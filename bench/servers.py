"""The servers that benchmarks load: footfall and variants of it, the form of 2012, and nginx's empty_gif.

Each is given a folder for its data, and runs until its block is left.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench.rig import SERVER_CORE, SITE, Running, footfall, free_port, running


@contextmanager
def serve_footfall(home: Path, variant: str = "", workers: int = 1, cores: tuple[int, ...] = (SERVER_CORE,),
                   environment: Mapping[str, str] | None = None) -> Iterator[Running]:
    """Run `footfall serve`.

    :param variant: of :mod:`bench.variants`, instead.
    :param environment: more of it.
    """
    port = free_port()
    footfall(home, "site", "add", SITE)
    # All the load comes from one address; the other rules are asked, as they would be.
    footfall(home, "site", "set", SITE, "--rate", "0")
    module = ["bench.variants", variant] if variant else ["footfall", "serve"]
    settings = {"FOOTFALL_DATA": str(home), "FOOTFALL_PORT": str(port), "FOOTFALL_WORKERS": str(workers)}
    with running([sys.executable, "-m", *module], port, cores=cores, environment={**settings, **(environment or {})},
                 path="/a.js") as server:
        yield server


@contextmanager
def serve_seed(home: Path) -> Iterator[Running]:
    """Run :mod:`bench.seed`."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "-k", "gevent", "-b", f"127.0.0.1:{port}", "--no-control-socket",
               "bench.seed:app"]
    with running(command, port, environment={"SEED_DATABASE": str(home / "seed.db")}) as server:
        yield server


@contextmanager
def serve_nginx(home: Path) -> Iterator[Running]:
    """Run nginx, which answers each hit with a picture and keeps nothing."""
    port = free_port()
    (home / "nginx.conf").write_text(
        f"daemon off; pid {home}/pid; error_log stderr; worker_processes 1;\nevents {{ worker_connections 512; }}\n"
        "http { access_log off; keepalive_requests 1000000; "
        + "".join(f"{kind}_temp_path {home}/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        + f"server {{ listen 127.0.0.1:{port}; location = /a.gif {{ empty_gif; }} }} }}\n")
    with running(["nginx", "-c", f"{home}/nginx.conf", "-p", str(home)], port, path="/a.gif") as server:
        yield server
