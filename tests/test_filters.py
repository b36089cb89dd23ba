"""What is kept apart at receipt, and why: every rule, as tables."""

import http.client
import ipaddress
import json
import os

import pytest
from crawleruseragents import CRAWLER_USER_AGENTS_DATA
from hypothesis import given
from hypothesis import strategies as st

from footfall import accounts
from footfall.accounts import Account
from footfall.cli.check import findings
from footfall.collect.filters import RULES, Lists, RuleBook, Rules, lists_of, rule_of
from footfall.collect.hit import Policy, parse_events, parse_hit
from footfall.collect.networks import NetworkSet, read_networks
from footfall.collect.rates import Rates
from footfall.config import networks
from footfall.derive.spam import SPAM_HOSTS, read_hosts, spam_host
from footfall.errors import Declined, UsageError
from footfall.packing import packed, steps, with_steps
from footfall.site_settings import parsed
from footfall.stores import open_store
from footfall.timeuuid import Clock, make
from tests.browsers import browsers
from tests.conftest import ROOT
from tests.servers import Server, fetch, footfall

BROWSERS = [agent for agent, _ in browsers()]
PAGE = "https://blog.example.com/post"
VIEW = {"url": PAGE, "referrer": "", "user_agent": BROWSERS[0]}
MINUTE = 60 * 10_000_000


@pytest.fixture
def lists(tmp_path, settings_of):
    """Lists of data centres and of spam, as files."""
    (tmp_path / "centres").write_text("# made up\n198.51.100.0/24  # a cloud\n\n2001:db8:c::/48\n")
    (tmp_path / "spam").write_text("www.spam.example\n")
    return lists_of(settings_of(datacentres=str(tmp_path / "centres"), spam_referrers=str(tmp_path / "spam")))


@pytest.mark.parametrize("given, view, address, reason", [
    ({}, {}, "192.0.2.7", None),
    ({}, {"user_agent": ""}, "192.0.2.7", "bot: empty"),
    ({}, {"user_agent": "Mozilla/5.0"}, "192.0.2.7", "bot: bare"),
    ({}, {"user_agent": "curl/8.5.0"}, "192.0.2.7", "bot: curl"),
    ({"bots": "count"}, {"user_agent": "curl/8.5.0"}, "192.0.2.7", None),
    ({}, {"bot": "webdriver"}, "192.0.2.7", "headless: webdriver"),
    ({"bots": "count"}, {"bot": "webdriver"}, "192.0.2.7", None),
    ({}, {}, "198.51.100.9", "data-centre"),
    ({}, {}, "2001:db8:c:1::1", "data-centre"),
    ({}, {}, "2001:db8:d::1", None),
    ({"bots": "count"}, {}, "198.51.100.9", None),
    ({}, {"referrer": "https://semalt.com/x"}, "192.0.2.7", "spam: semalt.com"),
    ({}, {"referrer": "http://buy.WWW.Semalt.com"}, "192.0.2.7", "spam: semalt.com"),
    ({}, {"referrer": "https://a.spam.example/"}, "192.0.2.7", "spam: spam.example"),
    ({}, {"referrer": "https://notsemalt.com/?u=semalt.com"}, "192.0.2.7", None),
    ({"spam": "count"}, {"referrer": "https://semalt.com/x"}, "192.0.2.7", None),
    ({"exclude_addresses": "192.0.2.0/28, 2001:db8::7"}, {}, "192.0.2.7", "address"),
    ({"exclude_addresses": "192.0.2.0/28, 2001:db8::7"}, {}, "2001:db8::7", "address"),
    ({"exclude_addresses": "192.0.2.0/28, 2001:db8::7"}, {}, "192.0.2.16", None),
    ({"exclude_addresses": "192.0.2.0/28"}, {}, "", None),
    ({"exclude_countries": "de, CH"}, {"country": "DE"}, "192.0.2.7", "country"),
    ({"exclude_countries": "de, CH"}, {"country": "FR"}, "192.0.2.7", None),
    ({"exclude_countries": "de, CH"}, {}, "192.0.2.7", None),
    ({"hosts": "blog.example.com"}, {}, "192.0.2.7", None),
    ({"hosts": "example.com"}, {}, "192.0.2.7", "hostname"),
    ({"hosts": "example.com, *.example.com"}, {}, "192.0.2.7", None),
    ({"hosts": "*.example.com"}, {"url": "https://www.EXAMPLE.com:8443/"}, "192.0.2.7", None),
    ({"hosts": "*.example.com"}, {"url": "https://badexample.com/"}, "192.0.2.7", "hostname"),
    ({"hosts": "*.example.com"}, {"url": "https://example.com.evil.example/"}, "192.0.2.7", "hostname"),
    ({"hosts": "blog.example.com"}, {"url": "file:///post.html"}, "192.0.2.7", "hostname"),
    ({"hosts": "blog.example.com"}, {"url": "http://[broken/"}, "192.0.2.7", "hostname"),
    ({"exclude_pages": "/admin/*, *.pdf"}, {"url": f"{PAGE}/../admin"}, "192.0.2.7", None),
    ({"exclude_pages": "/admin/*, *.pdf"}, {"url": "https://a.example/admin/x?y#z"}, "192.0.2.7", "page: /admin/*"),
    ({"exclude_pages": "/admin/*, *.pdf"}, {"url": "https://a.example/x/y.pdf?z"}, "192.0.2.7", "page: *.pdf"),
    ({"exclude_pages": "/"}, {"url": "https://a.example"}, "192.0.2.7", "page: /"),
    ({"exclude_pages": "/post", "hosts": "a.example"}, {"user_agent": "-"}, "198.51.100.1", "bot: empty"),
    ({"exclude_pages": "/post", "hosts": "a.example"}, {}, "198.51.100.1", "data-centre"),
    ({"exclude_pages": "/post", "hosts": "a.example"}, {}, "192.0.2.7", "hostname"),
])
def test_why_a_hit_is_kept_apart(lists, given, view, address, reason):
    assert Rules(parsed(given), lists).reason(VIEW | view, address) == reason


