"""What a user agent tells: the browser, the system and the kind of device, or which bot it is.

Browsers and systems are named as ua-parser's regular expressions name them, bots as the list of
crawler-user-agents does. Pure functions over a stored event, so that better rules apply to old events too;
docs/enrichment.md defines the kinds of device.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ua_parser import Resolver


class Agent(NamedTuple):
    """Who asked for a page; a field is empty where the agent does not tell.

    :param browser: ua-parser's family, such as ``Firefox`` or ``Mobile Safari``.
    :param browser_version: as in ``140``, or ``18.3`` where there is a minor version other than 0.
    :param os: ua-parser's family, such as ``Windows`` or ``iOS``.
    :param os_version: in the same form.
    :param device: the first of :data:`DEVICES` that fits, else ``other``.
    """

    browser: str
    browser_version: str
    os: str
    os_version: str
    device: str


#: The kinds of device, first match wins: the families of systems that run on nothing else, and what an agent says.
#: Tablets come before phones: an iPad or a Kindle may say "Mobile" too, and Android tablets are those Androids
#: that do not, but for apps. A Macintosh that says it is an iPad in disguise; a "Tablet PC" is a Windows
#: computer. "Mobi" is what MDN advises to look for in phones.
DEVICES: tuple[tuple[str, frozenset[str], str], ...] = (
    ("console", frozenset(), r"PlayStation|Nintendo|Xbox"),
    ("tv", frozenset({"tvOS", "ATV OS X", "GoogleTV", "WebTV", "Roku", "FireHbbTV", "Chromecast Android",
                      "Chromecast Fuchsia", "Chromecast Linux", "Web0S"}),
     r"\bTV\b|(?:Smart|Hbb|Apple|Google|NET|D|Mi)TV|CrKey|Roku|\bAFT[A-Z]{1,6}\b|BRAVIA|NetCast"),
    ("tablet", frozenset({"BlackBerry Tablet OS", "Kindle"}),
     r"iPad|Macintosh.*Mobile/|Tablet(?! PC)|PlayBook|Kindle|Silk/|^(?!.*(?:Mobi|Opera Mini|Dalvik)).*Android"),
    ("mobile", frozenset({"iOS", "Android", "HarmonyOS", "Windows Phone", "Windows Mobile", "BlackBerry OS", "KaiOS",
                          "Firefox OS", "Symbian OS", "Nokia Series 30 Plus", "Nokia Series 40", "Bada", "MeeGo",
                          "Maemo", "Sailfish", "webOS", "BREW", "Brew MP"}),
     r"Mobi|Opera Mini|J2ME|MIDP|Symbian"),
    ("desktop", frozenset({"Windows", "Mac OS X", "Mac OS", "Chrome OS", "Linux", "Ubuntu", "Kubuntu", "Lubuntu",
                           "Linux Mint", "Debian", "Fedora", "Red Hat", "CentOS", "SUSE", "openSUSE", "Mandriva",
                           "Mageia", "PCLinuxOS", "Arch Linux", "Gentoo", "Slackware", "Puppy", "FreeBSD", "OpenBSD",
                           "NetBSD", "BSD", "Solaris", "SerenityOS"}),
     r"OS/2|Haiku"),
)

#: Bots that crawler-user-agents leaves out, by the names they get here; the first that is found. What loads
#: pages without a reader is a bot: HTTP libraries, browsers that are driven by a test, checkers. No browser
#: names its maker's address in its agent.
BOTS: tuple[tuple[str, str], ...] = (
    ("empty", r"^\W*$"),
    ("bare", r"^(?:Mozilla/\d\.\d|Mozilla|Chrome|Safari|Firefox|IE|Opera|null|undefined|test)$"),
    ("headless", r"(?i)headless|phantomjs|slimerjs|playwright|puppeteer|selenium|webdriver|cypress/|jsdom"),
    ("library", r"^(?:Java|Ruby|node|undici|Deno|Bun|reqwest|ureq|PHP|Faraday|GuzzleHttp|PostmanRuntime|insomnia|"
                r"libcurl|lua-resty-http|Symfony|lwp|Mechanize|Typhoeus|RestSharp|Dart|WinHTTP|Jakarta|HTTP_Request)"
                r"(?:\b|[/\s_-]|$)"),
    ("library", r"^[\w.-]*(?:[Hh]ttp-?[Cc]lient|HTTP::)"),
    ("load test", r"^(?:k6|wrk|vegeta|ab|ApacheBench|siege|hey|oha|Apache-Bench|Gatling|Locust)(?:/|$)"),
    ("bot", r"(?i)(?:^|[^a-z])(?:bot|crawler|spider|scraper|archiver|feed ?fetcher|link ?checker)(?:[^a-z]|$)"),
    # CUBOT makes telephones.
    ("bot", r"[a-z]Bot(?:[^a-z]|$)|[a-z]bot/\d"),
    ("address", r"(?i)https?://|\bwww\.\w|\w@[a-z][a-z0-9-]*\.[a-z]{2}"),
)


@lru_cache(maxsize=16384)
def parse_agent(user_agent: str) -> Agent:
    """Return what a user agent tells of browser, system and device."""
    from ua_parser import Domain

    found = _families()(user_agent, Domain.USER_AGENT | Domain.OS)
    browser, system = found.user_agent, found.os
    family = system.family if system else ""
    return Agent(browser.family if browser else "", _version(browser.major, browser.minor) if browser else "",
                 family, _version(system.major, system.minor) if system else "", _device(user_agent, family))


@lru_cache(maxsize=16384)
def bot_name(user_agent: str) -> str | None:
    """Return the bot that a user agent is, by the name of the rule that tells it; ``None`` for a reader's browser.

    The name is the pattern in crawler-user-agents without its marks of a pattern, such as ``Googlebot``; or
    that of the rule in :data:`BOTS`, such as ``empty``.
    """
    from ua_parser import Domain

    rule = _bots()(user_agent, Domain.USER_AGENT).user_agent
    return rule.family if rule else None


def _version(major: str | None, minor: str | None) -> str:
    return f"{major}.{minor}" if major and minor and minor != "0" else major or ""


def _device(user_agent: str, system: str) -> str:
    return next((device for device, systems, pattern in DEVICES
                 if system in systems or re.search(pattern, user_agent)), "other")


# What follows is loaded when it is first needed: it takes a tenth of a second and 20 MB.
@cache
def _families() -> Resolver:
    from ua_parser import load_lazy_builtins
    from ua_parser.regex import Resolver

    return Resolver(load_lazy_builtins())


@cache
def _bots() -> Resolver:
    """The patterns of all bots as one matcher: ua-parser's looks through 1,500 in a few microseconds."""
    from crawleruseragents import CRAWLER_USER_AGENTS_DATA
    from ua_parser.matchers import UserAgentMatcher
    from ua_parser.regex import Resolver

    listed = [(_plain(crawler["pattern"]), crawler["pattern"]) for crawler in CRAWLER_USER_AGENTS_DATA]
    return Resolver(([UserAgentMatcher(pattern, name) for name, pattern in (*listed, *BOTS)], [], []))


def _plain(pattern: str) -> str:
    r"""Return a pattern as a name: ``Googlebot\/`` is Googlebot, ``[cC]laude[bB]ot`` claudebot."""
    text = pattern.replace(r"[\s\S]*", " ").replace(r"\d\.\d+", "").replace("(^| )", "").replace("([^-]|$)", "")
    text = re.sub(r"\[(\w)\w*\]", r"\1", text)
    text = re.sub(r"\((\w+)\|[^)]*\)", r"\1", text).partition("|")[0]
    return text.replace("\\", "").partition(" (")[0].strip("^$ /();")
