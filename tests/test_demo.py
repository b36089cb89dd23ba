"""Made-up traffic: the same everywhere, exact, and like a real site's."""

import json
import signal
from collections import Counter, defaultdict
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b
from ipaddress import ip_address, ip_network
from itertools import pairwise

import pytest

from footfall import accounts, cli
from footfall.collect.filters import Lists, RuleBook
from footfall.collect.hit import Policy, parse_events
from footfall.columns import sort_name
from footfall.derive.agents import bot_name, parse_agent
from footfall.derive.referrers import CHANNELS, source_of
from footfall.pageview import unpack
from footfall.salts import period
from footfall.storage import FAMILIES
from footfall.stores import open_store
from footfall.stores.memory import MemoryStore
from footfall.timeuuid import TICKS_PER_SECOND, datetime_of, ticks_of
from footfall.transfer.demo import Plan, begin, write
from footfall.transfer.demo.agents import AGENTS
from footfall.transfer.demo.places import PLACES
from footfall.transfer.demo.visits import day_events
from tests.servers import start
from tests.waiting import until

UNTIL = date(2026, 3, 31)
OPTIONS = ("--until", "2026-03-31", "--days", "20", "--views", "2000", "--seed", "7")
#: What 60 views of 3 days come to. Another number says that what users and benchmarks have had is no longer made.
PINNED = "5dd7fab078da8882"
RESERVED = [ip_network(text) for text in ("198.18.0.0/15", "2001:db8::/32", "203.0.113.0/24")]
BROWSERS = {"Chrome", "Edge", "Firefox", "Safari", "Opera", "Mobile Safari", "Chrome Mobile", "Samsung Internet"}


def made(views=2000, days=20, seed=7, visitors="daily"):
    plan = Plan("demo", UNTIL, days, views, seed, visitors)
    return [event for number in range(days) for event in day_events(plan, number)]


def stored(plan, store=None):
    store = store or MemoryStore()
    write(store, plan, begin(store, plan, 0, force=False), 0, lambda written: None)
    return contents(store)


def contents(store):
    """Every column of a store, but of the sites, which know when they were added."""
    return {(name, key): dict(store.family(name).stored(key)) for name in FAMILIES if name != "Accounts"
            for key in store.family(name).row_keys()}


def digest(rows):
    found = blake2b(digest_size=8)
    for (family, key), row in sorted(rows.items()):
        for name, value in row.items():
            found.update(f"{family} {key} ".encode() + sort_name(name) + value)
    return found.hexdigest()


def local(event):
    """The time of an event by its reader's clock; of a reader whose city is not known, ``None``."""
    ahead = next((place.minutes_ahead for _, place in PLACES
                  if place.fields["city"] == event.fields.get("city")), None)
    return None if ahead is None else datetime_of(event.id) + timedelta(minutes=ahead)


def visits(events):
    """The events of each visit: a visitor's, with gaps of half an hour at most."""
    by_visitor = defaultdict(list)
    for event in events:
        if event.family != "Filtered":
            by_visitor[event.fields["visitor"]].append(event)
    for some in by_visitor.values():
        some.sort(key=lambda event: ticks_of(event.id))
        visit = some[:1]
        for before, event in pairwise(some):
            if datetime_of(event.id) - datetime_of(before.id) > timedelta(seconds=1800):
                yield visit
                visit = []
            visit.append(event)
        yield visit


@pytest.fixture(scope="module")
def month():
    """The events of 28 days, with 12,000 page-views."""
    return made(12_000, 28)


@pytest.fixture(scope="module")
def views(month):
    return [event for event in month if event.family == "PageViews"]


def test_the_same_plan_writes_the_same_bytes_on_every_machine():
    plan = Plan("demo", UNTIL, 3, 60, 7)
    assert stored(plan) == stored(plan)
    assert digest(stored(plan)) == PINNED
    for other in ({"seed": 8}, {"days": 4}, {"views": 61}, {"account": "blog"}, {"visitors": "weekly"}):
        assert digest(stored(replace(plan, **other))) != PINNED


@pytest.mark.parametrize("views, days", [(1, 1), (1, 90), (7, 90), (500, 1), (501, 1), (2000, 7)])
def test_there_are_exactly_as_many_page_views_all_in_the_range(views, days):
    plan = Plan("demo", UNTIL, days, views, 3)
    rows = stored(plan)
    assert sum(len(row) for (family, _), row in rows.items() if family == "PageViews") == views
    assert {key for family, key in rows if family in ("PageViews", "Events", "Filtered")} <= set(plan.row_keys())


def test_no_two_events_share_a_name_and_each_day_is_in_order(month):
    assert len({event.id for event in month}) == len(month)
    plan = Plan("demo", UNTIL, 28, 12_000, 7)
    times = [ticks_of(event.id) for event in day_events(plan, 3)]
    assert times == sorted(times)


