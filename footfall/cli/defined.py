"""``footfall goal``, ``footfall funnel`` and ``footfall annotation``: what is defined for a site."""

from __future__ import annotations

import click

from footfall import accounts, audit, goals
from footfall.cli.asked import goal_of
from footfall.cli.settings import with_settings
from footfall.config import Config
from footfall.errors import UsageError
from footfall.goals import Annotation, Funnel, Goal
from footfall.storage import Store
from footfall.stores import open_store


@click.group()
def goal() -> None:
    """Add, list and remove a site's goals."""


@goal.command("add")
@click.argument("site_id", metavar="SITE")
@click.argument("name", metavar="NAME")
@click.argument("form", metavar="GOAL")
@with_settings()
def add_goal(config: Config, site_id: str, name: str, form: str) -> None:
    """Add a goal of SITE under a NAME: /PAGE, with * for anything, the name of an event, or JSON."""
    with open_store(config=config) as store:
        made = goals.add_goal(store, site_id, name, goal_of(form, "GOAL"))
        _note(store, "goal.add", site_id, made)
    click.echo(f"Added goal {made.id} of {site_id}: {made.name}.")


@goal.command("list")
@click.argument("site_id", metavar="SITE")
@with_settings()
def list_goals(config: Config, site_id: str) -> None:
    """List SITE's goals: their ids, names, and what they are."""
    with open_store(config=config) as store:
        for each in goals.goals(store, accounts.find(store, site_id).id):
            click.echo(f"{each.id}\t{each.name}\t{goals.described(each.form)}")


@goal.command("remove")
@click.argument("site_id", metavar="SITE")
@click.argument("goal_id", metavar="ID")
@with_settings()
def remove_goal(config: Config, site_id: str, goal_id: str) -> None:
    """Remove the goal ID of SITE."""
    with open_store(config=config) as store:
        removed = goals.remove_goal(store, site_id, goal_id)
        _note(store, "goal.remove", site_id, removed)
    click.echo(f"Removed goal {removed.id} of {site_id}: {removed.name}.")


@click.group()
def funnel() -> None:
    """Add, list and remove a site's funnels."""


@funnel.command("add")
@click.argument("site_id", metavar="SITE")
@click.argument("name", metavar="NAME")
@click.argument("steps", metavar="STEP...", nargs=-1, required=True)
@click.option("--within", default="visit", show_default=True, metavar="SECONDS",
              help="In how many seconds a visitor must take all steps; `visit`: in one visit.")
@with_settings()
def add_funnel(config: Config, site_id: str, name: str, steps: tuple[str, ...], within: str) -> None:
    """Add a funnel of SITE under a NAME; each STEP is /PAGE, with * for anything, the name of an event, or JSON."""
    with open_store(config=config) as store:
        made = goals.add_funnel(store, site_id, name, [goal_of(step, "STEP") for step in steps], _within(within))
        _note(store, "funnel.add", site_id, made)
    click.echo(f"Added funnel {made.id} of {site_id}: {made.name}.")


@funnel.command("list")
@click.argument("site_id", metavar="SITE")
@with_settings()
def list_funnels(config: Config, site_id: str) -> None:
    """List SITE's funnels: their ids, names, what they are within, and their steps."""
    with open_store(config=config) as store:
        for each in goals.funnels(store, accounts.find(store, site_id).id):
            steps = " > ".join(map(goals.described, each.steps))
            click.echo(f"{each.id}\t{each.name}\t{each.within}\t{steps}")


@funnel.command("remove")
@click.argument("site_id", metavar="SITE")
@click.argument("funnel_id", metavar="ID")
@with_settings()
def remove_funnel(config: Config, site_id: str, funnel_id: str) -> None:
    """Remove the funnel ID of SITE."""
    with open_store(config=config) as store:
        removed = goals.remove_funnel(store, site_id, funnel_id)
        _note(store, "funnel.remove", site_id, removed)
    click.echo(f"Removed funnel {removed.id} of {site_id}: {removed.name}.")


@click.group()
def annotation() -> None:
    """Add, list and remove a site's annotations."""


@annotation.command("add")
@click.argument("site_id", metavar="SITE")
@click.argument("day", metavar="DAY")
@click.argument("text", metavar="TEXT")
@with_settings()
def add_annotation(config: Config, site_id: str, day: str, text: str) -> None:
    """Add an annotation of SITE: TEXT that is shown at DAY, such as 2026-01-31."""
    with open_store(config=config) as store:
        made = goals.add_annotation(store, site_id, day, text)
        _note(store, "annotation.add", site_id, made)
    click.echo(f"Added annotation {made.id} of {site_id} at {made.day}.")


@annotation.command("list")
@click.argument("site_id", metavar="SITE")
@with_settings()
def list_annotations(config: Config, site_id: str) -> None:
    """List SITE's annotations: their ids, days, texts, and who wrote them."""
    with open_store(config=config) as store:
        for each in goals.annotations(store, accounts.find(store, site_id).id):
            click.echo(f"{each.id}\t{each.day}\t{each.text}\t{each.by or '-'}")


@annotation.command("remove")
@click.argument("site_id", metavar="SITE")
@click.argument("annotation_id", metavar="ID")
@with_settings()
def remove_annotation(config: Config, site_id: str, annotation_id: str) -> None:
    """Remove the annotation ID of SITE."""
    with open_store(config=config) as store:
        removed = goals.remove_annotation(store, site_id, annotation_id)
        _note(store, "annotation.remove", site_id, removed)
    click.echo(f"Removed annotation {removed.id} of {site_id} at {removed.day}.")


def _note(store: Store, action: str, site: str, about: Goal | Funnel | Annotation) -> None:
    name = about.text if isinstance(about, Annotation) else about.name
    audit.note(store, action, by=audit.COMMAND_LINE, site=site, detail=f"{about.id} {name}")


def _within(given: str) -> object:
    if given == "visit":
        return given
    try:
        return float(given) if "." in given else int(given)
    except ValueError:
        raise UsageError(f"--within={given!r}: must be seconds, or visit") from None
