"""Tokens: which programs may do something for the site by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from flask import g, request
from flask.typing import ResponseReturnValue

from footfall import tokens as kept
from footfall.collect.beacon import collector
from footfall.config import whole_number
from footfall.tokens import EVENTS, READ, SCOPES, WRITE, Token
from footfall.web.auth import audit_here, guard
from footfall.web.settings.frame import Form, blueprint, done, page

#: What each scope allows, in words.
MEANINGS = {
    EVENTS: "send events",
    READ: "read numbers, stored events and what is defined",
    WRITE: "define goals, funnels and annotations",
}


@blueprint.get("/tokens")
def tokens(site: str) -> ResponseReturnValue:
    return _page(Form(), chosen=[EVENTS])


@blueprint.post("/tokens")
def add_token(site: str) -> ResponseReturnValue:
    form, days = Form(request.form), None
    scopes = [scope for scope in SCOPES if scope in request.form.getlist("scope")]
    if not scopes:
        form.problems["scope"] = "choose at least one"
    with form.blaming("expires"):
        days = whole_number(1, kept.MAX_DAYS)(form["expires"]) if form["expires"] else None
    if form.problems:
        return _page(form, chosen=scopes)
    with form.blaming("name"):
        text, made = kept.add(collector().store(), site, form["name"], days, scopes)
        audit_here("token.add", _described(made))
        # Shown by this answer alone: a token in the session would travel with each request.
        return _page(Form(), text, chosen=[EVENTS])
    return _page(form, chosen=scopes)


@blueprint.post("/tokens/<token>/remove")
def remove_token(site: str, token: str) -> ResponseReturnValue:
    if token not in (each.id for each in _own()):
        return done("That token is gone already.", "settings.tokens")
    removed = kept.remove(collector().store(), token)
    audit_here("token.remove", _described(removed))
    return done(f"Removed token {removed.id}. Running servers refuse it within ten seconds.", "settings.tokens")


def _page(form: Form, made: str = "", *, chosen: Sequence[str]) -> ResponseReturnValue:
    return page("settings_tokens.html", "settings.tokens", form=form, made=made, tokens=_own(), now=datetime.now(UTC),
                address=guard().address(), meanings=MEANINGS, chosen=chosen)


def _own() -> list[Token]:
    return [token for token in kept.all_tokens(collector().store()) if token.site == g.site]


def _described(token: Token) -> str:
    return f"{token.id} {token.name or 'without a name'}, for {token.scope}"
