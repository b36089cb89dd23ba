"""docs/metrics.md: its examples come out as it says, and it leaves nothing out."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from footfall.reports.building import build, days_around
from footfall.reports.dimensions import DIMENSIONS
from footfall.reports.filters import OPERATORS
from footfall.reports.funnels import funnel
from footfall.reports.live import live
from footfall.reports.metrics import METRICS
from footfall.reports.paths import paths
from footfall.reports.query import Query, run
from footfall.reports.retention import retention
from footfall.timeuuid import datetime_of, make, ticks_at

PAGE = (Path(__file__).parent.parent / "docs" / "metrics.md").read_text()
EXAMPLES = re.findall(r"^```example\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def days(store):
    def days(site):
        def load(day):
            facts = build(store, site, day)
            return facts if len(facts) else None

        return lambda first, last: days_around(load, first, last)

    return days


def insert(store, events):
    """Store the events of an example, in the order in which it lists them."""
    header, *lines = events.splitlines()
    starts = [match.start() for match in re.finditer(r"\S+", header)]
    for number, line in enumerate(lines):
        cells = [line[start:end].strip() for start, end in zip(starts, (*starts[1:], None), strict=True)]
        event = dict(zip(header.split(), cells, strict=True))
        second, _, fraction = event["time"].partition(".")
        ticks = ticks_at(datetime.fromisoformat(second)) + int(fraction.ljust(7, "0") or 0)
        name = make(ticks, int(event.get("name", number)))
        fields = {"url": f"https://www.example.com{event['page']}", **json.loads(event.get("more") or "{}")}
        if event["visitor"] != "-":
            fields["visitor"] = event["visitor"].encode().ljust(8)
        if event.get("event", "-") != "-":
            fields["event"] = event["event"]
        family = store.family("Events" if "event" in fields else "PageViews")
        family.insert(f"{datetime_of(name):%Y%m%d}.{event.get('site', 'blog')}", {name: fields})


def answer(word, asked, days):
    """The rows of an answer, a dict each, by the names that the page's tables have."""
    if word == "query":
        rows = run(Query.parse(asked), days).to_json()["rows"]
        return [{key: value for key, value in row.items() if key != "compared"}
                | {f"compared.{key}": value for key, value in row.get("compared", {}).items()} for row in rows]
    if word == "funnel":
        return [step._asdict() for step in funnel(days, **asked)]
    if word == "retention":
        return [{"period": cohort.period.isoformat(), **{str(at): count for at, count in enumerate(cohort.counts)}}
                for cohort in retention(days, **asked, oldest=datetime(2025, 12, 30, tzinfo=UTC).date())]
    if word == "live":
        return [{"visitors": live(days, datetime.fromisoformat(asked["now"]))}]
    return paths(days, **asked)


def cell(text):
    """What a cell stands for: nothing, an integer, a float, a fraction's float, or text."""
    if text == "-":
        return None
    if re.fullmatch(r"\d+/\d+", text):
        return int(text.split("/")[0]) / int(text.split("/")[1])
    return json.loads(text) if re.fullmatch(r"\d+(\.\d+)?", text) else text


def asks(example):
    for part in example.strip().split("\n\n")[1:]:
        ask, header, *lines = part.splitlines()
        word, _, asked = ask.partition(" ")
        yield word, json.loads(asked), header.split(), [list(map(cell, line.split())) for line in lines]


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_every_example_of_the_page_comes_out_as_it_says(example, store, days):
    insert(store, example.split("\n\n")[0])
    for word, asked, header, expected in asks(example):
        found = answer(word, asked, days("blog"))
        if word == "paths":
            assert header == ["before", "views", "after", "views"]
            assert found.before == [tuple(row[:2]) for row in expected]
            assert found.after == [tuple(row[2:]) for row in expected if len(row) == 4]
        else:
            assert list(found[0]) == header
            assert [list(row.values()) for row in found] == expected, asked


def test_every_metric_dimension_and_operator_is_on_the_page_and_every_metric_in_an_example():
    assert all(f"`{name}`" in PAGE for name in (*METRICS, *DIMENSIONS))
    assert all(f'["{name}", ' in PAGE or f"`{name}`" in PAGE for name in (*OPERATORS, "and", "or", "not", "visit"))
    asked = {metric for example in EXAMPLES for word, query, _, _ in asks(example) if word == "query"
             for metric in query["metrics"]}
    assert asked == set(METRICS)
