"""Who may see and change what: all users, for the owners of every site, and those of a site, for its owners."""

from __future__ import annotations

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from footfall import accounts, second_factor, users
from footfall.collect.beacon import collector
from footfall.errors import UsageError
from footfall.users import EVERY_SITE, ROLES
from footfall.web.auth import audit_here
from footfall.web.sites import account, site_blueprint

everybody = Blueprint("users", __name__, url_prefix="/users")
blueprint = site_blueprint("people")


@everybody.get("")
def page() -> ResponseReturnValue:
    return _users_page()


@everybody.post("/add")
def add() -> ResponseReturnValue:
    name, site, role = (request.form.get(key, "").strip() for key in ("name", "site", "role"))
    store, made = collector().store(), users.new_password()
    try:
        _check_site(site)
        users.add(store, name, made, {site: role})
    except UsageError as error:
        return _users_page(problem=str(error)), 400
    audit_here("user.add", f"{name}, {role}", site=_of(site))
    return _users_page(name=name, password=made)


@everybody.post("/role")
def role() -> ResponseReturnValue:
    name, site, wanted = (request.form.get(key, "").strip() for key in ("name", "site", "role"))
    try:
        if wanted != "none":
            _check_site(site)
        users.set_role(collector().store(), name, None if wanted == "none" else wanted, site)
    except UsageError as error:
        return _users_page(problem=str(error)), 400
    audit_here("user.role", f"{name}, {wanted}", site=_of(site))
    return redirect(url_for(".page"), 303)


@everybody.post("/password")
def password() -> ResponseReturnValue:
    name, made = request.form.get("name", ""), users.new_password()
    try:
        users.set_password(collector().store(), name, made)
    except UsageError as error:
        return _users_page(problem=str(error)), 400
    audit_here("user.password", name)
    # One who resets his own has no session any more to see another page by.
    return _users_page(name=name, password=made)


@everybody.post("/remove")
def remove() -> ResponseReturnValue:
    name = request.form.get("name", "")
    try:
        users.remove(collector().store(), name)
    except UsageError as error:
        return _users_page(problem=str(error)), 400
    audit_here("user.remove", name)
    return redirect(url_for(".page"), 303)


@blueprint.get("/settings/people", endpoint="page")
def people(site: str) -> ResponseReturnValue:
    return _people_page()


@blueprint.post("/settings/people", endpoint="role")
def set_role(site: str) -> ResponseReturnValue:
    """Give somebody another role on the site, who is made a user if there is none of that name."""
    account()
    name, wanted = (request.form.get(key, "").strip() for key in ("name", "role"))
    store, made = collector().store(), ""
    try:
        found = users.find(store, name)
        # Whoever owns a site among others does not make or unmake owners: those who own every site do.
        had = found.roles.get(site) if found else None
        if not g.user.may("owner") and "owner" in (wanted, had):
            raise UsageError(f"role of {name!r}: only an owner of every site makes and unmakes owners")
        if found is None and wanted != "none":
            made = users.new_password()
            users.add(store, name, made, {site: wanted})
        else:
            users.set_role(store, name, None if wanted == "none" else wanted, site)
    except UsageError as error:
        return _people_page(problem=_without_names(error)), 400
    audit_here("user.add" if made else "user.role", f"{name}, {wanted}")
    return _people_page(name=name, password=made) if made else redirect(url_for(".page"), 303)


def _users_page(*, problem: str = "", name: str = "", password: str = "") -> str:
    store = collector().store()
    return render_template(
        "users.html", problem=problem, made=name, password=password, roles=ROLES, every_site=EVERY_SITE,
        users=[(each, sorted(each.roles.items()), second_factor.is_on(store, each.name))
               for each in users.all_users(store)],
        sites=[each.id for each in accounts.all_accounts(store)])


def _people_page(*, problem: str = "", name: str = "", password: str = "") -> str:
    site, g.section = account().id, "people.page"
    return render_template(
        "people.html", problem=problem, made=name, password=password,
        roles=ROLES if g.user.may("owner") else ROLES[:-1],
        people=[(each, each.role(site), site in each.roles) for each in users.all_users(collector().store())
                if each.role(site)])


def _check_site(site: str) -> None:
    if site != EVERY_SITE:
        accounts.find(collector().store(), site)


def _of(site: str) -> str:
    return "" if site == EVERY_SITE else site


def _without_names(error: UsageError) -> str:
    """Return what is wrong without the list of users that ends it: who owns a site need not know them all."""
    return str(error).partition("; the users are")[0]
