"""A load at a fixed rate, whose latencies count from when a request was due.

wrk sends its next request when the last is answered, so that a server which stalls is asked less, and its stall
counts once. Readers do not wait for each other. Here every request has its time; one that finds no connection free
waits, and the waiting is part of its latency.
"""

from __future__ import annotations

import contextlib
import gc
import os
import re
import select
import socket
import time
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from bench.rig import LOAD_CORE, varied_requests

CONNECTIONS = 64
#: How long the last answers may take.
LAST_SECONDS = 30.0
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Latencies(NamedTuple):
    """What a load at a rate was answered: requests, and milliseconds from when each was due."""

    requests: int
    p50: float
    p99: float
    most: float


def load_at(port: int, rate: float, seconds: float) -> Latencies:
    """Load a server with varied page-views at a rate, from the load's core.

    :param rate: requests a second, evenly spaced.
    """
    with _on_load_core(), contextlib.ExitStack() as stack:
        connections = [stack.enter_context(socket.create_connection(("127.0.0.1", port)))
                       for _ in range(CONNECTIONS)]
        for connection in connections:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        latencies = sorted(_run(connections, rate, int(rate * seconds)))
    return Latencies(len(latencies), *(latencies[min(len(latencies) - 1, int(len(latencies) * part))] * 1000
                                       for part in (0.5, 0.99, 1.0)))


def _run(connections: list[socket.socket], rate: float, count: int) -> list[float]:
    requests = [(f"GET {path} HTTP/1.1\r\nHost: blog.example.com\r\nUser-Agent: {agent}\r\n"
                 f"Accept-Language: {language}\r\n\r\n").encode() for path, agent, language in varied_requests()]
    poll, idle, latencies = select.epoll(), deque(connections), []
    by_file = {connection.fileno(): connection for connection in connections}
    for file in by_file:
        poll.register(file, select.EPOLLIN)
    due: dict[socket.socket, float] = {}
    began, sent = time.perf_counter(), 0
    while len(latencies) < count:
        now = time.perf_counter()
        while idle and sent < count and began + sent / rate <= now:
            connection = idle.popleft()
            due[connection] = began + sent / rate
            connection.sendall(requests[sent % len(requests)])
            sent += 1
        # It never sleeps: the core is its own, and a timer would be late.
        for file, _ in poll.poll(0):
            connection = by_file[file]
            _receive(connection)
            latencies.append(time.perf_counter() - due.pop(connection))
            idle.append(connection)
        if now > began + count / rate + LAST_SECONDS:
            raise SystemExit(f"at {rate:,.0f} requests a second {count - len(latencies):,} of {count:,} were not "
                             f"answered {LAST_SECONDS:.0f} s after the last was due")
    poll.close()
    return latencies


def _receive(connection: socket.socket) -> None:
    """Read a whole answer."""
    answer = connection.recv(65536)
    while (end := answer.find(b"\r\n\r\n")) < 0 or len(answer) < end + 4 + int(_LENGTH.search(answer, 0, end + 4)[1]):
        more = connection.recv(65536)
        if not more:
            raise SystemExit(f"a connection broke after {answer!r}")
        answer += more
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise SystemExit(f"a request was refused: {answer[:200]!r}")


@contextlib.contextmanager
def _on_load_core() -> Iterator[None]:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {LOAD_CORE})
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        os.sched_setaffinity(0, before)