@pytest.mark.parametrize("address, network, is_in", [
    ("192.0.2.0", "192.0.2.0/24", True), ("192.0.2.0", "192.0.0.0/16", True), ("192.0.2.0", "192.0.2.0/25", False),
    ("192.0.2.7", "192.0.2.0/25", True), ("2001:db8:1::", "2001:db8::/32", True),
    ("2001:db8:1::", "2001:db8:1::/64", False), ("2001:db8:1::5", "2001:db8:1::/64", True),
    ("192.0.2.0", "192.0.2.0/25, 192.0.2.128/25", True),
])
def test_a_cut_address_is_in_a_network_if_all_that_it_may_have_been_is(address, network, is_in):
    assert NetworkSet(networks(network)).hold(address, is_cut=True) is is_in
    assert NetworkSet(networks(network)).hold(address)


NETWORK = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).flatmap(
    lambda address: st.integers(0, address.max_prefixlen).map(lambda prefix: f"{address}/{prefix}"))


@given(st.lists(NETWORK, max_size=8), st.lists(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)), max_size=5))
def test_networks_hold_what_any_of_them_holds(texts, more):
    some = [ipaddress.ip_network(text, strict=False) for text in texts]
    ends = [address for network in some for address in (network[0], network[-1])]
    beside = [type(end)(number) for end in ends for number in (int(end) - 1, int(end) + 1)
              if 0 <= number < 2**end.max_prefixlen]
    for address in (*ends, *beside, *more):
        assert NetworkSet(some).hold(str(address)) == any(
            address in network for network in some if network.version == address.version), address


@pytest.mark.parametrize("given, message", [
    ({"bots": "no"}, "--bots='no': must be filter or count"),
    ({"exclude_addresses": "192.0.2.7/24"}, "--exclude-addresses=.*host bits"),
    ({"exclude_countries": "Germany"}, "--exclude-countries='Germany': must be ISO's two letters"),
    ({"hosts": "https://example.com"}, "--hosts=.*must be hosts such as example.com"),
    ({"hosts": "ex*mple.com"}, "--hosts=.*must be hosts such as example.com"),
    ({"exclude_pages": "admin"}, "--exclude-pages='admin': must be paths such as /admin/*"),
    ({"rate": "many"}, "--rate='many': must be a whole number"),
])
def test_a_rule_that_cannot_be_is_refused_by_name(given, message):
    with pytest.raises(UsageError, match=message):
        parsed(given)


