"""The beacon's short way: a hit that has arrived whole is answered without WSGI and Flask.

:func:`serve` looks at what a connection has sent. What is a whole, plain request for ``/a.gif`` or ``/e`` it
answers, by the same functions as the routes do; anything else it leaves as it is, to be read by the server proper: a
request that is still arriving, another address, an unknown account, HTTP/1.0, a chunked body, an oddity.
"""

from __future__ import annotations

import time
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import NamedTuple

import httptools

from footfall.collect.collector import PIXEL, TAKEN, TIME, Answer, Collector
from footfall.collect.head import MAX_HEADERS
from footfall.collect.visitors import Undecided

_WANTED = {name.encode(): name for name in (
    "user-agent", "accept-language", "referer", "x-real-ip", "x-forwarded-for", "dnt", "sec-gpc")}
# What asks for more than a request and its answer, one after the other.
_ODD = frozenset((b"transfer-encoding", b"expect", b"upgrade"))


class Served(NamedTuple):
    """What was done with the first request of some bytes.

    :param length: how many bytes it was.
    :param response: what to send back, whole.
    :param close: whether the connection ends with it.
    :param headers: those of the request that matter to us, by their names in lower case.
    """

    length: int
    response: bytes
    close: bool
    headers: dict[str, str]


def serve(data: bytes, collector: Collector, peer: str, *, is_last: bool = False) -> Served | None:
    """Serve the request that some bytes begin with, if it is one for here.

    :param data: what a connection has sent and nobody has read yet.
    :param peer: address of the connection's other end; empty for a Unix socket.
    :param is_last: the connection is to end with the answer, whatever was asked.
    :returns: ``None`` if the request is not for here; nothing has been taken from it then.
    """
    if not data.startswith(collector.beginnings):
        return None
    head_end = data.find(b"\r\n\r\n") + 4
    request = _Request()
    if head_end < 4 or data.count(b"\n", 0, head_end) > MAX_HEADERS + 2 or not request.read(data[:head_end]):
        return None
    end = head_end + request.length
    if end > len(data):
        return None
    try:
        answer = _answer(request, data[head_end:end], collector, peer)
    except Undecided:
        return None
    close = request.close or is_last
    response = _response(answer, request.method, close, int(time.time()))
    if answer is TAKEN:
        # The one header that is not the same for a whole second; TAKEN has no body.
        response = b"%b%b: %d\r\n\r\n" % (response[:-2], TIME.encode(), collector.milliseconds())
    return Served(end, response, close, request.headers)


class _Request:
    """The head of a request; its callbacks are the parser's."""

    def __init__(self) -> None:
        self.method = b""
        self.url = b""
        self.headers: dict[str, str] = {}
        self.length = 0
        self.close = False
        self._is_odd = False
        self._parser = httptools.HttpRequestParser(self)

    def read(self, head: bytes) -> bool:
        """Read a head, and tell whether it is a plain one."""
        try:
            self._parser.feed_data(head)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            return False
        finally:
            # It holds us as we hold it; a circle of two for every hit would be the garbage collector's to find.
            del self._parser
        return not self._is_odd

    def on_headers_complete(self) -> None:
        self.method = self._parser.get_method()
        self.close = not self._parser.should_keep_alive()
        # A GET with a body is as odd as an HTTP of another version.
        if self._parser.get_http_version() != "1.1" or (self.length and self.method != b"POST"):
            self._is_odd = True

    def on_url(self, url: bytes) -> None:
        self.url = url

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        wanted = _WANTED.get(name)
        if wanted is not None:
            text = value.decode("latin-1")
            # As WSGI hands over a header that came twice.
            self.headers[wanted] = f"{self.headers[wanted]},{text}" if wanted in self.headers else text
        elif name == b"content-length":
            self.length = int(value)
        elif name in _ODD:
            self._is_odd = True


def _answer(request: _Request, body: bytes, collector: Collector, peer: str) -> Answer:
    if request.method == b"POST":
        return collector.take_events(body, request.headers, peer, at_once=True)
    if request.method == b"HEAD":
        return PIXEL
    return collector.take_view(request.url.partition(b"?")[2], request.headers, peer, at_once=True)


@lru_cache(maxsize=256)
def _response(answer: Answer, method: bytes, close: bool, now: int) -> bytes:
    status = HTTPStatus(answer.status)
    connection = "close" if close else "keep-alive"
    headers = [*answer.headers, ("Date", formatdate(now, usegmt=True)), ("Connection", connection)]
    if status != HTTPStatus.NO_CONTENT:
        headers.append(("Content-Length", str(len(answer.body))))
    head = "".join(f"{name}: {value}\r\n" for name, value in headers)
    whole = f"HTTP/1.1 {status.value} {status.phrase}\r\n{head}\r\n".encode()
    return whole if method == b"HEAD" else whole + answer.body
