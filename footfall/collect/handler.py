"""One connection: what it sends is served the short way or the long way, in turn, within limits of time.

Small answers leave at once instead of waiting for Nagle's algorithm, what is no request of HTTP is refused in a
way that reaches its sender, and who sends too slowly is cut off.
"""

from __future__ import annotations

import contextlib
import io
import socket
import time
from http import HTTPStatus
from typing import Any

import gevent
from gevent import pywsgi
from gunicorn.workers.ggevent import PyWSGIHandler

from footfall import metrics
from footfall.collect.fastpath import serve
from footfall.collect.head import read_head
from footfall.collect.hit import Headers
from footfall.errors import BadHit

#: How long a connection may be silent between two requests; longer than nginx keeps one to us, 60 s.
IDLE_SECONDS = 75.0
#: How long a worker that is to end lets a connection send one more request, which is told that it is the last.
LAST_SECONDS = 2.0
#: How long a request's head may take to arrive, from its first byte.
HEAD_SECONDS = 10.0
#: How long, and how much, a refused sender may go on sending before the connection is closed on him.
DRAIN_SECONDS = 2.0
DRAIN_BYTES = 1 << 20


# What libev calls a socket that can be read from.
_READ = 1


class Connections:
    """The connections of a worker that wait for a request, so that those that wait too long can be let go.

    Once ``ending``, every answer is its connection's last and says so. A client that heard so sends its next request
    elsewhere; one whose connection were closed as it sends could not know whether the request was taken.
    """

    def __init__(self) -> None:
        self.ending = False
        #: Since when, by time.monotonic, each waits.
        self.idle: dict[Any, float] = {}

    def sweep(self) -> None:
        """Close those that have waited too long. A timer for each would cost more than it ever does."""
        latest = time.monotonic() - (LAST_SECONDS if self.ending else IDLE_SECONDS)
        for sock in [sock for sock, since in self.idle.items() if since < latest]:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RD)


class Handler(PyWSGIHandler):  # type: ignore[misc]
    """A connection's requests, one after the other."""

    client_address: Any
    rfile: Any
    wsgi_input: Any

    def __init__(self, sock: Any, address: Any, server: Any, **more: Any) -> None:
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Asked before anything is read: to try and fail costs more than to wait.
        self._readable = gevent.get_hub().loop.io(sock.fileno(), _READ)
        self._is_all_read = False
        super().__init__(sock, address, server, **more)

    def handle(self) -> None:
        try:
            super().handle()
        finally:
            self._readable.close()

    def handle_one_request(self) -> bool | None:
        """Serve the next request, and tell whether the connection goes on, as pywsgi wants it: ``True`` or ``None``."""
        application = self.server.application
        try:
            data = self._wait(application.connections)
            return self._serve_short(data, application) if data else None
        except OSError:
            # The other end has gone.
            return None

    def _wait(self, connections: Connections) -> bytes:
        """Return what has arrived of the next request, without taking it; nothing if none comes."""
        connections.idle[self.socket] = time.monotonic()
        try:
            if self._is_all_read:
                gevent.get_hub().wait(self._readable)
            data: bytes = self.rfile.peek(1)
            return data
        finally:
            del connections.idle[self.socket]

    def _serve_short(self, data: bytes, application: Any) -> bool | None:
        """Serve a hit that has arrived whole here, and anything else as pywsgi does."""
        peer = self._peer()
        collector, is_last = application.collector, application.connections.ending
        served = serve(data, collector, peer, is_last=is_last) if collector is not None else None
        self._is_all_read = served is not None and served.length == len(data)
        if served is None:
            return self._serve_long()
        self.rfile.read(served.length)
        # sendall would ask the kernel for the size of its buffer, each time.
        sent = self.socket.send(served.response)
        if sent < len(served.response):
            self.socket.sendall(served.response[sent:])
        if application.access_log is not None:
            line = data.partition(b"\r\n")[0].decode("latin-1")
            self._log(line, served.response[9:12].decode(), len(served.response), served.headers)
        return None if served.close else True

    def _serve_long(self) -> bool | None:
        try:
            with gevent.Timeout(HEAD_SECONDS, TimeoutError(f"head: not whole within {HEAD_SECONDS:.0f} s")):
                self._head = read_head(self.rfile)
        except BadHit as error:
            self._refuse(error)
            return None
        result = super().handle_one_request()
        if isinstance(result, tuple):
            self._refuse(BadHit("request: malformed"))
            return None
        return True if result else None

    def read_requestline(self) -> str:
        line, end, self._head = self._head.partition(b"\n")
        return (line + end).decode("latin-1")

    def read_request(self, raw_requestline: str) -> Any:
        # What was read and looked at is read from there, and the body from the connection.
        connection, self.rfile = self.rfile, io.BytesIO(self._head)
        try:
            return super().read_request(raw_requestline)
        finally:
            self.rfile = connection

    def log_request(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._log(self.requestline, str(self.code), self.response_length, headers)

    def _log(self, line: str, status: str, size: int, headers: Headers) -> None:
        if self.server.application.access_log is not None:
            self.server.application.access_log.write(line, status, size, headers, self._peer())

    def _peer(self) -> str:
        """The address of the other end; empty for a Unix socket."""
        return self.client_address[0] if self.client_address else ""

    def get_environ(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environ()
        given = self.wsgi_input
        self.wsgi_input = environ["wsgi.input"] = _Body(given.rfile, given.content_length, given.socket,
                                                        given.chunked_input)
        return environ

    def _refuse(self, error: BadHit) -> None:
        """Send the refusal of what is no request, and take a little more of it.

        Closing with input unread would reset the connection, and the sender may lose the answer for it.
        """
        metrics.HITS.labels("refused", error.reason.partition(":")[0]).inc()
        status = f"{error.status} {HTTPStatus(error.status).phrase}"
        # What came need not have a request line.
        self._log("-", str(error.status), 0, {})
        with contextlib.suppress(OSError), gevent.Timeout(DRAIN_SECONDS, False):
            self.socket.sendall(f"HTTP/1.1 {status}\r\nX-Footfall: {error.reason}\r\nConnection: close\r\n"
                                "Content-Length: 0\r\n\r\n".encode())
            self.socket.shutdown(socket.SHUT_WR)
            drained = 0
            while drained < DRAIN_BYTES and (some := self.socket.recv(65536)):
                drained += len(some)


class _Body(pywsgi.Input):  # type: ignore[misc]
    """A request's body; of what the application leaves unread no more is taken than is good for the answer."""

    def _discard(self) -> None:
        discarded = 0
        # Of a body that cannot be read on there is no more to discard.
        with contextlib.suppress(OSError, ValueError), gevent.Timeout(DRAIN_SECONDS, False):
            while discarded < DRAIN_BYTES and (some := self.read(65536)):
                discarded += len(some)
