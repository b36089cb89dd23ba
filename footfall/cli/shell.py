"""``footfall shell``: Python with the raw data at hand."""

from __future__ import annotations

import code
import os
from datetime import UTC, date, datetime, timedelta
from typing import Any

import click

from footfall import accounts
from footfall.cli.settings import with_settings
from footfall.config import Config


@click.command()
@click.option("-c", "--command", metavar="CODE", help="Run this instead of asking; a lone expression is printed.")
@with_settings()
def shell(config: Config, command: str | None) -> None:
    """Open a Python shell with PageViews, query, map_reduce, prep_query and the recipes ready.

    It is IPython where that is installed.
    """
    # The families, and workers of an executor, read the settings for themselves.
    os.environ["FOOTFALL_DATA"] = str(config.data.absolute())
    os.environ["FOOTFALL_STORE"] = config.store_url
    names = namespace()
    if command is not None:
        exec(compile(command, "<command>", "exec" if "\n" in command else "single"), names)  # noqa: S102 - its very purpose
        return
    banner = _banner(names)
    try:
        from IPython import start_ipython
        from traitlets.config import Config as IPythonConfig
    except ImportError:
        code.interact(banner, local=names, exitmsg="")
    else:
        settings = IPythonConfig()
        settings.TerminalInteractiveShell.banner1 = banner + "\n"
        start_ipython(argv=[], user_ns=names, config=settings)


def namespace() -> dict[str, Any]:
    """Return the names that the shell begins with."""
    import msgpack

    from footfall import recipes
    from footfall.analysis import map_reduce, prep_query, visitor
    from footfall.errors import NotFoundException
    from footfall.reports.asking import cohorts, funnel, live, paths, query
    from footfall.stores import Events, Filtered, PageViews, Visitors, default_store
    from footfall.timeuuid import convert_time_to_uuid, convert_uuid_to_time

    return {"PageViews": PageViews, "Events": Events, "Filtered": Filtered, "Visitors": Visitors,
            "query": query, "funnel": funnel, "cohorts": cohorts, "paths": paths, "live": live,
            "map_reduce": map_reduce, "prep_query": prep_query, "visitor": visitor,
            "recipes": recipes, **recipes.RECIPES, "store": default_store(),
            "convert_time_to_uuid": convert_time_to_uuid, "convert_uuid_to_time": convert_uuid_to_time,
            "NotFoundException": NotFoundException, "msgpack": msgpack,
            "date": date, "datetime": datetime, "timedelta": timedelta, "UTC": UTC}


def _banner(names: dict[str, Any]) -> str:
    sites = [account.id for account in accounts.all_accounts(names["store"])]
    first = sites[0] if sites else "blog"
    today = datetime.now(UTC).date()
    return f"""footfall: PageViews, Events, Filtered, map_reduce, prep_query, the recipes, and
query, funnel, cohorts, paths, live are ready.
Sites: {', '.join(sites) or 'none yet'}

  for name, view in PageViews.xget("{today:%Y%m%d}.{first}"): print(view["url"])
  start, end = date({today.year}, {today.month}, 1), date.today() + timedelta(1)
  map_reduce("{first}", start, end, *views_by_url, {{}}).most_common(10)
  query("{first}", ["visitors", "views", "bounce_rate"], start, end, by=["page"], limit=10)
"""
