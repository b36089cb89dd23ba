"""``footfall demo``: made-up traffic to try everything on."""

from __future__ import annotations

from datetime import UTC, date, datetime

import click

from footfall import accounts
from footfall.cli.progress import Progress
from footfall.cli.settings import with_settings
from footfall.config import Config
from footfall.errors import UsageError
from footfall.pageview import check_account
from footfall.salts import MODES
from footfall.stores import open_store
from footfall.transfer import demo as traffic
from footfall.transfer.demo.pages import ORIGIN

#: The first day that may be asked for.
EARLIEST = date(1970, 1, 1)
MOST_VIEWS = 10**10
MOST_SEED = 2**63 - 1


@click.command()
@click.option("--site", "site_id", default="demo", show_default=True, metavar="ID",
              help="The site that gets it; it is added if there is none.")
@click.option("--days", default=90, show_default=True, type=click.IntRange(1, 3650), help="How many days.")
@click.option("--until", metavar="DAY", help="The last of them, UTC, such as 2026-03-31. [today]")
@click.option("--views", default=100_000, show_default=True, type=click.IntRange(1, MOST_VIEWS),
              help="How many page-views, exactly; other events come on top.")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0, MOST_SEED),
              help="Another number makes other traffic.")
@click.option("--visitors", default=MODES[0], show_default=True, type=click.Choice([*MODES, "cookie"]),
              help="How visitors are told apart, as with FOOTFALL_VISITORS.")
@click.option("--force", is_flag=True, help="Add to the events that the site has of these days.")
@click.option("--progress", is_flag=True, help="Tell how far it is also where standard error is no terminal.")
@with_settings("RETENTION", "CASSANDRA_USERNAME", "CASSANDRA_CA")
def demo(config: Config, site_id: str, days: int, until: str | None, views: int, seed: int, visitors: str, force: bool,
         progress: bool) -> None:
    """Write made-up traffic of a blog into the store: visits, sources, browsers, places, events, bots.

    The same options write the same, wherever it is, and again add nothing; what was cut off goes on where it was. The
    last day is written whole, also where it is today.
    """
    plan = traffic.Plan(check_account(site_id), _day(until), days, views, seed, visitors)
    if plan.until.toordinal() - days + 1 < EARLIEST.toordinal():
        raise UsageError(f"--days={days}: begins before {EARLIEST}")
    with open_store(config=config) as store:
        first = traffic.begin(store, plan, config.retention, force=force)
        if first:
            click.echo(f"footfall: goes on with {plan.day(first)}, where it was cut off", err=True)
        if all(account.id != site_id for account in accounts.all_accounts(store)):
            accounts.add(store, site_id, ORIGIN)
            click.echo(f"Added {site_id}.")
        with Progress("page-views", wanted=progress) as drawn:
            written = traffic.write(store, plan, first, config.retention,
                                    lambda so_far: drawn.step(so_far.days, so_far.views))
    mean = written.value_bytes / max(written.views, 1)
    click.echo(f"{site_id}: {written.views:,} page-views (mean {mean:.0f} bytes), {written.events:,} other events, "
               f"{written.apart:,} kept apart; {plan.day(first)} to {plan.until}.")


def _day(text: str | None) -> date:
    if text is None:
        return datetime.now(UTC).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--until={text!r}: must be a day such as 2026-03-31") from None
