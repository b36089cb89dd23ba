"""Export: what is stored of the site as a file."""

from __future__ import annotations

from importlib.util import find_spec

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from footfall.transfer.export import FORMATS
from footfall.web.settings.frame import Form, blueprint, day_of, page

#: What each format is, in words.
NAMES = {
    "jsonl": "JSON lines: all there is, also what is kept apart; can be imported again",
    "csv": "CSV: the events that count, for a spreadsheet",
    "parquet": "Parquet: the events that count, for analysis",
}


@blueprint.get("/export")
def export(site: str) -> ResponseReturnValue:
    return _page(Form())


@blueprint.post("/export")
def begin_export(site: str) -> ResponseReturnValue:
    form, days = Form(request.form), {}
    for name in (each for each in ("since", "until") if form[each]):
        with form.blaming(name):
            days[name] = str(day_of(form[name]))
    if len(days) == 2 and days["until"] < days["since"]:
        form.problems["until"] = "lies before the first day"
    if form["format"] not in _formats():
        form.problems["format"] = f"must be one of {', '.join(_formats())}"
    if form.problems:
        return _page(form)
    return redirect(url_for("export.download", format=form["format"], since=days.get("since"),
                            until=days.get("until")), 303)


def _page(form: Form) -> ResponseReturnValue:
    return page("settings_export.html", "settings.export", form=form, formats=_formats().items())


def _formats() -> dict[str, str]:
    """Return the formats that can be had here, with their words."""
    return {name: NAMES[name] for name in FORMATS if name != "parquet" or find_spec("pyarrow")}
