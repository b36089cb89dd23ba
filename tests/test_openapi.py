"""The API's description: it is one, it has every route and no other, and what it says comes back does."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from footfall import tokens
from footfall.app import create_app
from footfall.web.api.openapi import description
from tests.api import SINCE, UNTIL, caller, is_problem
from tests.servers import ROOT, Server, ask, footfall

METHODS = {"GET", "POST", "PATCH", "DELETE", "PUT"}
RANGE = {"since": SINCE, "until": UNTIL}
STEPS = [{"page": "/pricing"}, ["is", "event", "signup"]]
KINDS = ("/goals", "/funnels", "/annotations")


@pytest.fixture
def call(settings_of, store):
    return caller(settings_of(), store, "read", "write", "events")


def schema_of(name):
    """The schema that a name stands for, with those that it names."""
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": description()["components"]})


def named(part):
    """The name of the schema of a body or an answer in JSON."""
    return part["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]


def test_it_is_open_to_all_and_is_one(settings_of):
    answer = create_app(settings_of()).test_client().get("/api/v1/openapi.json")
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    validate(answer.json)
    assert answer.json == json.loads(json.dumps(description()))


def test_it_has_every_route_and_every_route_has_it(settings_of):
    served = {(re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method)
              for rule in create_app(settings_of()).url_map.iter_rules() if rule.rule.startswith("/api/")
              for method in rule.methods & METHODS}
    described = {(path, method.upper()) for path, item in description()["paths"].items() for method in item}
    assert described == served
    assert len(served) == 26


def test_every_route_but_the_description_needs_a_token_for_its_scope(call, store):
    for path, item in description()["paths"].items():
        for method, operation in item.items():
            if "security" not in operation:
                assert (path, method) == ("/api/v1/openapi.json", "get")
                continue
            (scope,) = re.findall("`(.*)`", operation["description"])
            others, _ = tokens.add(store, "*", scopes=set(tokens.SCOPES) - {scope})
            below = re.sub(r"{\w+}", "x", path).removeprefix("/api/v1")
            assert is_problem(call(method.upper(), below, {}, token=others), 403, f"not one for {scope}")
            cookie = {"Cookie": f"footfall_session={call.token}", "Sec-Fetch-Site": "same-origin"}
            assert is_problem(call.client.open(path, method=method.upper(), headers=cookie), 401, "a token is needed")


@pytest.fixture
def made(call):
    """One of each kind that is defined, by the kind's path."""
    return {path: call("POST", f"{path}?site=blog", body).json["id"] for path, body in (
        ("/goals", {"name": "Docs", "form": {"page": "/docs/*"}}), ("/funnels", {"name": "Read", "steps": STEPS[:1]}),
        ("/annotations", {"day": "2026-01-01", "text": "Begun"}))}


@pytest.mark.parametrize("method, path, body", [
    ("POST", "/events", {"events": [{"url": "https://shop.example.com/", "time": "2026-01-07T10:00:00Z", "id": "7",
                                     "visitor": "u", "props": None}, {"title": None}]}),
    ("GET", "/sites", None),
    ("GET", "/sites/{site}", None),
    ("POST", "/query", {**RANGE, "site": "blog", "metrics": ["views", "bounce_rate"], "by": ["page"], "compare": "year",
                        "where": ["is_not", "page", "/x"], "order": [["views", "desc"]], "limit": 7}),
    ("POST", "/query", {**RANGE, "site": "blog", "metrics": ["conversion_rate"], "goal": {"event": "signup"}}),
    ("POST", "/funnel", {**RANGE, "site": "blog", "steps": STEPS, "within": 3600}),
    ("POST", "/retention", {**RANGE, "site": "blog", "period": "month"}),
    ("POST", "/paths", {**RANGE, "site": "blog", "page": "/pricing"}),
    ("GET", "/live", None),
    ("POST", "/goals", {"name": "Paid", "form": {"event": "paid", "props": {"plan": "pro"}}}),
    ("POST", "/funnels", {"name": "Buy", "steps": STEPS}),
    ("POST", "/annotations", {"day": "2026-01-31", "text": "New"}),
    ("PATCH", "/goals/{id}", {"name": "Bought"}),
    ("PATCH", "/funnels/{id}", {"within": 60}),
    ("PATCH", "/annotations/{id}", {"text": "Newer"}),
    *((method, f"{kind}/{{id}}", None) for kind in KINDS for method in ("GET", "DELETE")),
    *(("GET", kind, None) for kind in KINDS),
])
def test_what_is_sent_and_answered_is_as_it_says(call, made, method, path, body):
    operation = description()["paths"][f"/api/v1{path}"][method.lower()]
    if body is not None:
        schema_of(named(operation["requestBody"])).validate(body)
    url = path.replace("{site}", "blog").replace("{id}", made.get(path.removesuffix("/{id}"), ""))
    answer = call(method, url if "site" in (body or ()) else f"{url}?site=blog", body)
    assert answer.status_code < 300, answer.text
    said = operation["responses"][str(answer.status_code)]
    assert set(said.get("headers", ())) <= set(answer.headers.keys())
    if "content" in said:
        schema_of(named(said)).validate(answer.json)
    else:
        assert (answer.status_code, answer.data) == (204, b"")


def test_stored_events_and_files_are_as_it_says(call):
    lines = call("GET", "/events?site=blog&limit=3").text.splitlines()
    for line in lines:
        schema_of("Event").validate(json.loads(line))
    assert len(lines) == 3
    media = description()["paths"]["/api/v1/export"]["get"]["responses"]["200"]["content"]
    for form in ("jsonl", "csv", "parquet"):
        assert call("GET", f"/export?site=blog&format={form}").headers["Content-Type"] in media


def test_problems_are_as_it_says(call):
    for answer in (call("POST", "/query", {}), call("GET", "/nothing"), call("GET", "/sites/nowhere"),
                   call.client.get("/api/v1/sites")):
        schema_of("Problem").validate(answer.json)


# ----- a client that is made of it


@pytest.mark.needs("openapi-python-client")
def test_a_client_that_is_made_of_it_does_all_that_it_says(tmp_path):
    data = tmp_path / "data"
    footfall(data, "site", "add", "blog")
    token = footfall(data, "token", "add", "--site", "blog", *(
        part for scope in tokens.SCOPES for part in ("--scope", scope))).stdout.split()[-1]
    (tmp_path / "openapi.json").write_text(json.dumps(description()))
    # The one type of answers that the generator does not know is that of lines of JSON.
    (tmp_path / "config.yml").write_text("content_type_overrides: {application/x-ndjson: text/plain}\npost_hooks: []\n")
    home = ROOT / "build" / "client" / "bin"
    made = subprocess.run([home / "openapi-python-client", "generate", "--path", "openapi.json", "--config",
                           "config.yml", "--output-path", "made", "--meta", "none"], cwd=tmp_path, check=True,
                          capture_output=True, text=True)
    assert "arning" not in made.stdout + made.stderr
    with Server(data) as server:
        done = subprocess.run([home / "python", Path(__file__).parent / "client.py", server.url, token], cwd=tmp_path,
                              env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True,
                              check=False)
        # What is longer than a server reads is no more than any other problem.
        status, headers, told = ask(f"{server.url}/api/v1/query", "POST", b" " * (1 << 20) + b"{}")
    assert (done.returncode, done.stdout) == (0, "all done\n"), made.stdout + done.stderr
    assert (status, headers["Content-Type"]) == (413, "application/problem+json")
    schema_of("Problem").validate(json.loads(told))
