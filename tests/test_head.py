"""Which heads are acted on, and how the others are refused: what two servers could read in two ways is."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall.collect.head import MAX_BYTES, MAX_HEADERS, MAX_LINE_BYTES, read_head
from footfall.errors import BadHit

MALFORMED = BadHit("request: malformed")
TOO_MANY = BadHit(f"headers: more than {MAX_HEADERS}, or longer than {MAX_BYTES} bytes", 431)


def head(*headers, line=b"GET / HTTP/1.1"):
    return b"\r\n".join((line, b"Host: h", *headers, b"", b""))


@pytest.mark.parametrize("given_", [
    head(),
    head(line=b"GET / HTTP/1.0"),
    head(line=b"GET /?url=http://a.example/\xc3\xa9 HTTP/1.1"),
    head(b"User-Agent: \xff\x01\x7f\t."),
    head(b"Content-Length: 5"),
    head(b"Transfer-Encoding: chunked"),
    head(b"Transfer-Encoding: Chunked"),
    head(b"Expect: 100-continue"),
    head(b"Connection: Upgrade", b"Upgrade: websocket"),
    head(*[b"X: y"] * (MAX_HEADERS - 1)),
    head(b"X: " + b"y" * (MAX_BYTES - 100)),
    head(line=b"GET /" + b"x" * (MAX_LINE_BYTES - 20) + b" HTTP/1.1"),
])
def test_a_plain_head_is_read_as_it_came_and_no_byte_more(given_):
    rfile = io.BytesIO(given_ + b"GET /next")
    assert read_head(rfile) == given_
    assert rfile.read() == b"GET /next"


@pytest.mark.parametrize("given_, refused", [
    (head(line=b"GET /" + b"x" * MAX_LINE_BYTES + b" HTTP/1.1"), BadHit(
        f"request line: {MAX_LINE_BYTES} bytes or longer", 414)),
    (head(*[b"X: y"] * MAX_HEADERS), TOO_MANY),
    (head(b"X: " + b"y" * MAX_BYTES), TOO_MANY),
    (head(line=b"GET /"), MALFORMED),
    (head(line=b"GET / HTTP/2.0"), MALFORMED),
    (head(line=b"GET / HTTP/0.9"), MALFORMED),
    (head(line=b"GET\x00 / HTTP/1.1"), MALFORMED),
    (head(line=b"PRI * HTTP/2.0"), MALFORMED),
    (head(line=b"\x16\x03\x01\x02\x00"), MALFORMED),
    (head()[:-2], MALFORMED),
    (head()[:-7], MALFORMED),
    # One server would end the request after the length, the other after the last chunk.
    (head(b"Content-Length: 5", b"Transfer-Encoding: chunked"), MALFORMED),
    (head(b"Transfer-Encoding: chunked", b"Content-Length: 5"), MALFORMED),
    (head(b"Content-Length: 5", b"Content-Length: 6"), MALFORMED),
    (head(b"Content-Length: -5"), MALFORMED),
    (head(b"Content-Length: +5"), MALFORMED),
    (head(b"Content-Length: 5, 5"), MALFORMED),
    (head(b"Content-Length: 5\x0c"), MALFORMED),
    (head(b"Content-Length : 5"), MALFORMED),
    (head(b"Content-Length\x0c: 5"), MALFORMED),
    (head(b"Content-Length\xa0: 5"), MALFORMED),
    (head(b"X: y\rContent-Length: 5"), MALFORMED),
    (head(b"X: y\x00"), MALFORMED),
    (head(b"no colon"), MALFORMED),
    (head(b": no name"), MALFORMED),
    (head(b"Transfer-Encoding: gzip"), MALFORMED),
    (head(b"Transfer-Encoding: gzip, chunked"), BadHit("transfer-encoding: must be chunked", 501)),
    (head(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"), MALFORMED),
    (head(b"Transfer-Encoding: chunked\x0b"), MALFORMED),
    (head(b"Expect: tea"), BadHit("expect: must be 100-continue", 417)),
])
def test_any_other_is_refused_with_the_reason(given_, refused):
    with pytest.raises(BadHit) as caught:
        read_head(io.BytesIO(given_))
    assert caught.value == refused


def test_nothing_is_read_of_a_connection_that_was_closed():
    assert read_head(io.BytesIO(b"")) == b""


@given(junk=st.binary(max_size=100), place=st.integers(0, 60))
def test_any_bytes_are_a_head_or_are_refused(junk, place):
    whole = head(b"Content-Length: 5", b"User-Agent: a")
    given_ = whole[:place] + junk + whole[place:]
    try:
        read = read_head(io.BytesIO(given_))
    except BadHit as error:
        assert error.status in (400, 414, 417, 431, 501)
    else:
        assert given_.startswith(read)
