"""Sets of networks in which an address is found at once, however many there are."""

from __future__ import annotations

import ipaddress
from bisect import bisect_right
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from footfall.config import Network

#: Bits of an address that are zeroed where only a part of it is kept, by version: see ``kept_address``.
_CUT_BITS = {4: 8, 6: 80}


class _Span(NamedTuple):
    """The addresses from one to another, both included, as numbers."""

    version: int
    low: int
    high: int


class NetworkSet:
    """A set of networks of both versions; those that overlap or touch are one range."""

    def __init__(self, networks: Iterable[Network] = ()) -> None:
        self._starts: dict[int, list[int]] = {4: [], 6: []}
        self._ends: dict[int, list[int]] = {4: [], 6: []}
        for version, low, high in sorted((each.version, int(each[0]), int(each[-1])) for each in networks):
            starts, ends = self._starts[version], self._ends[version]
            if ends and low <= ends[-1] + 1:
                ends[-1] = max(ends[-1], high)
            else:
                starts.append(low)
                ends.append(high)

    def hold(self, address: str, *, is_cut: bool = False) -> bool:
        """Tell whether an address is in one of them; what is no address is in none.

        :param is_cut: the address may be one of which only a part was kept: if it ends as those do, all that it may
            have been must be in there.
        """
        span = _span(address, is_cut)
        if span is None:
            return False
        place = bisect_right(self._starts[span.version], span.low) - 1
        return place >= 0 and span.high <= self._ends[span.version][place]


def read_networks(text: str) -> NetworkSet:
    """Return the networks of a text: one a line, ``#`` begins a remark.

    :raises ValueError: a line is none; the message has its number.
    """
    networks = []
    for number, line in enumerate(text.splitlines(), 1):
        if network := line.partition("#")[0].strip():
            try:
                networks.append(ipaddress.ip_network(network))
            except ValueError as error:
                raise ValueError(f"line {number}: {error}") from None
    return NetworkSet(networks)


@lru_cache(maxsize=16384)
def _span(address: str, is_cut: bool) -> _Span | None:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    number, rest = int(parsed), (1 << _CUT_BITS[parsed.version]) - 1
    return _Span(parsed.version, number, number | rest if is_cut and not number & rest else number)
