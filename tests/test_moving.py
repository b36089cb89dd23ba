"""Rules applied to the past, and undone: by the command, and on every store."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from footfall import accounts, cli, config, timeuuid
from footfall.collect.filters import Lists, Rules
from footfall.collect.moving import BATCH, Range, apply_rules, filtered, restore
from footfall.columns import Insert
from footfall.errors import StoreUnavailable
from footfall.packing import packed
from footfall.pageview import Event
from footfall.retries import FAMILY, marks_row
from footfall.site_settings import parsed
from footfall.stores import open_store
from footfall.stores.memory import MemoryStore
from tests.browsers import browsers
from tests.sealing import SealingStore

BROWSER = next(agent for agent, _ in browsers())
MIDNIGHT = datetime(2026, 1, 2, tzinfo=UTC)
ALWAYS = Range()


@pytest.fixture(params=["memory", "sqlite", "sealed", "cassandra"])
def any_store(request, tmp_path):
    """An empty store of each kind."""
    if request.param == "sealed":
        with SealingStore(f"sqlite:///{tmp_path}/moved.db") as store:
            yield store
        return
    if request.param == "cassandra":
        url = request.getfixturevalue("cassandra_url")(f"moving_{abs(hash(request.node.name)) % 10**8}")
    else:
        url = {"memory": "memory://", "sqlite": f"sqlite:///{tmp_path}/moved.db"}[request.param]
    with open_store(url, config.load({}, environ={})) as store:
        store.init()
        yield store


def event(minutes=0.0, family="PageViews", account="blog", **fields):
    name = timeuuid.make(timeuuid.ticks_at(MIDNIGHT) + round(minutes * 60 * 10_000_000), timeuuid.random_bits())
    return Event(family, account, name, {"url": "/", "title": "", "ip": "192.0.2.0", "referrer": "",
                                         "user_agent": BROWSER, "language": "", "visitor": b"12345678"} | fields)


def put(store, *events):
    store.apply(packed(events))


def columns(store):
    """Every column of events and trails, with what it holds."""
    return {(family, key, name): dict(value) for family in ("PageViews", "Events", "Filtered", "Visitors")
            for key, row in store.family(family).get_range(column_count=10_000) for name, value in row.items()}


def counts(store):
    return tuple(sum(family == each for family, *_ in columns(store)) for each in (
        "PageViews", "Events", "Filtered", "Visitors"))


def rules(only=("bot", "headless", "page", "address", "rate"), **given):
    return Rules(parsed(given), Lists(), only)


def test_a_row_that_is_of_no_day_stops_no_rule():
    store = MemoryStore()
    put(store, event(1, user_agent="curl/8.5.0"))
    store.family("PageViews").insert("no row key", {event(2).id: {"url": "/"}})
    assert apply_rules(store, "blog", rules(), ALWAYS) == {"bot: curl": 1}
    assert restore(store, "blog", lambda _: True, ALWAYS) == {"bot: curl": 1}


def test_a_rule_is_applied_to_the_past_and_undone(any_store):
    put(any_store, event(1), event(2, user_agent="curl/8.5.0"), event(3, "Events", event="e", user_agent="curl/8.5.0"),
        event(4, account="shop", user_agent=""), event(24 * 60 + 1, user_agent=""))
    before = columns(any_store)
    assert apply_rules(any_store, "blog", rules(), ALWAYS, move=False) == {"bot: curl": 2, "bot: empty": 1}
    assert columns(any_store) == before
    assert apply_rules(any_store, "blog", rules(), ALWAYS) == {"bot: curl": 2, "bot: empty": 1}
    assert counts(any_store) == (2, 0, 3, 2)
    assert [(each.fields["reason"], each.fields["applied"]) for each in filtered(any_store, "blog", ALWAYS)] == [
        ("bot: curl", True), ("bot: curl", True), ("bot: empty", True)]
    assert apply_rules(any_store, "blog", rules(), ALWAYS) == {}
    assert restore(any_store, "blog", lambda fields: fields["reason"] == "bot: curl", ALWAYS) == {"bot: curl": 2}
    assert restore(any_store, "blog", lambda fields: True, ALWAYS) == {"bot: empty": 1}
    after = columns(any_store)
    assert after.keys() == before.keys()
    assert sum(value.pop("restored", False) for value in after.values()) == 3
    assert after == before
    assert apply_rules(any_store, "blog", rules(), ALWAYS) == {}
    assert apply_rules(any_store, "blog", rules(), ALWAYS, again=True) == {"bot: curl": 2, "bot: empty": 1}


def test_a_marked_retry_moves_with_the_event_that_it_repeats(any_store):
    first = event(1, user_agent="")
    bits = first.id.int & ((1 << 62) - 1)
    retry = timeuuid.make(timeuuid.ticks_of(first.id) + 50_000_000, bits)
    put(any_store, first)
    any_store.apply([Insert(FAMILY, marks_row("PageViews", first.row_key), str(retry), b"\x80"),
                     Insert("PageViews", first.row_key, retry, packed([first])[0].value)])
    seen = any_store.family("PageViews").get_count(first.row_key)
    apply_rules(any_store, "blog", rules(), ALWAYS)
    assert list(any_store.family("PageViews").stored(first.row_key)) == []
    assert any_store.family("Filtered").get_count(first.row_key) == seen
    restore(any_store, "blog", lambda fields: True, ALWAYS)
    assert any_store.family("PageViews").get_count(first.row_key) == seen


@pytest.mark.parametrize("since, until, moved", [
    (None, None, 4), (timedelta(minutes=10), None, 3), (None, timedelta(minutes=20), 1), (None, timedelta(days=1), 2),
    (timedelta(days=1), timedelta(days=1, minutes=10), 0), (timedelta(days=1), timedelta(days=9), 2),
])
def test_a_range_is_half_open_and_bounds_what_is_moved(store, since, until, moved):
    put(store, *(event(minutes, user_agent="") for minutes in (0, 20, 24 * 60 + 10, 48 * 60)))
    within = Range(None if since is None else MIDNIGHT + since, None if until is None else MIDNIGHT + until)
    assert apply_rules(store, "blog", rules(), within).total() == moved
    assert len(list(filtered(store, "blog", within))) == moved
    assert restore(store, "blog", lambda fields: True, within).total() == moved


def test_of_an_address_no_more_is_known_than_was_kept(store):
    put(store, event(ip="192.0.2.0"), event(ip="192.0.2.9"), event(ip=""), event(ip="2001:db8:1::"))
    given = {"exclude_addresses": "192.0.2.0/28, 2001:db8::/32"}
    assert apply_rules(store, "blog", rules(("address",), **given), ALWAYS) == {"address": 2}
    assert {each.fields["ip"] for each in filtered(store, "blog", ALWAYS)} == {"192.0.2.9", "2001:db8:1::"}


def test_the_rate_is_told_by_visitor_and_by_the_events_own_times(store):
    put(store, *(event(number / 60, visitor=b"abcdefgh") for number in range(60)),
        *(event(number, visitor=b"12345678") for number in range(60)),
        *(event(0.5, "Events", event="e", visitor=visitor) for visitor in (b"abcdefgh", b"12345678")))
    without = event()
    without.fields.pop("visitor")
    put(store, without)
    assert apply_rules(store, "blog", rules(("rate",), rate="20"), ALWAYS) == {"rate": 41}
    assert {each.fields["visitor"] for each in filtered(store, "blog", ALWAYS)} == {b"abcdefgh"}


@pytest.mark.parametrize("failing", range(1, 5))
def test_cut_off_at_any_write_no_event_is_missing_and_the_same_again_completes_it(store, monkeypatch, failing):
    events = [event(number / 60, user_agent="") for number in range(BATCH + 100)]
    put(store, *events)
    calls, apply = [], store.apply

    def dies(mutations):
        calls.append(mutations)
        if len(calls) == failing:
            raise StoreUnavailable("killed")
        apply(mutations)

    for act, expected in ((lambda: apply_rules(store, "blog", rules(), ALWAYS), (0, 0, BATCH + 100, 0)),
                          (lambda: restore(store, "blog", lambda fields: True, ALWAYS),
                           (BATCH + 100, 0, 0, BATCH + 100))):
        calls.clear()
        with monkeypatch.context() as patch:
            patch.setattr(store, "apply", dies)
            with pytest.raises(StoreUnavailable):
                act()
        assert {name for family, _, name in columns(store) if family != "Visitors"} == {each.id for each in events}
        act()
        assert counts(store) == expected


# ----- the command


@pytest.fixture
def run(store, capsys):
    """Runs the command on a site with three views, one of them curl's; returns exit code, output, errors."""
    accounts.add(store, "blog")
    put(store, event(1), event(2), event(3, user_agent="curl/8.5.0", url="http://a.example/x"))

    def run(*arguments):
        code = cli.main(["filtered", *arguments, "--data", store.url.removeprefix("sqlite:///").rpartition("/")[0]])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_the_command_lists_applies_and_restores(run, store):
    assert run("list", "blog")[:2] == (0, "blog: 0 events are kept apart\n\nBy rule\n  none\n\nBy reason\n  none\n\n"
                                          "The newest\n")
    head, titles, row, *_ = run("apply", "blog", "--dry-run")[1].splitlines()
    assert (head, titles.split(), row.split()[:3]) == (
        "1 events of blog would be kept apart.", ["By", "reason", "events"], ["bot:", "curl", "1"])
    assert run("apply", "blog", "--rule", "spam")[1] == "0 events of blog are now kept apart.\n"
    assert run("apply", "blog")[1].startswith("1 events of blog are now kept apart.\n")
    code, out, _ = run("list", "blog", "--since", "2026-01-02", "--until", "2026-01-02")
    assert (code, "2026-01-02T00:03:00  bot: curl  http://a.example/x  curl/8.5.0" in out) == (0, True)
    told = json.loads(run("list", "blog", "--reason", "bot", "--json")[1])
    assert (told["events"], told["by_rule"], told["by_reason"]) == (1, {"bot": 1}, {"bot: curl": 1})
    assert told["newest"][0]["url"] == "http://a.example/x"
    for reason in ("rate", "bot: wget"):
        assert run("restore", "blog", "--yes", "--reason", reason)[1] == "Put back 0 events of blog.\n"
    assert run("restore", "blog", "--yes", "--applied", "--reason", "bot")[1] == "Put back 1 events of blog.\n"
    assert run("apply", "blog")[1] == "0 events of blog are now kept apart.\n"
    assert run("apply", "blog", "--restored")[1].startswith("1 events of blog are now kept apart.\n")
    put(store, event(4, "Filtered", reason="page: /admin/*"))
    assert run("restore", "blog", "--yes", "--applied")[1] == "Put back 1 events of blog.\n"
    assert counts(store) == (3, 0, 1, 3)


def test_the_command_asks_before_it_puts_back_and_knows_its_sites(run, monkeypatch):
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda prompt: "n")
    assert run("restore", "blog")[0] == 130
    assert run("list", "nobody")[0] == run("apply", "nobody")[0] == run("restore", "nobody", "--yes")[0] == 2
