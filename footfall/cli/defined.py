"""``footfall goal``, ``footfall funnel`` and ``footfall annotation``: what is defined for a site."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from footfall import accounts, audit, goals
from footfall.cli.asked import goal_of
from footfall.cli.settings import with_settings
from footfall.config import Config
from footfall.errors import UsageError
from footfall.goals import Annotation, Funnel, Goal
from footfall.storage import Store
from footfall.stores import open_store

Defined = Goal | Funnel | Annotation


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
        _done(store, "goal", "Added", site_id, goals.add_goal(store, site_id, name, goal_of(form, "GOAL")))


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
        _done(store, "funnel", "Added", site_id, made)


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
        _done(store, "annotation", "Added", site_id, goals.add_annotation(store, site_id, day, text))


def _add_list(group: click.Group, told: str, every: Callable[[Store, str], Sequence[Any]],
              cells: Callable[[Any], Sequence[object]]) -> None:
    """Give a group the command that lists a site's definitions of its kind, in columns.

    :param told: the columns, in words.
    """
    @group.command("list", help=f"List SITE's {group.name}s: {told}.")
    @click.argument("site_id", metavar="SITE")
    @with_settings()
    def list_(config: Config, site_id: str) -> None:
        with open_store(config=config) as store:
            for each in every(store, accounts.find(store, site_id).id):
                click.echo("\t".join(map(str, cells(each))))


def _add_remove(group: click.Group, remove: Callable[[Store, str, str], Defined]) -> None:
    """Give a group the command that removes one of a site's definitions."""
    kind = str(group.name)

    @group.command("remove", help=f"Remove the {kind} ID of SITE.")
    @click.argument("site_id", metavar="SITE")
    @click.argument("definition_id", metavar="ID")
    @with_settings()
    def remove_(config: Config, site_id: str, definition_id: str) -> None:
        with open_store(config=config) as store:
            _done(store, kind, "Removed", site_id, remove(store, site_id, definition_id))


_add_list(goal, "their ids, names, and what they are", goals.goals,
          lambda each: (each.id, each.name, goals.described(each.form)))
_add_list(funnel, "their ids, names, what they are within, and their steps", goals.funnels,
          lambda each: (each.id, each.name, each.within, " > ".join(map(goals.described, each.steps))))
_add_list(annotation, "their ids, days, texts, and who wrote them", goals.annotations,
          lambda each: (each.id, each.day, each.text, each.by or "-"))
_add_remove(goal, goals.remove_goal)
_add_remove(funnel, goals.remove_funnel)
_add_remove(annotation, goals.remove_annotation)


def _done(store: Store, kind: str, done: str, site: str, about: Defined) -> None:
    """Note and tell that a definition was added, or removed."""
    name, told = ((about.text, f" at {about.day}") if isinstance(about, Annotation)
                  else (about.name, f": {about.name}"))
    audit.note_command(store, f"{kind}.{'add' if done == 'Added' else 'remove'}", site, f"{about.id} {name}")
    click.echo(f"{done} {kind} {about.id} of {site}{told}.")


def _within(given: str) -> object:
    if given == "visit":
        return given
    try:
        return float(given) if "." in given else int(given)
    except ValueError:
        raise UsageError(f"--within={given!r}: must be seconds, or visit") from None
