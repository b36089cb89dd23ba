"""Goals, funnels and annotations: each kind is listed, added to, told of, changed and removed from in the same way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from flask import Response, request, url_for

from footfall import goals
from footfall.collect.beacon import collector
from footfall.tokens import READ, WRITE, Token
from footfall.web.api.access import kept, site_of
from footfall.web.api.bodies import only, read
from footfall.web.api.routes import SITE, Given, Route, as_json, route
from footfall.web.auth import audit_here


class Kind(NamedTuple):
    """One kind, and the functions of :mod:`footfall.goals` for it.

    :param schema: name of the schema of one; that of what is sent, and of a list, begin alike.
    :param fields: what may be sent; those in ``needed`` must be.
    """

    name: str
    schema: str
    fields: tuple[str, ...]
    needed: tuple[str, ...]
    every: Callable[..., list[Any]]
    find: Callable[..., Any]
    add: Callable[..., Any]
    change: Callable[..., Any]
    remove: Callable[..., Any]

    @property
    def plural(self) -> str:
        """Its name in a path."""
        return f"{self.name}s"

    def routes(self) -> None:
        """Add its routes."""
        here, one = f"/{self.plural}", f"/{self.plural}/<id>"
        route(Route("GET", here, self.plural, READ, f"List a site's {self.plural}", (SITE,),
                    answer=f"{self.schema}List", problems=(404,)))(self._list)
        route(Route("POST", here, f"add_{self.name}", WRITE, f"Add to a site's {self.plural}", (SITE,),
                    f"New{self.schema}", self.schema, 201, problems=(404, 413, 415)))(self._add)
        route(Route("GET", one, self.name, READ, f"Tell of one of the {self.plural}", (SITE,), answer=self.schema,
                    problems=(404,)))(self._find)
        route(Route("PATCH", one, f"change_{self.name}", WRITE, f"Change one of the {self.plural}", (SITE,),
                    f"Changed{self.schema}", self.schema, problems=(404, 413, 415)))(self._change)
        route(Route("DELETE", one, f"remove_{self.name}", WRITE, f"Remove one of the {self.plural}", (SITE,),
                    status=204, problems=(404,)))(self._remove)

    def _list(self, token: Token) -> Given:
        store, site = collector().store(), _site(token)
        return {self.plural: [_told(each) for each in self.every(store, site)]}

    def _add(self, token: Token) -> Given:
        form, site = read(), _site(token)
        only(form, self.fields, self.needed)
        made = self.add(collector().store(), site, **form, by=_by(token))
        self._note("add", token, site, made)
        answer = as_json(_told(made), 201)
        answer.headers["Location"] = url_for(f".{self.name}", id=made.id, site=site)
        return answer

    def _find(self, token: Token, id: str) -> Given:  # noqa: A002 - the name in the path
        return _told(kept(self.find, _site(token), id))

    def _change(self, token: Token, id: str) -> Given:  # noqa: A002 - the name in the path
        form, site = read(), _site(token)
        only(form, self.fields)
        before = kept(self.find, site, id)._asdict()
        changed = self.change(collector().store(), site, id, **{name: before[name] for name in self.fields} | form)
        self._note("set", token, site, changed)
        return _told(changed)

    def _remove(self, token: Token, id: str) -> Given:  # noqa: A002 - the name in the path
        site = _site(token)
        removed = self.remove(collector().store(), site, kept(self.find, site, id).id)
        self._note("remove", token, site, removed)
        return Response(status=204)

    def _note(self, done: str, token: Token, site: str, about: Any) -> None:
        told = _told(about)
        audit_here(f"{self.name}.{done}", f"{about.id} {told.get('name') or told['text']}", by=_by(token), site=site)


def _site(token: Token) -> str:
    return site_of(token, request.args.get("site")).id


def _by(token: Token) -> str:
    return f"token {token.id}"


def _told(each: Any) -> dict[str, Any]:
    told: dict[str, Any] = each._asdict()
    return told | {"day": told["day"].isoformat()} if "day" in told else told


for kind in (
    Kind("goal", "Goal", ("name", "form"), ("name", "form"),
         goals.goals, goals.find_goal, goals.add_goal, goals.change_goal, goals.remove_goal),
    Kind("funnel", "Funnel", ("name", "steps", "within"), ("name", "steps"),
         goals.funnels, goals.find_funnel, goals.add_funnel, goals.change_funnel, goals.remove_funnel),
    Kind("annotation", "Annotation", ("day", "text"), ("day", "text"), goals.annotations, goals.find_annotation,
         goals.add_annotation, goals.change_annotation, goals.remove_annotation),
):
    kind.routes()