def test_what_is_written_is_what_the_collector_makes_of_it(month):
    known = {place.fields["city"]: place.fields for _, place in PLACES}
    asked = Counter()
    for event in month:
        fields = dict(event.fields)
        at = ticks_of(event.id)
        policy = Policy(None, "truncated", (), rules=RuleBook(lambda account: None, Lists()).rules,
                        visitor=lambda *_, fields=fields: fields["visitor"],
                        places=lambda _, fields=fields: known.get(fields.get("city")) or {
                            "country": fields["country"]} if "country" in fields else {})
        posted = {"id": "demo", "url": fields["url"], "ref": fields["referrer"], "title": fields["title"], "eid": "a",
                  "at": at // 10_000}
        posted |= {name: fields[name] for name in ("event", "props", "engaged", "scroll", "screen", "bot")
                   if name in fields}
        headers = {"user-agent": fields["user_agent"], "accept-language": fields["language"]}

        class Clock:
            @staticmethod
            def ticks(at=at):
                return at

        (taken,) = parse_events(json.dumps(posted).encode(), headers, fields["ip"], policy=policy, clock=Clock)
        assert (taken.family, list(taken.fields.items())) == (event.family, list(fields.items()))
        asked[event.family] += 1
    assert min(asked.values()) > 100
    assert set(asked) == {"PageViews", "Events", "Filtered"}


def test_each_event_that_counts_is_a_step_of_its_visitor():
    rows = stored(Plan("demo", UNTIL, 3, 200, 7))
    steps = {name for (family, _), row in rows.items() if family == "Visitors" for name in row}
    assert steps == {(unpack(value)["visitor"], name) for (family, _), row in rows.items()
                     if family in ("PageViews", "Events") for name, value in row.items()}


def test_half_of_the_visits_see_one_page_and_some_last(month):
    bounces = many = total = 0
    for visit in visits(month):
        names = [event.fields.get("event") for event in visit]
        bounces += names.count(None) == 1 and set(names) <= {None, "engagement"}
        many += names.count(None) >= 8
        total += 1
    assert 0.45 < bounces / total < 0.6
    assert many / total > 0.02
    assert len({event.fields["visitor"] for event in month}) < total


def test_readers_go_from_page_to_page(views):
    channels = Counter(source_of(event.fields["url"], event.fields["referrer"]).channel for event in views)
    assert set(channels) == set(CHANNELS)
    assert 0.5 < channels["internal"] / channels.total() < 0.75
    assert channels["search"] > channels["social"] > channels["ads"] > 0


def test_readers_are_awake_by_day_and_work_from_monday_to_friday(views):
    times = [when for event in views if (when := local(event))]
    hours = Counter(when.hour for when in times)
    assert sum(hours[hour] for hour in (2, 3, 4)) * 4 < sum(hours[hour] for hour in (10, 11, 14))
    days = Counter(when.weekday() for when in times)
    assert max(days[5], days[6]) < 0.8 * min(days[number] for number in range(5))


def test_a_site_grows_and_some_days_are_in_the_news():
    plan = Plan("demo", UNTIL, 90, 90_000, 7)
    by_day = [sum(plan.by_hour(number)) for number in range(90)]
    assert sum(by_day[60:]) > 1.3 * sum(by_day[:30])
    news = next(number for number in range(90) if plan.news(number))
    read = Counter(event.fields["url"] for event in day_events(plan, news) if event.family == "PageViews")
    before = Counter(event.fields["url"] for event in day_events(plan, news - 1) if event.family == "PageViews")
    page = plan.news(news).page.url
    assert read[page] > 3 * before[page]


@pytest.mark.parametrize("mode, hours", [("daily", 1), ("weekly", 24), ("monthly", 24), ("cookie", 24)])
def test_a_visitor_is_known_again_for_as_long_as_the_mode_says(mode, hours):
    """``hours``: after how many there are visitors who came again."""
    seen = defaultdict(list)
    for event in sorted(made(4000, 28, visitors=mode), key=lambda event: ticks_of(event.id)):
        if event.family == "PageViews":
            seen[event.fields["visitor"]].append(event)
    times = [[ticks_of(event.id) for event in some] for some in seen.values()]
    assert sum(some[-1] - some[0] > hours * 3600 * TICKS_PER_SECOND for some in times) > 50
    if mode == "cookie":
        assert all([event.fields.get("new", False) for event in some] == [True] + [False] * (len(some) - 1)
                   for some in seen.values())
    else:
        # A visit may go on for half an hour past the change.
        assert all(some[-1] < period(mode, some[0]).end + 1800 * TICKS_PER_SECOND for some in times)
        assert not any("new" in event.fields for some in seen.values() for event in some)


def test_the_browsers_are_known_ones_and_none_is_a_bot():
    assert len(AGENTS.things) >= 60
    assert len({agent.user_agent for agent in AGENTS.things}) == len(AGENTS.things)
    found = [parse_agent(agent.user_agent) for agent in AGENTS.things]
    assert all(each.browser not in ("", "Other") and each.os for each in found)
    assert {each.browser for each in found} >= BROWSERS
    assert {each.device for each in found} == {"desktop", "mobile", "tablet"}
    assert not [agent for agent in AGENTS.things if bot_name(agent.user_agent)]


def test_what_is_kept_apart_has_its_reasons(month):
    rules = Counter(event.fields["reason"].partition(":")[0] for event in month if event.family == "Filtered")
    assert set(rules) == {"bot", "headless", "spam"}
    assert 0.01 < rules.total() / 12_000 < 0.04


def test_events_of_every_kind_happen_and_no_address_is_anybodys(month):
    names = Counter(event.fields["event"] for event in month if event.family == "Events")
    assert set(names) == {"engagement", "outbound", "download", "signup", "404"}
    assert {event.fields["props"]["plan"] for event in month if event.fields.get("event") == "signup"} == {
        "free", "supporter", "patron"}
    addresses = {event.fields["ip"] for event in month}
    assert len(addresses) > 1000
    assert all(any(ip_address(address) in network for network in RESERVED) for address in addresses)
    assert len({event.fields["country"] for event in month if "country" in event.fields}) >= 30


@pytest.fixture
def run(capsys, settings_of):
    data = settings_of().data

    def run(*arguments):
        code = cli.main(["demo", "--data", str(data), *arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def test_the_command_adds_the_site_and_says_what_it_wrote(run, store):
    code, out, err = run(*OPTIONS)
    assert (code, err) == (0, "")
    assert out.startswith("Added demo.\ndemo: 2,000 page-views (mean 35")
    assert out.endswith("kept apart; 2026-03-12 to 2026-03-31.\n")
    assert [account.url for account in accounts.all_accounts(store)] == ["https://demo.example.com"]
    assert contents(store) == stored(Plan("demo", UNTIL, 20, 2000, 7))


def test_events_that_are_there_are_not_mixed_with_others_unless_told_to(run, store):
    accounts.add(store, "demo")
    assert run(*OPTIONS)[0] == 0
    there = contents(store)
    code, out, err = run(*OPTIONS[:-1], "8")
    assert (code, out) == (2, "")
    assert "has PageViews on 20 of these 20 days, such as 20260312; name another --site" in err
    assert contents(store) == there
    assert run(*OPTIONS, "--force")[0] == 0
    assert contents(store) == there
    assert run(*OPTIONS[:-1], "8", "--force")[0] == 0
    assert sum(len(row) for (family, _), row in contents(store).items() if family == "PageViews") == 4000
    assert run(*OPTIONS, "--site", "other")[0] == 0


@pytest.mark.parametrize("arguments, message", [
    (("--until", "soon"), "--until='soon': must be a day such as 2026-03-31"),
    (("--until", "1970-01-31", "--days", "32"), "--days=32: begins before 1970-01-01"),
    (("--until", "0001-01-01"), "--days=90: begins before 1970-01-01"),
    (("--site", "a/b"), "account 'a/b': must be"),
    (("--views", "0"), "--views"),
    (("--days", "31", "--retention", "30"), "demo keeps 30 days; ask for fewer"),
])
def test_what_cannot_be_is_refused(run, store, arguments, message):
    code, _, err = run(*arguments)
    assert code == 2
    assert message in err
    assert not list(store.family("PageViews").row_keys())


def test_without_a_day_the_last_one_is_today(run, store):
    before = datetime.now(UTC).date()
    assert run("--days", "30", "--views", "300", "--retention", "30")[0] == 0
    after = datetime.now(UTC).date()
    assert max(store.family("PageViews").row_keys()) in {f"{day:%Y%m%d}.demo" for day in (before, after)}


@pytest.mark.ours
def test_a_run_that_was_killed_is_gone_on_with(run, store, settings_of):
    options = ("--until", "2026-03-31", "--days", "90", "--views", "20000")
    process = start(settings_of().data, "demo", *options)
    with process:
        until(lambda: len(list(store.family("PageViews").row_keys())) > 3)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    code, _, err = run(*options)
    assert code == 0
    assert err.startswith("footfall: goes on with 2026-0")
    assert contents(store) == stored(Plan("demo", UNTIL, 90, 20_000, 1))
    assert run(*options)[0] == 2


@pytest.mark.needs("java", "mvn")
def test_a_cluster_gets_the_same(cassandra_url, settings_of):
    plan = Plan("demo", UNTIL, 2, 300, 7)
    with closing(open_store(cassandra_url("demo"), settings_of())) as cluster:
        cluster.init()
        assert stored(plan, cluster) == stored(plan)
