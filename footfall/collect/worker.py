"""The gunicorn worker: gevent takes connections, serves hits itself, and lets threads run Flask.

Greenlets hold thousands of idle connections at little cost, while the application is ordinary
blocking code: SQLite, a Cassandra driver, a fsync. So nothing is monkey-patched; only the listening
sockets are gevent's, and each call of the application runs in gevent's pool of native threads.

::

    gunicorn -k footfall.collect.worker.Worker app:app
"""

from __future__ import annotations

import gc
import io
import json
import socket as native_socket
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Any, Protocol

import gevent
from gevent import socket
from gevent.threadpool import ThreadPool
from gunicorn.workers.ggevent import GeventPyWSGIWorker

from footfall.collect.access_log import AccessLog
from footfall.collect.collector import Collector
from footfall.collect.greenlet_writer import GreenletWriter
from footfall.collect.handler import Connections, Handler

#: Requests that run at the same time: as many as may share one commit.
THREADS = 32
#: Longest body that is read for the application, which has its own, lower limits.
MAX_BODY_BYTES = 1 << 20
#: How long a body may take to arrive.
BODY_SECONDS = 30.0
#: The same of a file that somebody uploads.
UPLOAD_SECONDS = 900.0
CHUNK_BYTES = 1 << 16
#: Objects more than before at which the garbage collector looks for circles.
GARBAGE = 50_000

Environ = dict[str, Any]
WsgiApp = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class Uploads(Protocol):
    """What an application, by its extension ``footfall.uploads``, says of bodies longer than :data:`MAX_BODY_BYTES`.

    :param most: the longest that is taken of anybody.
    """

    most: int

    def open(self, environ: Environ, /) -> IO[bytes] | None:
        """Return a file for the body of a request of which nothing but the head was read; ``None`` to refuse it."""


class Worker(GeventPyWSGIWorker):  # type: ignore[misc]
    """gunicorn's pywsgi worker with the application in threads and no monkey-patching."""

    wsgi_handler = Handler
    sockets: list[Any]
    wsgi: Any
    connections: Connections
    access_log: AccessLog | None

    def patch(self) -> None:
        """Make the listening sockets gevent's, and nothing else."""
        self.sockets = [socket.socket(each.FAMILY, native_socket.SOCK_STREAM, fileno=each.sock.detach())
                        for each in self.sockets]

    def load_wsgi(self) -> None:
        super().load_wsgi()
        collector: Collector | None = getattr(self.wsgi, "extensions", {}).get("footfall")
        if collector is not None:
            collector.writer = GreenletWriter(collector.destination)
        self.connections = Connections()
        self.access_log = collector.access_log() if collector is not None else None
        uploads: Uploads | None = getattr(self.wsgi, "extensions", {}).get("footfall.uploads")
        self.wsgi = InThreads(self.wsgi, ThreadPool(THREADS, hub=gevent.get_hub()), collector, self.connections,
                              self.access_log, uploads)

    def run(self) -> None:
        # What is there now stays. A hit makes objects by the dozen that are gone with it, few of them in circles: to
        # look for those after every seven hundred takes a twentieth of a busy worker's time.
        gc.collect()
        gc.freeze()
        gc.set_threshold(GARBAGE, 10, 10)
        super().run()

    def handle_usr1(self, number: int, frame: Any) -> None:
        """Go on with new log files, the old ones having been rotated away."""
        super().handle_usr1(number, frame)
        if self.access_log is not None:
            self.access_log.reopen()

    def notify(self) -> None:
        """Tell the master that we live, every second, and let go of who waits too long."""
        super().notify()
        if self.wsgi.collector is not None:
            self.wsgi.collector.tidy()
        self.connections.ending = not self.alive
        self.connections.sweep()


class InThreads:
    """A WSGI application whose calls, and the chunks of whose answers, run in a pool of threads.

    A gevent socket must not be read in another thread, so the greenlet reads the body first.

    :param collector: footfall's own, where the application is footfall.
    """

    def __init__(self, app: WsgiApp, pool: ThreadPool, collector: Collector | None, connections: Connections,
                 access_log: AccessLog | None, uploads: Uploads | None = None) -> None:
        self._app = app
        self._uploads = uploads
        self._pool = pool
        self.collector = collector
        self.connections = connections
        self.access_log = access_log

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        body: IO[bytes] = io.BytesIO()
        most, seconds, is_whole = MAX_BODY_BYTES, BODY_SECONDS, False
        try:
            # Before anything of it is read, lest anybody fill the disk.
            if self._uploads is not None and most < int(environ.get("CONTENT_LENGTH") or 0) <= self._uploads.most:
                file = self._pool.apply(self._uploads.open, (environ,))
                if file is not None:
                    body, most, seconds = file, self._uploads.most, UPLOAD_SECONDS
            with gevent.Timeout(seconds, False):
                while body.tell() <= most and (chunk := environ["wsgi.input"].read(CHUNK_BYTES)):
                    body.write(chunk)
                is_whole = True
        except (OSError, ValueError):
            return _refuse(environ, start_response, "400 Bad Request", "body: malformed, or shorter than was said")
        length = body.tell()
        if not is_whole:
            reason = f"body: not whole within {seconds:.0f} s"
            return _refuse(environ, start_response, "408 Request Timeout", reason)
        if length > most:
            return _refuse(environ, start_response, "413 Content Too Large", f"body: longer than {most} bytes")
        body.seek(0)
        environ["wsgi.input"] = body
        environ["CONTENT_LENGTH"] = str(length)
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        answer = _Answer(self._pool)
        with body:
            chunks = self._pool.apply(self._app, (environ, answer.start))
        last = [("Connection", "close")] if self.connections.ending else []
        start_response(answer.status, answer.headers + last, answer.error)
        return answer.follow(chunks)


def _refuse(environ: Environ, start_response: Callable[..., Any], status: str, reason: str) -> Iterable[bytes]:
    media, text = "text/plain", f"{reason}\n"
    if environ["PATH_INFO"].startswith("/api/"):
        number, _, title = status.partition(" ")
        media = "application/problem+json"
        text = json.dumps({"type": "about:blank", "title": title, "status": int(number), "detail": reason})
    start_response(status, [("Content-Type", media), ("Connection", "close"), ("X-Footfall", reason)])
    return [text.encode()]


class _Answer:
    """What the application said in its thread, to be said again in the greenlet."""

    def __init__(self, pool: ThreadPool) -> None:
        self._pool = pool
        self.status = ""
        self.headers: list[tuple[str, str]] = []
        self.error: Any = None

    def start(self, status: str, headers: list[tuple[str, str]], error: Any = None) -> None:
        self.status, self.headers, self.error = status, headers, error

    def follow(self, chunks: Iterable[bytes]) -> Iterable[bytes]:
        """Return the chunks; those that are all there already need no thread."""
        if isinstance(chunks, list | tuple):
            return chunks
        return self._fetch(chunks)

    def _fetch(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        iterator = iter(chunks)
        try:
            while (chunk := self._pool.apply(next, (iterator, None))) is not None:
                yield chunk
        finally:
            if close := getattr(chunks, "close", None):
                self._pool.apply(close)
