"""``footfall user``: who may see the pages."""

from __future__ import annotations

import sys

import click

from footfall import users
from footfall.cli.settings import with_settings
from footfall.config import Config
from footfall.stores import open_store


@click.group()
def user() -> None:
    """Add, list and remove those who may see the pages."""


@user.command("add")
@click.argument("name")
@click.option("--if-none", is_flag=True, help="Only if there is no user yet.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input instead of making one.")
@with_settings()
def add(config: Config, name: str, if_none: bool, password_stdin: bool) -> None:
    """Add the user NAME; prints a password made for it, this once."""
    password = _password(password_stdin)
    with open_store(config=config) as store:
        if if_none and users.all_users(store):
            return
        users.add(store, name, password)
    _tell(f"Added {name}.", password, password_stdin)


@user.command("password")
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input instead of making one.")
@with_settings()
def password_(config: Config, name: str, password_stdin: bool) -> None:
    """Give the user NAME another password and end its sessions; prints the one made, this once."""
    password = _password(password_stdin)
    with open_store(config=config) as store:
        users.set_password(store, name, password)
    _tell(f"Changed {name}'s password.", password, password_stdin)


@user.command("list")
@with_settings()
def list_(config: Config) -> None:
    """List the users."""
    with open_store(config=config) as store:
        for entry in users.all_users(store):
            click.echo(f"{entry.name}\t{entry.created}")


@user.command("remove")
@click.argument("name")
@with_settings()
def remove(config: Config, name: str) -> None:
    """Remove the user NAME and end its sessions."""
    with open_store(config=config) as store:
        users.remove(store, name)
    click.echo(f"Removed {name}.")


def _password(from_stdin: bool) -> str:
    return sys.stdin.readline().rstrip("\r\n") if from_stdin else users.new_password()


def _tell(done: str, password: str, from_stdin: bool) -> None:
    click.echo(done if from_stdin else f"{done} Its password, shown only now: {password}")
