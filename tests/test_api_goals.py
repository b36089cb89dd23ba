"""Goals, funnels and annotations through the API: added, listed, changed and removed."""

import pytest

from footfall import audit, goals, tokens
from tests.api import caller, is_problem

PAGE, EVENT = {"page": "/docs/*"}, {"event": "paid", "props": {"plan": "pro"}}
KINDS = {
    "goals": ({"name": "Docs", "form": PAGE}, {"form": EVENT}),
    "funnels": ({"name": "Buy", "steps": [PAGE, EVENT, ["is", "page", "/"]], "within": 3600}, {"within": "visit"}),
    "annotations": ({"day": "2026-01-31", "text": "New front page"}, {"text": "Newer front page"}),
}


@pytest.fixture
def call(settings_of, store):
    return caller(settings_of(), store, "read", "write")


@pytest.mark.parametrize("kind", KINDS)
def test_they_are_added_listed_told_of_changed_and_removed(call, store, kind):
    sent, changes = KINDS[kind]
    token = tokens.all_tokens(store)[0].id
    added = call("POST", f"/{kind}?site=blog", sent)
    assert added.status_code == 201
    made = added.json
    assert made == {"id": made["id"], **sent, **({"by": f"token {token}"} if kind == "annotations" else {})}
    assert added.headers["Location"] == f"/api/v1/{kind}/{made['id']}?site=blog"
    assert call.client.get(added.headers["Location"], headers={"Authorization": f"Bearer {call.token}"}).json == made
    assert call("GET", f"/{kind}?site=blog").json == {kind: [made]}
    assert call("GET", f"/{kind}?site=shop").json == {kind: []}
    changed = call("PATCH", f"/{kind}/{made['id']}?site=blog", changes)
    assert (changed.status_code, changed.json) == (200, made | changes)
    assert call("GET", f"/{kind}/{made['id']}?site=blog").json == made | changes
    removed = call("DELETE", f"/{kind}/{made['id']}?site=blog")
    assert (removed.status_code, removed.data) == (204, b"")
    assert call("GET", f"/{kind}?site=blog").json == {kind: []}
    noted = [(entry.action, entry.by, entry.site, entry.detail.split()[0]) for entry in audit.entries(store)]
    assert noted == [(f"{kind[:-1]}.{done}", f"token {token}", "blog", made["id"])
                     for done in ("remove", "set", "add")]


def test_what_the_command_or_a_page_defined_is_the_same(call, store):
    made = goals.add_goal(store, "blog", "Docs", PAGE)
    assert call("GET", "/goals?site=blog").json == {"goals": [{"id": made.id, "name": "Docs", "form": PAGE}]}


@pytest.mark.parametrize("kind", KINDS)
def test_one_that_is_not_there_is_404_also_if_it_is_another_sites(call, kind):
    other = call("POST", f"/{kind}?site=shop", KINDS[kind][0]).json["id"]
    for one in ("x", other):
        for method, body in (("GET", None), ("PATCH", KINDS[kind][1]), ("DELETE", None)):
            assert is_problem(call(method, f"/{kind}/{one}?site=blog", body), 404, f"{one!r}: unknown; blog has")
    assert len(call("GET", f"/{kind}?site=shop").json[kind]) == 1


@pytest.mark.parametrize("kind, body, detail", [
    ("goals", {"name": "x"}, "form: missing; give name, form"),
    ("goals", {"name": "x", "form": PAGE, "by": "anna"}, "'by': unknown field; use name, form"),
    ("goals", {"name": "x", "form": ["is", "page", "/"]}, "must be {'page': PATTERN}"),
    ("goals", {"name": 7, "form": PAGE}, "name 7: must be text"),
    ("goals", {"name": "x", "form": {"page": "/" * 5000}}, "write at most 4096"),
    ("funnels", {"name": "x", "steps": []}, "steps []: must be a list"),
    ("funnels", {"name": "x", "steps": [PAGE], "within": None}, "within None: must be 'visit'"),
    ("annotations", {"day": "soon", "text": "x"}, "day 'soon': must be a day"),
    ("annotations", {"day": "2026-01-31", "text": ""}, "text '': must be text"),
])
def test_what_cannot_be_is_refused_and_nothing_is_kept(call, store, kind, body, detail):
    assert is_problem(call("POST", f"/{kind}?site=blog", body), 400, detail)
    assert call("GET", f"/{kind}?site=blog").json == {kind: []}
    assert list(audit.entries(store)) == []


def test_a_change_that_cannot_be_changes_nothing(call):
    made = call("POST", "/goals?site=blog", KINDS["goals"][0]).json
    for change in ({"form": {}}, {"name": ""}, {"id": "x"}):
        assert is_problem(call("PATCH", f"/goals/{made['id']}?site=blog", change), 400, "")
    assert call("GET", f"/goals/{made['id']}?site=blog").json == made


@pytest.mark.parametrize("kind", KINDS)
def test_who_may_read_may_not_write_and_the_other_way_round(call, store, kind):
    reads, _ = tokens.add(store, "blog", scopes=["read"])
    writes, _ = tokens.add(store, "blog", scopes=["write"])
    made = call("POST", f"/{kind}", KINDS[kind][0], token=writes).json
    assert is_problem(call("GET", f"/{kind}", token=writes), 403, "not one for read")
    for method, path in (("POST", f"/{kind}"), ("PATCH", f"/{kind}/{made['id']}"), ("DELETE", f"/{kind}/{made['id']}")):
        assert is_problem(call(method, path, KINDS[kind][0], token=reads), 403, "not one for write")
    assert call("GET", f"/{kind}", token=reads).json == {kind: [made]}
    assert is_problem(call("POST", f"/{kind}?site=shop", KINDS[kind][0], token=writes), 403, "not one for the site")
