"""One connection: what it sends is served the short way or the long way, in turn, within limits of time.

Small answers leave at once instead of waiting for Nagle's algorithm, what is no request of HTTP is refused in a
way that reaches its sender, and who sends too slowly is cut off.
"""

from __future__ import annotations

import contextlib
import socket
import time
from typing import Any

import gevent
from gevent import pywsgi
from gunicorn.workers.ggevent import PyWSGIHandler

from footfall import metrics
from footfall.collect.fastpath import serve

#: How long a connection may be silent between two requests; longer than nginx keeps one to us, 60 s.
IDLE_SECONDS = 75.0
#: How long a request's head may take to arrive, from its first byte.
HEAD_SECONDS = 10.0
#: How long, and how much, a refused sender may go on sending before the connection is closed on him.
DRAIN_SECONDS = 2.0
DRAIN_BYTES = 1 << 20


class Connections:
    """The connections of a worker that wait for a request, so that those that wait too long can be let go."""

    def __init__(self) -> None:
        self.ending = False
        #: Since when, by time.monotonic, each waits.
        self.idle: dict[Any, float] = {}

    def sweep(self) -> None:
        """Close those that have waited too long. A timer for each would cost more than it ever does."""
        latest = time.monotonic() - IDLE_SECONDS
        self._close([sock for sock, since in self.idle.items() if since < latest])

    def end(self) -> None:
        """Close those that wait; the others close after their answer."""
        self.ending = True
        self._close(list(self.idle))

    def _close(self, socks: list[Any]) -> None:
        for sock in socks:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RD)


class Handler(PyWSGIHandler):  # type: ignore[misc]
    """A connection's requests, one after the other."""

    wsgi_input: Any

    def __init__(self, sock: Any, address: Any, server: Any, **more: Any) -> None:
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().__init__(sock, address, server, **more)

    def handle_one_request(self) -> bool | None:
        """Serve the next request, and tell whether the connection goes on, as pywsgi wants it: ``True`` or ``None``."""
        application = self.server.application
        try:
            data = self._wait(application.connections)
            goes_on = self._serve_short(data, application.collector) if data else None
        except OSError:
            # The other end has gone.
            return None
        return goes_on if not application.connections.ending else None

    def _wait(self, connections: Connections) -> bytes:
        """Return what has arrived of the next request, without taking it; nothing if none comes."""
        if connections.ending:
            return b""
        connections.idle[self.socket] = time.monotonic()
        try:
            data: bytes = self.rfile.peek(1)
            return data
        finally:
            del connections.idle[self.socket]

    def _serve_short(self, data: bytes, collector: Any) -> bool | None:
        """Serve a hit that has arrived whole here, and anything else as pywsgi does."""
        peer = self.client_address[0] if self.client_address else ""
        served = serve(data, collector, peer) if collector is not None else None
        if served is None:
            return self._serve_long()
        self.rfile.read(served.length)
        # sendall would ask the kernel for the size of its buffer, each time.
        sent = self.socket.send(served.response)
        if sent < len(served.response):
            self.socket.sendall(served.response[sent:])
        return None if served.close else True

    def _serve_long(self) -> bool | None:
        self._head_due = time.monotonic() + HEAD_SECONDS
        result = super().handle_one_request()
        if isinstance(result, tuple):
            self._refuse(result[0])
            return None
        return True if result else None

    def read_requestline(self) -> str:
        with self._head_in_time():
            line: str = super().read_requestline()
            return line

    def read_request(self, raw_requestline: str) -> Any:
        with self._head_in_time():
            return super().read_request(raw_requestline)

    def get_environ(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environ()
        given = self.wsgi_input
        self.wsgi_input = environ["wsgi.input"] = _Body(given.rfile, given.content_length, given.socket,
                                                        given.chunked_input)
        return environ

    def _head_in_time(self) -> Any:
        """End with an OSError, as a connection that broke does, the reading of a head that takes too long."""
        return gevent.Timeout(max(0.0, self._head_due - time.monotonic()),
                              TimeoutError(f"head: not whole within {HEAD_SECONDS:.0f} s"))

    def _refuse(self, pywsgis_status: str) -> None:
        """Send the refusal of what is no request, and take a little more of it.

        Closing with input unread would reset the connection, and the sender may lose the answer for it.
        """
        status, reason = "400 Bad Request", "request: malformed"
        if pywsgis_status == "414":
            status, reason = "414 URI Too Long", f"request line: {pywsgi.MAX_REQUEST_LINE} bytes or longer"
        metrics.HITS.labels("refused", reason.partition(":")[0]).inc()
        with contextlib.suppress(OSError), gevent.Timeout(DRAIN_SECONDS, False):
            self.socket.sendall(f"HTTP/1.1 {status}\r\nX-Footfall: {reason}\r\nConnection: close\r\n"
                                "Content-Length: 0\r\n\r\n".encode())
            self.socket.shutdown(socket.SHUT_WR)
            drained = 0
            while drained < DRAIN_BYTES and (some := self.socket.recv(65536)):
                drained += len(some)


class _Body(pywsgi.Input):  # type: ignore[misc]
    """A request's body; of what the application leaves unread no more is taken than is good for the answer."""

    def _discard(self) -> None:
        discarded = 0
        with gevent.Timeout(DRAIN_SECONDS, False):
            while discarded < DRAIN_BYTES and (some := self.read(65536)):
                discarded += len(some)
