"""What a user agent tells: browsers, systems, kinds of device, and which agents are bots."""

import json
import re
from importlib import resources

import pytest
from crawleruseragents import CRAWLER_USER_AGENTS_DATA

from footfall.derive.agents import BOTS, DEVICES, Agent, bot_name, parse_agent
from tests.browsers import BLINK, WEBKIT, browsers
from tests.conftest import BLOG_LOG, ROOT

BROWSERS = dict(browsers())


@pytest.mark.parametrize("user_agent, expected", [
    (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {BLINK} Chrome/140.0.0.0 Safari/537.36",
     Agent("Chrome", "140", "Windows", "10", "desktop")),
    (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {BLINK} Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
     Agent("Edge", "140", "Windows", "10", "desktop")),
    (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Version/18.3 Safari/605.1.15",
     Agent("Safari", "18.3", "Mac OS X", "10.15", "desktop")),
    (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Version/18.3 Mobile/15E148 Safari/604.1",
     Agent("Safari", "18.3", "Mac OS X", "10.15", "tablet")),
    ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
     Agent("Firefox", "140", "Linux", "", "desktop")),
    ("Mozilla/5.0 (compatible; MSIE 10.0; Windows NT 6.2; Trident/6.0; Tablet PC 2.0)",
     Agent("IE", "10", "Windows", "8", "desktop")),
    (f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) {WEBKIT} Version/18.5 Mobile/15E148 Safari/604.1",
     Agent("Mobile Safari", "18.5", "iOS", "18.5", "mobile")),
    (f"Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X) {WEBKIT} Version/12.1 Mobile/15E148 Safari/604.1",
     Agent("Mobile Safari", "12.1", "iOS", "12.5", "tablet")),
    (f"Mozilla/5.0 (Linux; Android 14; SM-X910) {BLINK} SamsungBrowser/28.0 Chrome/130.0.0.0 Safari/537.36",
     Agent("Samsung Internet", "28", "Android", "14", "tablet")),
    ("Mozilla/5.0 (Linux; U; Android 2.3.4; LG-P698) Version/4.0 Mobile Safari/533.1 MMS/LG-Android-MMS-V1.0/1.2",
     Agent("Android", "2.3", "Android", "2.3", "mobile")),
    ("Dalvik/2.1.0 (Linux; U; Android 10; SM-A405FN Build/QP1A)", Agent("Android", "10", "Android", "10", "mobile")),
    ("Opera/9.80 (J2ME/MIDP; Opera Mini/9.80) Presto/2.12", Agent("Opera Mini", "9.80", "", "", "mobile")),
    ("curl/8.5.0", Agent("curl", "8.5", "", "", "other")),
    ("Googlebot/2.1 (+http://www.google.com/bot.html)", Agent("Googlebot", "2.1", "", "", "other")),
    ("", Agent("", "", "", "", "other")),
    ("\x00\ud7ff" * 200, Agent("", "", "", "", "other")),
])
def test_what_an_agent_tells(user_agent, expected):
    assert parse_agent(user_agent) == expected


def test_the_kind_of_device_of_current_browsers():
    assert len(BROWSERS) >= 500
    assert {agent: parse_agent(agent).device for agent in BROWSERS} == BROWSERS


def test_no_current_browser_is_a_bot_nor_an_app_that_shows_pages():
    assert {agent: name for agent in BROWSERS if (name := bot_name(agent))} == {}


@pytest.fixture(scope="module")
def seen_agents():
    """Agents that somebody else has collected from readers, and told apart."""
    lines = resources.files("fake_useragent").joinpath("data/browsers.jsonl").read_text().splitlines()
    return {seen["useragent"]: seen for seen in map(json.loads, lines)}


def test_collected_agents_are_told_apart_as_those_did_who_collected_them(seen_agents):
    assert len(seen_agents) > 500
    # They take a Macintosh that says Mobile for a computer; it is an iPad.
    theirs = {agent: (seen["os"], seen["type"]) for agent, seen in seen_agents.items() if "Macintosh" not in agent}
    assert {agent: parse_agent(agent)[2::2] for agent in theirs} == theirs


