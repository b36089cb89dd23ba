"""Verify finds every number that is wrong, and names it."""

import json
import math
import time
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import get_args

import pytest

from footfall import accounts, cli
from footfall.cli.verify import SHOWN
from footfall.reports import plain, segment
from footfall.reports.building import build
from footfall.reports.cache import FactsCache
from footfall.reports.engine import ask
from footfall.reports.questions import (
    ALL,
    DIMENSIONS,
    FILTERS,
    MOST,
    PROP,
    QUESTIONS,
    ZONES,
    Asked,
    Funnel,
    Live,
    Paths,
    Question,
    Retention,
    filled,
)
from footfall.reports.verify import Difference, Told, by_events, differences, verify
from footfall.stores.memory import MemoryStore
from tests.streams import DAY, fill, stream

NEXT = DAY + timedelta(days=1)
TEXT = """
    10:00 ann / ref=https://www.google.com/
    10:05 ann /pricing
    10:07 ann signup /pricing prop.plan="pro"
    10:10 bob /pricing ref=https://news.ycombinator.com/item
    10:30 - /
"""


@pytest.fixture
def memory():
    store = MemoryStore()
    fill(store, TEXT)
    return store


def engine_of(store, spoil=lambda question, rows: rows):
    """An engine that counts the events, and then spoils what it found."""

    def engine(account, asked, since, until):
        return spoil(asked, by_events(asked, Told(plain.read(store, account), set()), since, until))

    return engine


def found(store, spoil):
    return [difference for compared in verify(engine_of(store, spoil), store, "blog", DAY, NEXT)
            for difference in compared.differences]


def test_what_is_right_differs_nowhere(memory):
    compared = list(verify(engine_of(memory), memory, "blog", DAY, NEXT))
    assert len(compared) == len(QUESTIONS)
    assert [each.differences for each in compared] == [[]] * len(QUESTIONS)
    assert (compared[0].rows, compared[0].numbers) == (1, len(ALL))
    assert sum(each.numbers for each in compared) > 1000


@pytest.mark.parametrize("metric", ALL)
def test_one_wrong_number_is_found_and_named(memory, metric):
    place = ALL.index(metric)

    def spoil(question, rows):
        if question != filled(Question(by=("page",)), plain.read(memory, "blog")):
            return rows
        return [(values, tuple(math.nextafter(number or 0.0, math.inf) if (values, at) == (("/",), place) else number
                               for at, number in enumerate(metrics))) for values, metrics in rows]

    ((question, values, what, engine, right),) = found(memory, spoil)
    assert (question.by, values, what) == (("page",), ("/",), metric)
    assert engine != right


ROWS = [(("/a",), (2, 1)), (("/b",), (1, 1)), (("/c",), (1, 1))]


@pytest.mark.parametrize("engine, told", [
    (ROWS, []),
    ([*ROWS, (("/d",), (0, None))], [(("/d",), "row", [(0, None)], "missing")]),
    ([(("/a",), (3, 1)), *ROWS[1:]], [(("/a",), "views", 3, 2)]),
    ([(("/a",), (None, 1)), *ROWS[1:]], [(("/a",), "views", None, 2)]),
    ([(("/a",), (2, 0)), *ROWS[1:]], [(("/a",), "visits", 0, 1)]),
    (ROWS[:2], [(("/c",), "row", "missing", [(1, 1)])]),
    ([*ROWS, (("/d",), (0, 1))], [(("/d",), "row", [(0, 1)], "missing")]),
    ([*ROWS, ROWS[0]], [(("/a",), "row", [(2, 1), (2, 1)], [(2, 1)])]),
    ([ROWS[0], ROWS[2], ROWS[1]], [(("/c",), "place", 2, 3)]),
    ([(("/A",), (2, 1)), *ROWS[1:]], [(("/a",), "row", "missing", [(2, 1)]), (("/A",), "row", [(2, 1)], "missing")]),
])
def test_rows_that_are_wrong_missing_too_many_or_out_of_place(engine, told):
    question = Question(("views", "visits"), ("page",))
    assert differences(question, engine, ROWS) == [Difference(question, *each) for each in told]


