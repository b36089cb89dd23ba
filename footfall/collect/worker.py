"""The gunicorn worker: gevent takes connections, serves hits itself, and lets threads run Flask.

Greenlets hold thousands of idle connections at little cost, while the application is ordinary
blocking code: SQLite, a Cassandra driver, a fsync. So nothing is monkey-patched; only the listening
sockets are gevent's, and each call of the application runs in gevent's pool of native threads.

::

    gunicorn -k footfall.collect.worker.Worker app:app
"""

from __future__ import annotations

import contextlib
import io
import socket as native_socket
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import gevent
from gevent import pywsgi, socket
from gevent.threadpool import ThreadPool
from gunicorn.workers.ggevent import GeventPyWSGIWorker, PyWSGIHandler

from footfall import metrics
from footfall.collect.collector import Collector
from footfall.collect.fastpath import serve
from footfall.collect.greenlet_writer import GreenletWriter

#: Requests that run at the same time: as many as may share one commit.
THREADS = 32
#: Longest body that is read for the application, which has its own, lower limits.
MAX_BODY_BYTES = 1 << 20
#: How long a refused sender may go on sending before the connection is closed on him.
DRAIN_SECONDS = 2.0

Environ = dict[str, Any]
WsgiApp = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class Handler(PyWSGIHandler):  # type: ignore[misc]
    """One connection.

    Small answers leave at once instead of waiting for Nagle's algorithm, and what is no request of HTTP is
    refused in a way that reaches its sender.
    """

    def __init__(self, sock: Any, address: Any, server: Any, **more: Any) -> None:
        if sock.family != native_socket.AF_UNIX:
            sock.setsockopt(native_socket.IPPROTO_TCP, native_socket.TCP_NODELAY, 1)
        super().__init__(sock, address, server, **more)

    def handle_one_request(self) -> Any:
        try:
            served = self._serve_beacon()
        except OSError:
            # The other end has gone.
            return None
        return self._handle_any_request() if served is None else (True if served else None)

    def _serve_beacon(self) -> bool | None:
        """Serve a hit that has arrived whole; tell whether the connection goes on, ``None`` if it was no such hit."""
        collector = self.server.application.collector
        if collector is None:
            return None
        served = serve(self.rfile.peek(1), collector, self.client_address[0] if self.client_address else "")
        if served is None:
            return None
        self.rfile.read(served.length)
        self.socket.sendall(served.response)
        return not served.close

    def _handle_any_request(self) -> Any:
        result = super().handle_one_request()
        if not isinstance(result, tuple):
            return result
        status, reason = ("414 URI Too Long", f"request line: {pywsgi.MAX_REQUEST_LINE} bytes or longer") if (
            result[0] == "414") else ("400 Bad Request", "request: malformed")
        metrics.HITS.labels("refused", reason.partition(":")[0]).inc()
        # Closing with input unread resets the connection, and the sender may lose the answer for it.
        with contextlib.suppress(OSError), gevent.Timeout(DRAIN_SECONDS, False):
            self.socket.sendall(f"HTTP/1.1 {status}\r\nX-Footfall: {reason}\r\nConnection: close\r\n"
                                "Content-Length: 0\r\n\r\n".encode())
            self.socket.shutdown(native_socket.SHUT_WR)
            drained = 0
            while drained < MAX_BODY_BYTES and (some := self.socket.recv(65536)):
                drained += len(some)
        return None


class Worker(GeventPyWSGIWorker):  # type: ignore[misc]
    """gunicorn's pywsgi worker with the application in threads and no monkey-patching."""

    wsgi_handler = Handler
    sockets: list[Any]
    wsgi: WsgiApp

    def patch(self) -> None:
        """Make the listening sockets gevent's, and nothing else."""
        self.sockets = [socket.socket(each.FAMILY, native_socket.SOCK_STREAM, fileno=each.sock.detach())
                        for each in self.sockets]

    def load_wsgi(self) -> None:
        super().load_wsgi()
        collector: Collector | None = getattr(self.wsgi, "extensions", {}).get("footfall")
        if collector is not None:
            collector.writer = GreenletWriter(collector.store)
        self.wsgi = InThreads(self.wsgi, ThreadPool(THREADS, hub=gevent.get_hub()), collector)


class InThreads:
    """A WSGI application whose calls, and the chunks of whose answers, run in a pool of threads.

    A gevent socket must not be read in another thread, so the greenlet reads the body first. ``collector`` is
    footfall's own, where the application is footfall.
    """

    def __init__(self, app: WsgiApp, pool: ThreadPool, collector: Collector | None) -> None:
        self._app = app
        self._pool = pool
        self.collector = collector

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(MAX_BODY_BYTES + 1)
        if len(body) > MAX_BODY_BYTES:
            start_response("413 Content Too Large", [("Content-Type", "text/plain"), ("Connection", "close"),
                                                     ("X-Footfall", f"body: longer than {MAX_BODY_BYTES} bytes")])
            return [b"body too long\n"]
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        answer = _Answer(self._pool)
        chunks = self._pool.apply(self._app, (environ, answer.start))
        start_response(answer.status, answer.headers, answer.error)
        return answer.follow(chunks)


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
