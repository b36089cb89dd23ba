"""``footfall stats``: a site's numbers in the terminal, or as JSON, CSV or Markdown."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from datetime import datetime, timedelta, tzinfo
from functools import partial

import click

from footfall import accounts
from footfall.cli import telling
from footfall.cli.asked import filter_of, goal_of, grain_of, midnight, moment, order_of
from footfall.cli.settings import with_settings
from footfall.cli.telling import Told, all_of
from footfall.config import Config
from footfall.errors import UsageError
from footfall.reports.recent import last_days
from footfall.storage import Store
from footfall.stores import open_store

#: What is told of the whole range, and of each row of a table, when nothing is asked for.
WHOLE = ("views", "visits", "visitors", "bounce_rate", "visit_duration", "views_per_visit")
OF_ROWS = ("views", "visits", "visitors")
#: The same where a table is by what page-views have not.
OF_EVENTS = ("events", "visits", "visitors")
#: The tables that are shown when none is asked for, if there is something in them.
TABLES = ("page", "source", "search_term", "country", "browser", "device")


@click.command()
@click.argument("site_id", metavar="SITE")
@click.option("--by", "dimensions", metavar="DIM", multiple=True,
              help="A table by this dimension of docs/metrics.md, such as page, channel or prop:plan; may be given "
                   f"again. [{', '.join(TABLES)}]")
@click.option("--metric", "metrics", metavar="NAME", multiple=True,
              help=f"Tell this metric; may be given again. [{', '.join(WHOLE)}; of rows {', '.join(OF_ROWS)}]")
@click.option("--since", metavar="DAY", help="First day, or instant. [the last 30 days, or the newest 30]")
@click.option("--until", metavar="DAY", help="Last day, itself included; an instant is left out itself.")
@click.option("--tz", default="UTC", show_default=True, metavar="NAME", help="Time zone, such as Europe/Berlin.")
@click.option("--compare", type=click.Choice(["previous", "year"]),
              help="Beside as long a time just before, or the same a year before.")
@click.option("--where", "conditions", metavar="CONDITION", multiple=True,
              help="DIM OPERATOR VALUE[,VALUE], such as 'page matches /blog/*'; may be given again, all must hold.")
@click.option("--filter", "form", metavar="JSON", help="A filter in full, as docs/metrics.md has it.")
@click.option("--goal", metavar="GOAL",
              help="Of which conversion_rate tells: /PAGE, with * for anything, the NAME of an event, or JSON.")
@click.option("--order", metavar="NAME", multiple=True,
              help="Order rows by a metric, or dimension, 'NAME asc' or 'NAME desc'; may be given again. [the first "
                   "metric]")
@click.option("--limit", default=10, show_default=True, type=click.IntRange(1), help="Rows of a table, but for times.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="As CSV: dimension, value, metrics.")
@click.option("--md", "as_md", is_flag=True, help="As Markdown.")
@with_settings()
def stats(config: Config, site_id: str, dimensions: tuple[str, ...], metrics: tuple[str, ...], since: str | None,
          until: str | None, tz: str, compare: str | None, conditions: tuple[str, ...], form: str | None,
          goal: str | None, order: tuple[str, ...], limit: int, as_json: bool, as_csv: bool, as_md: bool) -> None:
    """Show SITE's numbers: the whole, its course, and the pages, sources, … that count most.

    docs/metrics.md says what each number means.
    """
    if as_json + as_csv + as_md > 1:
        raise UsageError("--json, --csv and --md: only one of them")
    # The engine takes longer to import than most commands take.
    from footfall.reports.asking import days_of
    from footfall.reports.buckets import zone_of
    from footfall.reports.cache import open_cache
    from footfall.reports.query import Query, run

    zone = zone_of(tz)
    wanted = dimensions or (("day", *TABLES) if as_json or as_csv else TABLES)
    of_whole = metrics or (*WHOLE, *(("conversion_rate",) if goal else ()))
    of_rows = {dimension: metrics or (OF_EVENTS if dimension == "event" or dimension.startswith("prop:") else OF_ROWS)
               for dimension in wanted}
    pairs = order_of(order, all_of(of_rows.values()), wanted)
    width = shutil.get_terminal_size().columns
    with open_store(config=config) as store:
        accounts.find(store, site_id)
        span = _span(store, site_id, since, until, zone)
        ask = partial(Query, since=span[0], until=span[1], tz=tz, compare=compare, where=filter_of(conditions, form),
                      goal=goal_of(goal) if goal else None)
        grain = grain_of(span, width)
        days = days_of(open_cache(config, store), site_id)
        whole = run(ask(of_whole), days)
        course = run(ask(of_whole[:1], by=(grain,)), days)
        tables = {}
        for dimension, names in of_rows.items():
            own = [pair for pair in pairs if pair[0] in (*names, dimension)]
            most = None if dimension in ("hour", "day", "week", "month") else limit
            tables[dimension] = run(ask(names, by=(dimension,), order=own or None, limit=most), days)
    told = Told(site_id, tz, span, _compared(compare, span, zone), whole, grain, course, tables)
    if as_json:
        click.echo(json.dumps(telling.as_json(told), ensure_ascii=False, indent=2))
        return
    if as_csv:
        csv.writer(sys.stdout, lineterminator="\n").writerows(telling.as_csv(told))
        return
    if not dimensions:
        told = told.without_empty()
    if not metrics:
        told = told.without_visitors()
    click.echo("\n".join(telling.as_markdown(told) if as_md else telling.as_text(told, width)))


def _span(store: Store, site: str, since: str | None, until: str | None, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return the range that is asked for, or else the last days there are."""
    start = moment("--since", since, zone=zone) if since else None
    end = moment("--until", until, end=True, zone=zone) if until else None
    if start is None or end is None:
        recent = last_days(store, site, 30, zone=zone)
        if start is None:
            start = midnight(recent.since, zone) if end is None else end - timedelta(days=30)
        end = end or max(midnight(recent.until, zone), start)
    if end < start:
        raise UsageError(f"--until={until}: is before --since={since}")
    return start, end


def _compared(compare: str | None, span: tuple[datetime, datetime], zone: tzinfo) -> tuple[datetime, datetime] | None:
    from footfall.reports.buckets import local
    from footfall.reports.ranges import compared, span_of

    if compare is None:
        return None
    other = compared(compare, span_of(*span, zone), zone)
    return local(other.since, zone), local(other.until, zone)