def test_a_ratio_of_zero_is_not_none_and_a_bit_is_a_difference():
    question = Question(("bounce_rate",))
    for engine, right in ((0.0, None), (None, 0.0), (1 / 3, 1 / 3 + 1e-16)):
        assert [each[2:] for each in differences(question, [((), (engine,))], [((), (right,))])] == [
            ("bounce_rate", engine, right)]


def test_a_series_of_times_must_have_all_its_rows_and_tell_hours_of_one_clock_time_apart():
    question, asked = Question(("views",), ("hour",), tz="Europe/Berlin"), {"since": date(2026, 10, 25),
                                                                            "until": date(2026, 10, 26)}
    right = plain.answer(stream("2026-10-25 01:30 - /"), metrics=["views"], by=["hour"], tz="Europe/Berlin", **asked)
    assert differences(question, right, right) == []
    assert [each[1:] for each in differences(question, right[:1] + right[2:], right)] == [
        (("2026-10-25T01:00:00+02:00",), "row", "missing", [(0,)])]
    swapped = [right[0], right[1], (right[2][0], right[3][1]), (right[3][0], right[2][1]), *right[4:]]
    assert [each[1:] for each in differences(question, swapped, right)] == [
        (("2026-10-25T02:00:00+02:00",), "views", 1, 0), (("2026-10-25T02:00:00+01:00",), "views", 0, 1)]


def test_events_that_come_in_meanwhile_are_no_difference(memory):
    engine = engine_of(memory)
    asked = []

    def busy(*question):
        asked.append(question)
        if len(asked) == 2:
            fill(memory, "12:00 cid /new")
        return engine(*question)

    compared = list(verify(busy, memory, "blog", DAY, NEXT))
    assert not any(each.differences for each in compared)
    assert len(asked) == len(QUESTIONS) + 1


class Leaving(MemoryStore):
    """A store whose events leave by themselves, some time after they are over."""

    by_ttl = True


def test_what_is_over_counts_for_neither(tmp_path, monkeypatch):
    store = Leaving()
    fill(store, TEXT)
    monkeypatch.setattr(time, "time_ns", lambda: int(datetime(2026, 1, 6, 10, 6, tzinfo=UTC).timestamp()) * 10**9)
    cache = FactsCache(store, tmp_path, retention=1)

    def engine(account, asked, since, until):
        return ask(asked, partial(cache.days, account), since, until, lambda: DAY)

    def wrong(retention):
        return [difference for compared in verify(engine, store, "blog", DAY, NEXT, retention=retention)
                for difference in compared.differences]

    assert wrong(1) == []
    # Of Ann's visit the sign-up is left.
    assert [each[2:] for each in wrong(0)][:2] == [("views", 2, 4), ("visit_duration", 0.0, 210.0)]


def test_every_metric_dimension_filter_and_zone_is_asked_for():
    questions = [question for question in QUESTIONS if isinstance(question, Question)]
    assert {metric for question in questions for metric in question.metrics} == set(plain.METRICS)
    assert {by for question in questions for by in question.by} == {*DIMENSIONS, "hour", "day", "week", "month"}
    for kind in (Question, Retention):
        assert {question.tz for question in QUESTIONS if isinstance(question, kind)} == {"UTC", *ZONES}
    assert {type(question) for question in QUESTIONS} == set(get_args(Asked))
    for word in ("is", "is_not", "contains", "not_contains", "matches", "not_matches", "and", "or", "not", "visit"):
        assert f"'{word}'" in str(FILTERS)


def test_questions_are_about_what_is_there(memory):
    events = plain.read(memory, "blog", DAY, NEXT)
    where = ["and", ["is", PROP, MOST], ["visit", ["is_not", "entry_page", [MOST, "/x"]]], ["contains", "title", "E"]]
    theirs = ["visit", ["is_not", "entry_page", ["/pricing", "/x"]]]
    question = filled(Question(by=(PROP, "page"), where=where), events)
    assert question.by == ("prop:plan", "page")
    assert question.where == ["and", ["is", "prop:plan", "pro"], theirs, ["contains", "title", "E"]]
    assert question.goal == ["is", "event", "signup"]
    assert filled(Question(by=(PROP,), where=["is", "country", MOST]), [])[1:3] == (
        ("prop:none",), ["is", "country", "none"])
    assert filled(Funnel(({"page": MOST}, {"event": MOST}, where)), events).steps == (
        {"page": "/pricing"}, {"event": "signup"}, question.where)
    assert filled(Paths(MOST, ["is", "page", MOST]), events)[:2] == ("/pricing", ["is", "page", "/pricing"])
    assert [filled(Live(place, timedelta(seconds=1)), events).now for place in (0.0, 1.0)] == [
        datetime(2026, 1, 5, 10, 0, 1, tzinfo=UTC), datetime(2026, 1, 5, 10, 10, 1, tzinfo=UTC)]
    assert filled(Live(0.5), []).now.year == 1970


