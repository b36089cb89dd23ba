"""``footfall forget``: a reader's events, or old ones, removed wherever they lie."""

from __future__ import annotations

import ipaddress
import json
from collections import Counter
from contextlib import ExitStack, closing

import click

from footfall import accounts, erasure
from footfall.cli.asked import moment
from footfall.cli.cache import follow
from footfall.cli.settings import with_settings
from footfall.collect import outbox
from footfall.columns import VISITOR_BYTES
from footfall.config import Config, Network
from footfall.erasure import Selection
from footfall.errors import UsageError
from footfall.pageview import check_account, kept_address
from footfall.stores import open_store

#: What is counted of the outbox of this machine, beside the families of the store.
OUTBOX = "outbox"
_PLACES = {"PageViews": "page-views", "Events": "custom events", "Filtered": "filtered out",
           "Visitors": "steps of visitors", "Retries": "marks of retries", OUTBOX: "in the outbox of this machine"}


@click.command()
@click.option("--site", "site_id", required=True, metavar="ID", help="The site whose events are meant.")
@click.option("--visitor", metavar="HEX", help="Those of a visitor: the 16 digits of an event's field `visitor`.")
@click.option("--ip", "address", metavar="ADDRESS", help="Those from an address, as it is kept, or from a network such "
              "as 192.0.2.0/24.")
@click.option("--before", metavar="DATE", help="Those of before a day (UTC), or an instant.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Tell what was removed as JSON.")
@with_settings("CASSANDRA_USERNAME", "CASSANDRA_CA")
def forget(config: Config, site_id: str, visitor: str | None, address: str | None, before: str | None, yes: bool,
           as_json: bool) -> None:
    """Remove events of a site for good: a visitor's, an address's, or the old ones.

    Removes page-views, custom events, what was filtered out, the visitors' steps and the marks that belong to them, and
    the same events in this machine's outbox and in the facts that it keeps.
    """
    selection = select(site_id, visitor, address, before)
    with ExitStack() as stack:
        opened = stack.enter_context(closing(outbox.open_outbox(config))) if outbox.is_wanted(config) else None
        store = stack.enter_context(open_store(config=config))
        if not yes:
            found = erasure.count(store, selection)
            found[OUTBOX] = opened.count(selection.takes_column) if opened else 0
            click.echo(f"{site_id}, {_shown(selection)}:\n{told(found)}", err=True)
            if found.total():
                click.confirm("Remove them for good?", abort=True, err=True)
        # From where they come first: what the forwarder has under way is in the store when this returns.
        waiting = opened.forget(selection.takes_column) if opened else 0
        removed = erasure.forget(store, selection)
        removed[OUTBOX] = waiting
        follow(config, store, site_id)
        if not removed.total():
            accounts.find(store, site_id)
    if as_json:
        click.echo(json.dumps({"site": site_id, "removed": {name: removed[name] for name in _PLACES}}, indent=2))
        return
    click.echo(f"Removed of {site_id}, {_shown(selection)}:\n{told(removed)}")
    if not removed.total() and (hint := _hint(config, selection)):
        click.echo(hint)


def select(site_id: str, visitor: str | None, address: str | None, before: str | None) -> Selection:
    """Return which events are meant.

    :raises UsageError: not exactly one of the three is given, or it is not one that can be.
    """
    if sum(each is not None for each in (visitor, address, before)) != 1:
        raise UsageError("--visitor, --ip, --before: give one of them")
    selection = Selection(check_account(site_id))
    if visitor is not None:
        return selection._replace(visitor=_visitor(visitor))
    if address is not None:
        return selection._replace(network=_network(address))
    return selection._replace(before=moment("--before", before or ""))


def told(counts: Counter[str]) -> str:
    """Return the counts as text, a line each."""
    return "\n".join(f"{counts[name]:>10,} {meaning}" for name, meaning in _PLACES.items()
                     if counts[name] or name in ("PageViews", "Events"))


def _visitor(text: str) -> bytes:
    try:
        visitor = bytes.fromhex(text)
    except ValueError:
        visitor = b""
    if len(visitor) != VISITOR_BYTES:
        raise UsageError(f"--visitor={text!r}: must be {2 * VISITOR_BYTES} hexadecimal digits, as in an event's field "
                         "visitor")
    return visitor


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise UsageError(f"--ip={text!r}: must be an address, or a network such as 192.0.2.0/24 ({error})") from None


def _shown(selection: Selection) -> str:
    if selection.visitor is not None:
        return f"visitor {selection.visitor.hex()}"
    if selection.network is not None:
        one = selection.network.num_addresses == 1
        return f"from {selection.network.network_address if one else selection.network}"
    return f"before {selection.before:%Y-%m-%d %H:%M} UTC"


def _hint(config: Config, selection: Selection) -> str:
    """Return why nothing may have been found of an address, if that is how addresses are kept."""
    if selection.network is None or selection.network.num_addresses > 1:
        return ""
    if config.ip == "none":
        return "FOOTFALL_IP=none: no address is kept."
    address = str(selection.network.network_address)
    kept = kept_address(address, config.ip)
    return "" if kept == address else f"FOOTFALL_IP={config.ip}: it is kept as {kept}, as its neighbours are."
