"""``footfall filtered``: what is kept apart of a site, why, and the way back."""

from __future__ import annotations

import json
import shutil
from collections import Counter, deque
from datetime import UTC, datetime

import click

from footfall import accounts, timeuuid
from footfall.cli.asked import moment
from footfall.cli.cache import follow
from footfall.cli.settings import Command, with_settings
from footfall.cli.tables import counted, table
from footfall.collect.filters import RULES, Rules, lists_of, rule_of
from footfall.collect.moving import Range, apply_rules, is_for, restore
from footfall.collect.moving import filtered as filtered_events
from footfall.config import Config
from footfall.pageview import Event
from footfall.stores import open_store


def with_range(command: Command) -> Command:
    """Give a command the flags of a range of time."""
    since = click.option("--since", metavar="DAY", help="First day, or instant, UTC. [the first there is]")
    until = click.option("--until", metavar="DAY", help="Last day, itself included; an instant is left out itself.")
    decorated: Command = since(until(command))
    return decorated


@click.group()
def filtered() -> None:
    """Show what is kept apart, put it back, apply rules to the past."""


@filtered.command("list")
@click.argument("site_id", metavar="SITE")
@with_range
@click.option("--reason", metavar="REASON", help="Only this rule's, such as bot, or this very reason's.")
@click.option("--limit", default=10, show_default=True, type=click.IntRange(1), help="Rows of a table.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@with_settings()
def list_(config: Config, site_id: str, since: str | None, until: str | None, reason: str | None, limit: int,
          as_json: bool) -> None:
    """Show how many events of SITE are kept apart, by rule and by reason, and the newest of them."""
    rules: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    newest: deque[Event] = deque(maxlen=limit)
    with open_store(config=config) as store:
        accounts.find(store, site_id)
        for event in filtered_events(store, site_id, _range(since, until)):
            if is_for(event.fields, reason):
                reasons[event.fields["reason"]] += 1
                rules[rule_of(event.fields["reason"])] += 1
                newest.appendleft(event)
    if as_json:
        click.echo(json.dumps({
            "site": site_id, "events": rules.total(), "by_rule": dict(rules.most_common()),
            "by_reason": dict(reasons.most_common()), "newest": [_told(event) for event in newest],
        }, ensure_ascii=False, indent=2))
        return
    click.echo(f"{site_id}: {rules.total():,} events are kept apart")
    width = shutil.get_terminal_size().columns
    for title, counts in (("By rule", rules), ("By reason", reasons)):
        rows = [counted(*each) for each in counts.most_common(limit)]
        click.echo(f"\n{table(title, ('events',), rows, width)}")
    click.echo("\nThe newest")
    for told in map(_told, newest):
        click.echo(f"  {told['time'][:19]}  {told['reason']}  {told['url']}  {told['user_agent']}"[:max(width, 80)])


@filtered.command("restore")
@click.argument("site_id", metavar="SITE")
@with_range
@click.option("--reason", metavar="REASON", help="Only this rule's, such as bot, or this very reason's.")
@click.option("--applied", is_flag=True, help="Only those that `footfall filtered apply` took from the counted ones.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_settings()
def restore_(config: Config, site_id: str, since: str | None, until: str | None, reason: str | None, applied: bool,
             yes: bool) -> None:
    """Put events of SITE that are kept apart back, so that they count.

    Rules that are applied later pass them over. Cut off, it is completed by running it again.
    """
    with open_store(config=config) as store:
        accounts.find(store, site_id)
        what = f"those for {reason}" if reason else "all events"
        if not yes:
            click.confirm(f"Put back {what} that are kept apart of {site_id}"
                          f"{', taken there by apply' if applied else ''}, so that they count?", abort=True)
        reasons = restore(store, site_id, lambda fields: is_for(fields, reason) and (
            not applied or fields.get("applied", False)), _range(since, until))
        follow(config, store, site_id)
    click.echo(f"Put back {reasons.total():,} events of {site_id}.")


@filtered.command()
@click.argument("site_id", metavar="SITE")
@with_range
@click.option("--rule", "rules", multiple=True, type=click.Choice(list(RULES)),
              help="Only this rule; may be given again. [all]")
@click.option("--restored", is_flag=True, help="Also the events that were put back.")
@click.option("--dry-run", is_flag=True, help="Only tell what the rules find.")
@with_settings("DATACENTRES", "SPAM_REFERRERS")
def apply(config: Config, site_id: str, since: str | None, until: str | None, rules: tuple[str, ...], restored: bool,
          dry_run: bool) -> None:
    """Apply SITE's present rules to what is counted: what they find is kept apart.

    `footfall filtered restore SITE --applied` undoes it. Cut off, it is completed by running it again.
    """
    with open_store(config=config) as store:
        wanted = Rules(accounts.find(store, site_id).settings, lists_of(config), rules or RULES)
        reasons = apply_rules(store, site_id, wanted, _range(since, until), again=restored, move=not dry_run)
        follow(config, store, site_id)
    click.echo(f"{reasons.total():,} events of {site_id} {'would be' if dry_run else 'are now'} kept apart.")
    if reasons:
        rows = [counted(*each) for each in reasons.most_common()]
        click.echo(table("By reason", ("events",), rows, shutil.get_terminal_size().columns))


def _range(since: str | None, until: str | None) -> Range:
    return Range(moment("--since", since) if since else None, moment("--until", until, end=True) if until else None)


def _told(event: Event) -> dict[str, str]:
    """Return what is shown of an event."""
    when: datetime = timeuuid.datetime_of(event.id).astimezone(UTC)
    return {"time": when.isoformat(), "reason": event.fields["reason"], "url": event.fields["url"],
            "event": event.fields.get("event", ""), "referrer": event.fields["referrer"],
            "user_agent": event.fields["user_agent"]}
