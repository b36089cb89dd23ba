"""Writes small .mmdb files, as MaxMind's DB file format specification 2.0 has them."""

import ipaddress
import time

MARKER = b"\xab\xcd\xefMaxMind.com"


def mmdb(places):
    """Return a file that knows the records of networks.

    :param places: ``{"192.0.2.0/24": {"country": {"iso_code": "DE"}}}``; IPv4 lies at ``::/96`` of one IPv6 tree.
    """
    data, nodes = b"", [[None, None]]
    for network, record in places.items():
        net = ipaddress.ip_network(network)
        before = 96 if net.version == 4 else 0
        bits = f"{int(net.network_address):0{128 - before}b}"[:net.prefixlen].rjust(net.prefixlen + before, "0")
        node = 0
        for bit in map(int, bits[:-1]):
            if nodes[node][bit] is None:
                nodes.append([None, None])
                nodes[node][bit] = len(nodes) - 1
            node = nodes[node][bit]
        nodes[node][int(bits[-1])] = ("data", len(data))
        data += _encode(record)
    tree = b"".join(_pointer(side, len(nodes)).to_bytes(4, "big") for node in nodes for side in node)
    # libmaxminddb takes no other sizes of numbers than these.
    about = {"binary_format_major_version": 2, "binary_format_minor_version": 0, "build_epoch": int(time.time()),
             "database_type": "Test", "description": {"en": "Test"}, "ip_version": 6, "languages": ["en"],
             "node_count": len(nodes), "record_size": 32}
    return tree + bytes(16) + data + MARKER + _encode(about)


def _pointer(side, count):
    if side is None:
        return count
    return count + 16 + side[1] if isinstance(side, tuple) else side


def _encode(value, key=""):
    match value:
        case dict():
            return _head(7, len(value)) + b"".join(_encode(key) + _encode(value[key], key) for key in value)
        case list():
            return _head(11, len(value)) + b"".join(map(_encode, value))
        case str():
            return _head(2, len(value.encode())) + value.encode()
        case int():
            kind, size = {"node_count": (6, 4), "build_epoch": (9, 8)}.get(key, (5, 2))
            return _head(kind, size) + value.to_bytes(size, "big")


def _head(kind, size):
    """The control byte: three bits of the type, or 0 and the type less 7 in the next byte; then the size."""
    assert size < 29 + 256
    low, more = (size, b"") if size < 29 else (29, bytes([size - 29]))
    return (bytes([kind << 5 | low]) if kind < 8 else bytes([low, kind - 7])) + more