def test_lists_are_read_anew_when_they_change_and_hold_while_they_cannot_be_read(lists, settings_of, tmp_path, caplog):
    now = [0.0]
    for watched in lists:
        watched._clock = lambda: now[0]

    def reason(address):
        now[0] += 1.5
        return Rules(parsed({}), lists).reason(VIEW, address)

    path = tmp_path / "centres"
    assert (reason("198.51.100.9"), reason("203.0.113.9")) == ("data-centre", None)
    path.with_suffix(".new").write_text("203.0.113.0/24\n")
    os.replace(path.with_suffix(".new"), path)
    assert (reason("198.51.100.9"), reason("203.0.113.9")) == (None, "data-centre")
    path.write_text("203.0.113.0/24\nnonsense\n")
    assert reason("203.0.113.9") == "data-centre"
    assert f"{path}: line 2: 'nonsense' does not appear" in caplog.text
    (told,) = [finding for finding in findings(settings_of(datacentres=str(path))) if "data centres" in finding.what]
    assert (told.right, "line 2" in told.what) == (False, True)
    path.unlink()
    assert reason("203.0.113.9") == "data-centre"


@pytest.mark.parametrize("read, text", [(read_networks, "192.0.2.0/24\n1.2.3\n"), (read_hosts, "a.example\nhttp://b/\n")])
def test_a_list_that_is_none_is_refused_with_the_line(read, text):
    with pytest.raises(ValueError, match="line 2"):
        read(text)


def test_spam_hosts_are_hosts():
    assert all(spam_host(f"http://{name}/") == name for name in SPAM_HOSTS)
    assert read_hosts("\n".join(SPAM_HOSTS)) == SPAM_HOSTS


def test_the_rules_of_a_site_follow_its_settings():
    known = {"blog": Account("blog", "", "", {})}
    book = RuleBook(known.get, Lists())
    first = book.rules("blog")
    known["blog"] = Account("blog", "", "", {})
    assert book.rules("blog") is first
    known["blog"] = Account("blog", "", "", {"exclude_pages": "/post"})
    assert book.rules("blog").reason(VIEW, "") == "page: /post"
    assert book.rules("shop").reason(VIEW, "") is None
    known["blog"] = Account("blog", "", "", {"colour": "of a newer footfall"})
    assert book.rules("blog").reason(VIEW, "") is None


# ----- hits by the beacon's parser


def received(views, policy, headers=None, at=0):
    return parse_events(json.dumps(views).encode(), {"user-agent": BROWSERS[0]} | (headers or {}), "192.0.2.7",
                        policy=policy, clock=Clock(lambda: (MINUTE * 1000 + at) * 100))


def policy_of(given, rates=None):
    book = RuleBook(lambda name: Account(name, "", "", given), Lists())
    return Policy(None, "truncated", (), rules=book.rules, rates=rates)


def test_a_hit_that_is_kept_apart_has_all_its_fields_and_the_reason():
    view = {"id": "blog", "url": PAGE, "title": "Hi", "screen": "1x1", "bot": "webdriver"}
    event = {"id": "blog", "url": PAGE, "event": "signup", "props": {"plan": "pro"}, "bot": "webdriver"}
    counted = received([view, event], policy_of({"bots": "count"}))
    apart = received([view, event], policy_of({}))
    assert [each.family for each in counted] == ["PageViews", "Events"]
    assert [each.family for each in apart] == ["Filtered", "Filtered"]
    assert [each.fields for each in apart] == [each.fields | {"reason": "headless: webdriver"} for each in counted]


def test_a_hit_that_is_kept_apart_is_no_step_in_a_trail():
    view = {"id": "blog", "url": PAGE, "visitor": "abc", "bot": "webdriver"}
    for settings, count in (({"bots": "count"}, 1), ({}, 0)):
        (event,) = received(view, policy_of(settings)._replace(cookies=True))
        column, *step = with_steps(packed([event]))
        assert len(step) == len(steps([column])) == count