# ----- the command


@pytest.fixture
def command(store, monkeypatch):
    """Adds a `footfall cache verify` to the command, and runs it on two sites with an engine that is spoilt as told."""
    for name in ("blog", "shop.example.com"):
        accounts.add(store, name)
        fill(store, TEXT, name)

    def run(*arguments, spoil=lambda question, rows: rows):
        monkeypatch.setattr("footfall.cli.verify.open_engine", lambda config, opened: engine_of(opened, spoil))
        return cli.main(["cache", "verify", "--data", str(store.file.path.parent), *arguments])

    return run


RANGE = "--since", "2026-01-05", "--until", "2026-01-05"


def more_views(question, rows):
    """One view too many where views are asked for by source."""
    if str(question) != "all metrics by source in UTC":
        return rows
    return [(values, (metrics[0] + (values == ("Google",)), *metrics[1:])) for values, metrics in rows]


def test_the_command_tells_what_was_compared(command, capsys):
    assert command(*RANGE) == 0
    blog, shop = capsys.readouterr().out.splitlines()
    assert blog.startswith(f"blog, 2026-01-05 to 2026-01-05: {len(QUESTIONS)} questions, ")
    assert blog.endswith(" numbers: all are those of the events")
    assert shop.startswith("shop.example.com, ")


def test_the_command_exits_with_1_and_the_first_differences(command, capsys):
    assert command(*RANGE, "--site", "blog", spoil=more_views) == 1
    out, err = capsys.readouterr()
    assert "1 differ; the first:\n  all metrics by source in UTC: (Google) views is 2, by the events 1" in out
    assert "shop" not in out
    assert err == "footfall: 1 numbers are not those of the events, see above\n"


def test_the_command_speaks_json(command, capsys):
    assert command(*RANGE, "--json", spoil=more_views) == 1
    told = json.loads(capsys.readouterr().out)
    assert list(told["sites"]) == ["blog", "shop.example.com"]
    assert told["sites"]["blog"]["differences"] == 1
    assert told["sites"]["blog"]["first"] == [{"question": "all metrics by source in UTC", "values": ["Google"],
                                               "what": "views", "engine": 2, "plain": 1}]


def test_the_commands_range_is_the_week_to_yesterday(command, capsys):
    assert command("--json") == 0
    told = json.loads(capsys.readouterr().out)
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    assert date.fromisoformat(told["until"]) in (yesterday, yesterday - timedelta(days=1))
    assert date.fromisoformat(told["until"]) - date.fromisoformat(told["since"]) == timedelta(days=6)


def test_the_command_finds_facts_that_are_those_of_other_events(store, capsys):
    accounts.add(store, "blog")
    fill(store, TEXT)
    data = store.file.path.parent
    command = "cache", "verify", "--data", str(data), *RANGE
    assert cli.main(command) == 0
    assert " 0 numbers" not in capsys.readouterr().out
    (path,) = (data / "cache").rglob(f"{DAY:%Y%m%d}-*.facts")
    other = MemoryStore()
    fill(other, TEXT.replace("bob", "ann"))
    segment.write(path, build(other, "blog", DAY))
    assert cli.main(command) == 1
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 1 + SHOWN
    assert "visitors is 1, by the events 2" in out
    assert err.endswith(" numbers are not those of the events, see above\n")
    assert cli.main(["cache", "rebuild", "--data", str(data)]) == 0
    assert cli.main(command) == 0


@pytest.mark.parametrize("arguments, message", [
    (("--since", "soon"), "--since='soon': must be a day"),
    (("--since", "2026-01-05", "--until", "2026-01-04"), "--until=2026-01-04: is before --since=2026-01-05"),
    (("--site", "none"), "none"),
])
def test_the_command_says_what_it_cannot_take(command, capsys, arguments, message):
    assert command(*arguments) == 2
    assert message in capsys.readouterr().err
