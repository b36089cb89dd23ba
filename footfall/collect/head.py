"""The head of a request that goes the long way: read within limits, and looked at before anyone acts on it.

The parser is the one of the short way (httptools), so that both take the same requests for such: what could be read
in two ways, by us and by a proxy before us, is refused.
"""

from __future__ import annotations

from typing import BinaryIO

import httptools

from footfall.errors import BadHit

#: Longest request line, longest head, most headers.
MAX_LINE_BYTES = 8 * 1024
MAX_BYTES = 64 * 1024
MAX_HEADERS = 100

# What old browsers send as it is, in addresses and in the values of headers: the parser takes none of it, but it
# changes nothing about where a request ends. An end of a line or a NUL does, and is left for the parser to refuse.
_RAW = bytes(byte for byte in range(256) if byte >= 0x7F or (byte < 0x20 and byte not in b"\0\t\n\r"))
_PLAIN = bytes.maketrans(_RAW, b"x" * len(_RAW))


def read_head(rfile: BinaryIO) -> bytes:
    """Return the head of the next request, with its empty line; nothing if the other end has closed.

    :raises BadHit: it is no head of HTTP/1.0 or HTTP/1.1 that could be acted on; its status says what to answer.
    """
    line = rfile.readline(MAX_LINE_BYTES)
    if not line:
        return b""
    if len(line) >= MAX_LINE_BYTES:
        raise BadHit(f"request line: {MAX_LINE_BYTES} bytes or longer", 414)
    lines, size = [line], len(line)
    while line not in (b"\r\n", b"\n"):
        line = rfile.readline(MAX_BYTES)
        size += len(line)
        lines.append(line)
        # The request line and the empty one are no headers.
        if size > MAX_BYTES or len(lines) > MAX_HEADERS + 2:
            raise BadHit(f"headers: more than {MAX_HEADERS}, or longer than {MAX_BYTES} bytes", 431)
        if not line.endswith(b"\n"):
            raise BadHit("request: malformed")
    _check(lines)
    return b"".join(lines)


def _check(lines: list[bytes]) -> None:
    seen = _Seen()
    parser = httptools.HttpRequestParser(seen)
    try:
        parser.feed_data(lines[0].translate(_PLAIN))
        for line in lines[1:]:
            name, colon, value = line.partition(b":")
            parser.feed_data(name + colon + value.translate(_PLAIN))
    except httptools.HttpParserUpgrade:
        # We know no other protocol, and answer in this one.
        pass
    except httptools.HttpParserError:
        raise BadHit("request: malformed") from None
    if not seen.is_whole or parser.get_http_version() not in ("1.0", "1.1"):
        raise BadHit("request: malformed")
    if seen.headers.get(b"transfer-encoding", b"chunked") != b"chunked":
        raise BadHit("transfer-encoding: must be chunked", 501)
    if b"transfer-encoding" in seen.headers and b"content-length" in seen.headers:
        raise BadHit("request: malformed")
    if seen.headers.get(b"expect", b"100-continue") != b"100-continue":
        raise BadHit("expect: must be 100-continue", 417)


class _Seen:
    """What the parser has seen of a head; its callbacks are the parser's."""

    def __init__(self) -> None:
        self.headers: dict[bytes, bytes] = {}
        self.is_whole = False

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        # One that came twice is none that we know.
        self.headers[name] = self.headers[name] + b", " + value if name in self.headers else value.strip().lower()

    def on_headers_complete(self) -> None:
        self.is_whole = True
