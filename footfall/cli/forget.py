"""``footfall forget``: a reader's events, or old ones, removed wherever they lie."""

from __future__ import annotations

import json
from collections import Counter

import click

from footfall import accounts
from footfall.cli.asked import moment
from footfall.cli.cache import follow
from footfall.cli.settings import with_settings
from footfall.collect import forgetting
from footfall.config import Config
from footfall.erasure import Selection
from footfall.errors import UsageError
from footfall.pageview import check_account
from footfall.stores import open_store


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
    shown = forgetting.shown(selection)
    with open_store(config=config) as store:
        if not yes:
            found = forgetting.count(config, store, selection)
            click.echo(f"{site_id}, {shown}:\n{told(found)}", err=True)
            if found.total():
                click.confirm("Remove them for good?", abort=True, err=True)
        removed = forgetting.forget(config, store, selection)
        follow(config, store, site_id)
        if not removed.total():
            accounts.find(store, site_id)
    if as_json:
        click.echo(json.dumps({"site": site_id, "removed": {name: removed[name] for name in forgetting.PLACES}},
                              indent=2))
        return
    click.echo(f"Removed of {site_id}, {shown}:\n{told(removed)}")
    if not removed.total() and (hint := forgetting.hint(config, selection)):
        click.echo(hint)


def select(site_id: str, visitor: str | None, address: str | None, before: str | None) -> Selection:
    """Return which events are meant.

    :raises UsageError: not exactly one of the three is given, or it is not one that can be.
    """
    if sum(each is not None for each in (visitor, address, before)) != 1:
        raise UsageError("--visitor, --ip, --before: give one of them")
    selection = Selection(check_account(site_id))
    try:
        if visitor is not None:
            return selection._replace(visitor=forgetting.visitor_of(visitor))
        if address is not None:
            return selection._replace(network=forgetting.network_of(address))
    except ValueError as error:
        flag = f"--ip={address!r}" if visitor is None else f"--visitor={visitor!r}"
        raise UsageError(f"{flag}: {error}") from None
    return selection._replace(before=moment("--before", before or ""))


def told(counts: Counter[str]) -> str:
    """Return the counts as text, a line each."""
    return "\n".join(f"{count:>10,} {meaning}" for meaning, count in forgetting.told(counts))
