"""Connections that say nothing, two thousand of them, beside those that do."""

import contextlib
import resource
import socket

import pytest

from tests.faults.ledger import Ledger, Load
from tests.waiting import until

pytestmark = pytest.mark.ours

IDLE = 2000


@pytest.fixture
def files():
    """Lets this process, and the servers that it starts, have as many files open as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("files")
def test_idle_connections_cost_nobody_an_answer(sqlite_site):
    ledger = Ledger()
    with sqlite_site.server() as server, contextlib.ExitStack() as opened:
        idle = [opened.enter_context(socket.create_connection(("127.0.0.1", server.port))) for _ in range(IDLE)]
        with Load(ledger, server.port):
            until(ledger.acknowledges(1000))
        for connection in idle:
            (url,) = ledger.new_urls(1)
            connection.sendall(f"GET /a.gif?id=blog&url={url} HTTP/1.1\r\nHost: stats.example.com\r\n\r\n".encode())
            if connection.recv(4096).startswith(b"HTTP/1.1 200 "):
                ledger.write_down([url], 200, {})
        server.stop()
    assert ledger.acknowledged == ledger.sent
    ledger.verify(sqlite_site.stored())