def test_no_collected_agent_is_a_bot(seen_agents):
    assert {agent: name for agent in seen_agents if (name := bot_name(agent))} == {}


def test_every_bot_of_the_list_is_one():
    agents = [agent for bot in CRAWLER_USER_AGENTS_DATA for agent in bot["instances"]]
    assert len(agents) > 1_000
    assert [agent for agent in agents if not bot_name(agent)] == []


def test_every_bot_has_a_name_without_the_marks_of_a_pattern():
    names = {name for bot in CRAWLER_USER_AGENTS_DATA for agent in bot["instances"] if (name := bot_name(agent))}
    assert [name for name in names if not name or re.search(r"[][\\|^$()*?]", name)] == []


@pytest.mark.parametrize("user_agent, expected", [
    ("", "empty"),
    ("-", "empty"),
    ("Mozilla/5.0", "bare"),
    ("Googlebot/2.1 (+http://www.google.com/bot.html)", "Googlebot"),
    ("Mozilla/5.0 (compatible; ClaudeBot/1.0; +claudebot@example.com)", "claudebot"),
    ("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", "facebookexternalhit"),
    ("curl/8.5.0", "curl"),
    ("python-requests/2.32.3", "python-requests"),
    ("Go-http-client/2.0", "Go-http-client"),
    ("okhttp/4.12.0", "okhttp"),
    ("node", "library"),
    ("Java/17.0.1", "library"),
    ("GuzzleHttp/7", "library"),
    ("MyHttpClient/1.0", "library"),
    ("k6/0.52.0", "load test"),
    (f"Mozilla/5.0 (X11; Linux x86_64) {BLINK} HeadlessChrome/140.0.0.0 Safari/537.36", "HeadlessChrome"),
    ("Mozilla/5.0 (Unknown; Linux x86_64) AppleWebKit/538.1 (KHTML, like Gecko) PhantomJS/2.1.1", "PhantomJS"),
    ("jsdom/20.0.0", "headless"),
    ("Mozilla/5.0 (compatible; Example Crawler)", "bot"),
    ("Mozilla/5.0 (compatible; ExampleBot; )", "bot"),
    ("examplebot/1.0", "bot"),
    ("Mozilla/5.0 (compatible; Example/1.0; +https://example.com/about)", "address"),
    ("Example (owner@example.com)", "address"),
    (f"Mozilla/5.0 (Linux; Android 13; CUBOT X50) {BLINK} Chrome/138.0.0.0 Mobile Safari/537.36", None),
    ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_4 like Mac OS X) Version/18.4 Mobile/15E148 (Ecosia ios@11.0.2.22)", None),
])
def test_bots_by_name(user_agent, expected):
    assert bot_name(user_agent) == expected


def test_every_rule_and_device_is_documented():
    text = (ROOT / "docs" / "enrichment.md").read_text()
    names = [name for name, *_ in (*BOTS, *DEVICES)] + ["other"]
    assert [name for name in names if f"`{name}`" not in text] == []


@pytest.mark.needs("blog-log")
def test_what_a_real_log_holds_that_calls_itself_a_bot_is_one():
    agents = set(re.findall(r'"([^"]*)"$', BLOG_LOG.read_text(errors="replace"), re.MULTILINE))
    assert len(agents) > 300
    frank = {agent for agent in agents if re.search(r"bot|crawl|spider|https?:", agent, re.IGNORECASE)}
    assert {agent for agent in frank if not bot_name(agent)} == set()
    desktops = {agent for agent in agents if re.match(r"Mozilla/5\.0 \((?:Windows NT|Macintosh)[^@:]*Chrome/", agent)}
    assert {agent for agent in desktops if bot_name(agent) or parse_agent(agent).device != "desktop"} == set()
