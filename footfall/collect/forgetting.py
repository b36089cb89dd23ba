"""Forgetting as one machine does it: what is in the store, and what is in this machine's outbox before it."""

from __future__ import annotations

import ipaddress
from collections import Counter
from contextlib import closing

from footfall import erasure
from footfall.collect import outbox
from footfall.columns import VISITOR_BYTES
from footfall.config import Config, Network
from footfall.erasure import Selection
from footfall.pageview import kept_address
from footfall.storage import Store

#: What is counted of the outbox of this machine, beside the families of the store.
OUTBOX = "outbox"
#: Where something may be that is removed, and what it is called.
PLACES = {"PageViews": "page-views", "Events": "custom events", "Filtered": "filtered out",
          "Visitors": "steps of visitors", "Retries": "marks of retries", OUTBOX: "in the outbox of this machine"}


def count(config: Config, store: Store, selection: Selection) -> Counter[str]:
    """Return how much :func:`forget` would remove, by place.

    :raises StoreUnavailable: the store did not answer.
    """
    found = erasure.count(store, selection)
    if outbox.is_wanted(config):
        with closing(outbox.open_outbox(config)) as opened:
            found[OUTBOX] = opened.count(selection.takes_column)
    return found


def forget(config: Config, store: Store, selection: Selection) -> Counter[str]:
    """Remove events and what belongs to them; return how much of it, by place.

    :raises StoreUnavailable: as :func:`footfall.erasure.forget`.
    """
    waiting = 0
    # From where they come first: what the forwarder has under way is in the store when this returns.
    if outbox.is_wanted(config):
        with closing(outbox.open_outbox(config)) as opened:
            waiting = opened.forget(selection.takes_column)
    removed = erasure.forget(store, selection)
    removed[OUTBOX] = waiting
    return removed


def told(counts: Counter[str]) -> list[tuple[str, int]]:
    """Return what there is of each place, by what it is called; of page-views and events also if that is nothing."""
    return [(meaning, counts[name]) for name, meaning in PLACES.items()
            if counts[name] or name in ("PageViews", "Events")]


def visitor_of(text: str) -> bytes:
    """Return the visitor that a text names.

    :raises ValueError: it names none.
    """
    try:
        visitor = bytes.fromhex(text)
    except ValueError:
        visitor = b""
    if len(visitor) != VISITOR_BYTES:
        raise ValueError(f"must be {2 * VISITOR_BYTES} hexadecimal digits, as in an event's field visitor")
    return visitor


def network_of(text: str) -> Network:
    """Return the network that a text names, an address being one of itself alone.

    :raises ValueError: it names none.
    """
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise ValueError(f"must be an address, or a network such as 192.0.2.0/24 ({error})") from None


def hint(config: Config, selection: Selection) -> str:
    """Return why nothing may have been found of an address, if that is how addresses are kept."""
    if selection.network is None or selection.network.num_addresses > 1:
        return ""
    if config.ip == "none":
        return "FOOTFALL_IP=none: no address is kept."
    address = str(selection.network.network_address)
    kept = kept_address(address, config.ip)
    return "" if kept == address else f"FOOTFALL_IP={config.ip}: it is kept as {kept}, as its neighbours are."


def shown(selection: Selection) -> str:
    """Return which events are meant, in a few words."""
    if selection.visitor is not None:
        return f"visitor {selection.visitor.hex()}"
    if selection.network is not None:
        one = selection.network.num_addresses == 1
        return f"from {selection.network.network_address if one else selection.network}"
    return f"before {selection.before:%Y-%m-%d %H:%M} UTC"
