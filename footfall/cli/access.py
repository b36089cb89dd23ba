"""``footfall user``: who may see and change what."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import click

from footfall import accounts, audit, second_factor, sessions, users
from footfall.cli.settings import with_settings
from footfall.config import Config
from footfall.errors import UsageError
from footfall.stores import open_store
from footfall.users import EVERY_SITE, ROLES


@click.group()
def user() -> None:
    """Add, list and remove those who may see the pages, and say what they may."""


@user.command("add")
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), default="owner", help="What the user may. [owner]")
@click.option("--site", "site_ids", multiple=True, metavar="ID", help="On this site; may be given again. [every site]")
@click.option("--if-none", is_flag=True, help="Only if there is no user yet.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input instead of making one.")
@with_settings()
def add(config: Config, name: str, role: str, site_ids: tuple[str, ...], if_none: bool, password_stdin: bool) -> None:
    """Add the user NAME; prints a password made for it, this once."""
    password = _password(password_stdin)
    with open_store(config=config) as store:
        if if_none and users.any_user(store):
            return
        for site_id in site_ids:
            accounts.find(store, site_id)
        roles = dict.fromkeys(site_ids or [EVERY_SITE], role)
        users.add(store, name, password, roles)
        audit.note_command(store, "user.add", "" if len(site_ids) != 1 else site_ids[0], f"{name}, {_roles(roles)}")
    _tell(f"Added {name}.", password, password_stdin)


@user.command("role")
@click.argument("name")
@click.argument("role", type=click.Choice((*ROLES, "none")))
@click.option("--site", "site_id", metavar="ID", help="On this site. [every site]")
@with_settings()
def role_(config: Config, name: str, role: str, site_id: str | None) -> None:
    """Give the user NAME the ROLE viewer, editor or owner, or none, on every site or on one."""
    with open_store(config=config) as store:
        if site_id is not None and role != "none":
            accounts.find(store, site_id)
        changed = users.set_role(store, name, None if role == "none" else role, site_id or EVERY_SITE)
        audit.note_command(store, "user.role", site_id or "", f"{name}, now {_roles(changed.roles)}")
    click.echo(f"{name} is now {_roles(changed.roles)}.")


@user.command("password")
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input instead of making one.")
@with_settings()
def password_(config: Config, name: str, password_stdin: bool) -> None:
    """Give the user NAME another password and end its sessions; prints the one made, this once."""
    password = _password(password_stdin)
    with open_store(config=config) as store:
        users.set_password(store, name, password)
        audit.note_command(store, "user.password", detail=name)
    _tell(f"Changed {name}'s password.", password, password_stdin)


@user.command("list")
@with_settings()
def list_(config: Config) -> None:
    """List the users: their names, when they were added, what they may, and whether a login takes a code too."""
    with open_store(config=config) as store:
        for entry in users.all_users(store):
            factor = "code" if second_factor.is_on(store, entry.name) else "-"
            click.echo(f"{entry.name}\t{entry.created}\t{_roles(entry.roles)}\t{factor}")


@user.command("remove")
@click.argument("name")
@with_settings()
def remove(config: Config, name: str) -> None:
    """Remove the user NAME and end its sessions."""
    with open_store(config=config) as store:
        users.remove(store, name)
        audit.note_command(store, "user.remove", detail=name)
    click.echo(f"Removed {name}.")


@user.command("sessions")
@click.argument("name")
@with_settings()
def sessions_(config: Config, name: str) -> None:
    """List where the user NAME is logged in: each session with its id, when it was begun and last seen, from where."""
    with open_store(config=config) as store:
        users.known(store, name)
        for each in sessions.all_of(store, name):
            click.echo("\t".join((each.id, each.created, each.seen, each.client or "-", each.agent or "-")))


@user.command("logout")
@click.argument("name")
@click.option("--session", "session_id", metavar="ID", help="Only this one, which `footfall user sessions` shows.")
@with_settings()
def logout(config: Config, name: str, session_id: str | None) -> None:
    """End the sessions of the user NAME."""
    with open_store(config=config) as store:
        users.known(store, name)
        if session_id is None:
            sessions.end_all(store, name)
        else:
            sessions.end(store, name, session_id)
        audit.note_command(store, "session.end", detail=f"{name}, {session_id or 'all'}")
    click.echo(f"Ended {'the session' if session_id else 'all sessions'} of {name}.")


@user.command("totp")
@click.argument("name")
@click.option("--off", is_flag=True, help="Have a login take no code any more, when the device is lost.")
@with_settings()
def totp_(config: Config, name: str, off: bool) -> None:
    """Tell whether the login of the user NAME takes a code beside the password, or turn that off."""
    with open_store(config=config) as store:
        users.known(store, name)
        if off:
            if not second_factor.is_on(store, name):
                raise UsageError(f"user {name!r}: logs in by the password alone already")
            second_factor.turn_off(store, name)
            audit.note_command(store, "totp.off", detail=name)
            click.echo(f"{name} logs in by the password alone now.")
        elif second_factor.is_on(store, name):
            click.echo(f"{name} logs in by password and code; "
                       f"{second_factor.recovery_codes_left(store, name)} recovery codes are left.")
        else:
            click.echo(f"{name} logs in by the password alone; the account page turns codes on.")


def _roles(roles: Mapping[str, str]) -> str:
    """Return roles by site in words."""
    return ", ".join(f"{role} of {'every site' if site == EVERY_SITE else site}"
                     for site, role in sorted(roles.items())) or "without a role"


def _password(from_stdin: bool) -> str:
    return sys.stdin.readline().rstrip("\r\n") if from_stdin else users.new_password()


def _tell(done: str, password: str, from_stdin: bool) -> None:
    click.echo(done if from_stdin else f"{done} Its password, shown only now: {password}")
