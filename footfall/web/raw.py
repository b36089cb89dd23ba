"""The events behind every number, as they are stored: what map_reduce sees, of what a page shows."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from flask import abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from footfall import pageview, timeuuid
from footfall.changes import COUNTED
from footfall.collect.beacon import collector
from footfall.columns import VISITOR_BYTES
from footfall.errors import UsageError
from footfall.packing import FILTERED
from footfall.reports.behind import KINDS
from footfall.reports.facts import TABLES, Fact, fact_of
from footfall.reports.listed import Found, Page, find
from footfall.web import sites
from footfall.web.listing import FIELDS, listing
from footfall.web.reports import days
from footfall.web.view import View

PER_PAGE = 100


class Asked(NamedTuple):
    """Which of the events of a view are asked for.

    :param kind: one of :data:`~footfall.reports.behind.KINDS`.
    :param visitor: only this one's, as hexadecimal digits; empty for everybody's.
    :param before: those before this one.
    :param after: those after this one.
    :param number: fields that tell of what a number they are, as :mod:`footfall.web.listing` has them.
    """

    kind: str
    visitor: str
    before: uuid.UUID | None
    after: uuid.UUID | None
    number: Sequence[tuple[str, str]]

    def url(self, shown: View, **changes: str) -> str:
        """Return the URL of the list, from the newest on unless a change says otherwise."""
        said = {"kind": self.kind, "visitor": self.visitor} | changes
        return url_for(".events") + shown.search(
            *self.number, *(field for field in said.items() if field[1] not in ("", "all")))


class Line(NamedTuple):
    """An event as the list shows it.

    :param what: the event's name, or ``page-view``.
    :param trail: URL of the events of its visitor; empty if it has none.
    """

    name: uuid.UUID
    time: str
    what: str
    fields: Mapping[str, Any]
    visitor: str
    trail: str
    fact: Fact


@sites.blueprint.get("/events")
def events(site: str) -> ResponseReturnValue:
    shown, asked = sites.view(), parse_asked(request.args)
    listed, counts, what = listing(shown, asked.kind, asked.visitor, request.args, days(shown.site))
    page = listed.page(collector().store(), shown.site, PER_PAGE, before=asked.before, after=asked.after)
    kinds = [(kind, words, asked.url(shown, kind=kind), counts.get(kind)) for kind, words in KINDS.items()]
    return render_template("events.html", view=shown, asked=asked, what=what, count=len(listed),
                           visits=listed.visits(), visitors=listed.visitors(), first=page.first,
                           kinds=kinds if counts or asked.visitor else [],
                           lines=[_line(shown, found) for found in page.events],
                           pages=_pages(shown, asked, page, len(listed)),
                           everything=url_for(".events") + shown.search())


@sites.blueprint.get("/events/<uuid:name>")
def event(site: str, name: uuid.UUID) -> ResponseReturnValue:
    shown = sites.view()
    found = find(collector().store(), shown.site, name, (*COUNTED, FILTERED)) if name.version == 1 else None
    if found is None:
        abort(404)
    fact = fact_of(found.fields)
    stored = {str(field): as_text(value) for field, value in found.fields.items()}
    return render_template("event.html", view=shown, found=found, line=_line(shown, found), stored=stored,
                           derived=derived(fact), ticks=timeuuid.ticks_of(name),
                           key=pageview.event_key(shown.site, name))


def parse_asked(fields: MultiDict[str, str]) -> Asked:
    """Return which events the fields of a query string ask for.

    :raises UsageError: a field has a value that is none of those it can have.
    """
    kind, visitor = fields.get("kind") or "all", fields.get("visitor", "")
    if visitor and (len(visitor) != 2 * VISITOR_BYTES or set(visitor) - set("0123456789abcdef")):
        raise UsageError(f"visitor={visitor!r}: must be {2 * VISITOR_BYTES} hexadecimal digits")
    before, after = (name_of(field, fields.get(field, "")) for field in ("before", "after"))
    if before and after:
        raise UsageError("before, after: give one of them")
    # A page without a path may be the other one.
    number = [(name, value) for name, value in fields.items(multi=True)
              if name in FIELDS and (value or name == "other")]
    return Asked(kind, visitor, before, after, number)


def derived(fact: Fact) -> dict[str, str]:
    """Return what is made of an event: the value of every dimension that it has, and what is measured."""
    found = {name: value for table, names in TABLES.items()
             for name, value in zip(names, getattr(fact, table), strict=True) if value is not None}
    return found | {name: f"{value:,}" for name, value in (("engaged", fact.engaged), ("scroll", fact.scroll)) if value}


def as_text(value: Any) -> str:
    """Return a stored value as text: text as it is, bytes in hexadecimal digits, anything else as JSON writes it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.hex()
    return json.dumps(value, ensure_ascii=False, default=repr)


def name_of(field: str, text: str) -> uuid.UUID | None:
    """Return the name of an event that a field of a request holds, ``None`` if it is empty.

    :raises UsageError: it is no name of an event.
    """
    if not text:
        return None
    name = timeuuid.named(text)
    if name is None:
        raise UsageError(f"{field}={text!r}: must be the name of an event, a UUID of version 1")
    return name


def _line(shown: View, found: Found) -> Line:
    fields = found.fields
    fact = fact_of(fields)
    visitor = fact.visitor.to_bytes(VISITOR_BYTES).hex() if fact.visitor else ""
    time = shown.clock(timeuuid.datetime_of(found.name))
    trail = url_for(".events") + shown.but(chips=()).search(("visitor", visitor)) if visitor else ""
    return Line(found.name, time, fact.kind[0] or "page-view",
                {str(name): as_text(value) for name, value in fields.items()}, visitor, trail, fact)


def _pages(shown: View, asked: Asked, page: Page, count: int) -> list[tuple[str, str]]:
    """Return the words and URLs of the links to other pages of the list."""
    links = []
    if page.first:
        links.append(("Newest", asked.url(shown)))
    if page.first and page.events:
        links.append(("Newer", asked.url(shown, after=str(page.events[0].name))))
    if page.events and page.first + len(page.events) < count:
        links.append(("Older", asked.url(shown, before=str(page.events[-1].name))))
    return links