def test_more_page_views_a_minute_than_a_reader_reads_are_kept_apart_until_they_are_fewer():
    policy = policy_of({"rate": "3"}, rates=Rates())
    view, event = {"id": "blog", "url": PAGE}, {"id": "blog", "url": PAGE, "event": "e"}

    def families(views, at, **more):
        return "".join(each.family[0] for each in received(views, policy, at=at, **more))

    assert families([event] * 5 + [view] * 5 + [event], 0) == "EEEEE" + "PPPFF" + "F"
    assert families([view] * 2, 0, headers={"user-agent": BROWSERS[1]}) == "PP"
    assert families([{**view, "id": "shop"}], 0) == "P"
    assert families([view], MINUTE) == "F"
    assert families([view], 2 * MINUTE) == "P"
    again = {"id": "blog", "url": PAGE, "eid": "one", "retry": True}
    assert families([again] * 9 + [view], 4 * MINUTE) == "P" * 10
    assert families([view] * 9, 0) == "P" * 3 + "F" * 6
    assert families([view] * 9, 6 * MINUTE, headers={"user-agent": ""}) == "F" * 9


def test_a_site_may_take_any_rate_and_what_no_clock_tells_has_none():
    view = [{"id": "blog", "url": PAGE}] * 50
    assert {each.family for each in received(view, policy_of({"rate": "0"}, rates=Rates()))} == {"PageViews"}
    assert {each.family for each in received(view, policy_of({"rate": "1"}))} == {"PageViews"}


@pytest.mark.parametrize("address, family", [
    ("203.0.113.9", "Filtered"), ("2001:db8::1", "Filtered"), ("127.0.0.1", "PageViews"), ("::1", "PageViews"),
    ("10.1.2.3", "PageViews"), ("192.168.1.1", "PageViews"), ("fd00::1", "PageViews")])
def test_the_rate_of_an_address_that_many_may_share_is_not_asked(address, family):
    policy = policy_of({"rate": "1"}, rates=Rates())
    views = [parse_hit(b"id=blog&url=x", {"user-agent": BROWSERS[0]}, address, policy=policy, name=make(0, number))
             for number in range(3)]
    assert views[-1].family == family


def test_senders_beyond_those_that_are_remembered_are_readers():
    rates = Rates(most=2)
    assert [rates.is_beyond((name,), 0, 1) for name in "abcabc"] == [False, False, False, True, True, False]


def test_of_a_post_for_several_sites_those_that_ignore_an_objection_are_taken():
    given = {"blog": {}, "shop": {"dnt": "ignore"}}
    policy = Policy(None, "truncated", (), rules=RuleBook(
        lambda name: Account(name, "", "", given[name]), Lists()).rules)
    views = [{"id": name, "url": PAGE} for name in ("blog", "shop")]
    assert [each.account for each in received(views, policy, {"dnt": "1"})] == ["shop"]
    with pytest.raises(Declined, match="gpc"):
        received(views[:1], policy, {"sec-gpc": "1", "dnt": "1"})


# ----- a server, and the docs


def test_a_server_keeps_every_known_bot_apart_and_no_current_browser(tmp_path):
    bots = sorted({agent for bot in CRAWLER_USER_AGENTS_DATA for agent in bot["instances"] if agent.isascii()})
    agents = [*bots, *BROWSERS[:500]]
    footfall(tmp_path, "site", "add", "blog")
    with Server(tmp_path) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        for number, agent in enumerate(agents):
            connection.request("GET", f"/a.gif?id=blog&url={PAGE}/{number}", headers={"User-Agent": agent.strip()})
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200
        connection.close()
        shown = fetch(f"{server.url}/metrics")[2].decode()
        server.stop()
    assert f'footfall_hits_total{{reason="bot",result="filtered"}} {len(bots)}.0\n' in shown
    assert 'footfall_hits_total{reason="",result="stored"} 500.0\n' in shown
    with open_store(f"sqlite:///{tmp_path}/footfall.db") as store:
        found = {family: {value["url"] for _, row in store.family(family).get_range(column_count=10_000)
                          for value in row.values()} for family in ("PageViews", "Filtered")}
        assert len(accounts.all_accounts(store)) == 1
    assert found["Filtered"] == {f"{PAGE}/{number}" for number in range(len(bots))}
    assert found["PageViews"] == {f"{PAGE}/{number}" for number in range(len(bots), len(agents))}


def test_every_rule_is_documented_in_the_order_in_which_it_is_asked():
    text = (ROOT / "docs" / "filters.md").read_text()
    places = [text.index(f"| `{rule}` |") for rule in RULES]
    assert places == sorted(places)
    assert [rule_of(reason) for reason in ("bot: Googlebot", "rate", "page: /a:b")] == ["bot", "rate", "page"]
