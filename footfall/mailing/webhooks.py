"""Webhooks: JSON that is posted to a program of the owner's, signed, and never to where it must not go.

Whoever may change a site names the URL, and the server has reach that he has not: so a host's addresses are looked at,
every one, and the connection is made to one that was looked at; a redirect is not followed.
"""

from __future__ import annotations

import contextlib
import hmac
import http.client
import ipaddress
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

from footfall.errors import DeliveryError, DeliveryRefused, UsageError

#: How long a try may take, from the connection to the answer's head.
TIMEOUT_SECONDS = 10.0
#: How long is waited before each further try.
BACKOFF_SECONDS = (1.0, 4.0)
MAX_URL = 2_048
SIGNATURE = "Footfall-Signature"

_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def check_url(url: str) -> SplitResult:
    """Return the parts of a URL that may be posted to.

    :raises UsageError: it is none: not https, nor http to this machine, or with a login in it.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise UsageError("webhook: must be a URL such as https://hooks.example.com/footfall") from None
    if len(url) > MAX_URL or not url.isascii() or not url.isprintable() or " " in url or not host:
        raise UsageError("webhook: must be a URL such as https://hooks.example.com/footfall")
    if "@" in parts.netloc:
        raise UsageError("webhook: must have no login in it; what is posted is signed, see docs/mail.md")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        raise UsageError(f"webhook {url!r}: must begin with https://; http:// is for this machine alone")
    return parts


def sign(secret: str, body: bytes, at: int) -> str:
    """Return the header that tells who posts, and when: ``t=SECONDS,v1=HEX``, HMAC-SHA256 of ``SECONDS.BODY``."""
    return f"t={at},v1={hmac.digest(secret.encode(), b'%d.%b' % (at, body), 'sha256').hex()}"


def post(url: str, secret: str, told: Mapping[str, Any], *, anywhere: bool = False,
         wait: Callable[[float], object] = time.sleep) -> None:
    """Post JSON, and try again where that may help.

    :param anywhere: also to addresses of this machine and its networks.
    :param wait: is called with the seconds between two tries.
    :raises DeliveryRefused: the address is one that nothing is posted to.
    :raises DeliveryError: no try was answered with a status of 200 to 299.
    """
    body = json.dumps(told, ensure_ascii=False).encode()
    for backoff in (*BACKOFF_SECONDS, None):
        try:
            _try(check_url(url), secret, body, anywhere)
            return
        except DeliveryRefused:
            raise
        except DeliveryError:
            if backoff is None:
                raise
            wait(backoff)


def _try(parts: SplitResult, secret: str, body: bytes, anywhere: bool) -> None:
    host, at = parts.hostname or "", int(time.time())
    port = parts.port or (443 if parts.scheme == "https" else 80)
    connection = http.client.HTTPConnection(host, port)
    # Of whoever sends a byte now and then, no read ever takes too long.
    deadline = threading.Timer(TIMEOUT_SECONDS, _cut, (connection,))
    deadline.daemon = True
    deadline.start()
    try:
        connection.sock = sock = _connect(host, port, anywhere)
        if parts.scheme == "https":
            connection.sock = wrapped = ssl.create_default_context().wrap_socket(
                sock, server_hostname=host, do_handshake_on_connect=False)
            wrapped.do_handshake()
        connection.request("POST", parts._replace(scheme="", netloc="", fragment="").geturl() or "/", body, {
            "Host": parts.netloc, "Content-Type": "application/json", "User-Agent": "footfall",
            SIGNATURE: sign(secret, body, at)})
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise DeliveryError(f"webhook at {host}: {error or type(error).__name__}") from error
    finally:
        deadline.cancel()
        connection.close()
    if not 200 <= status <= 299:
        raise DeliveryError(f"webhook at {host}: answered {status}")


def _connect(host: str, port: int, anywhere: bool) -> socket.socket:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    if not anywhere:
        for *_, place in found:
            address = ipaddress.ip_address(str(place[0]).partition("%")[0])
            if not is_public(address):
                raise DeliveryRefused(f"webhook at {host}: {address} is not public; FOOTFALL_WEBHOOK_ADDRESSES=any "
                                      "allows it")
    failure: OSError | None = None
    until = time.monotonic() + TIMEOUT_SECONDS
    for family, kind, protocol, _, place in found:
        sock = socket.socket(family, kind, protocol)
        try:
            # The last of them may have as long as there is left, and none waits for ever.
            sock.settimeout(max(until - time.monotonic(), 0.1))
            sock.connect(place)
            sock.settimeout(TIMEOUT_SECONDS)
            return sock
        except OSError as error:
            sock.close()
            failure = error
    raise failure or OSError("has no address")


def is_public(address: Address) -> bool:
    """Tell whether an address is everybody's, also one that stands for another."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _cut(connection: http.client.HTTPConnection) -> None:
    # Whoever has not connected yet has a timeout of its own; whoever has an answer needs nothing any more.
    with contextlib.suppress(OSError, AttributeError):
        connection.sock.shutdown(socket.SHUT_RDWR)
