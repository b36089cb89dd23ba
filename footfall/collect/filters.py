"""Which hits are kept apart, and why: the rules of an account, pure.

What a rule finds goes to the family ``Filtered`` with the rule's name as ``reason``, so nothing is dropped, and
``footfall filtered`` shows it and puts it back. docs/filters.md defines every rule.
"""

from __future__ import annotations

import ipaddress
import logging
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from fnmatch import translate
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from footfall.accounts import Account
from footfall.collect.networks import NetworkSet, read_networks
from footfall.collect.rates import Rates
from footfall.collect.watched import Watched
from footfall.config import Config
from footfall.derive.agents import bot_name
from footfall.derive.spam import read_hosts, spam_host
from footfall.derive.urls import host
from footfall.errors import UsageError
from footfall.packing import FILTERED
from footfall.pageview import Event
from footfall.site_settings import parsed

# Addresses that many may share: of this machine, of a private network, of a provider's customers.
_NETWORKS_OWN = tuple(map(ipaddress.ip_network, (
    "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10",
    "::1/128", "fc00::/7", "fe80::/10")))

#: Every rule, in the order in which they are asked; the first that finds something gives the reason.
RULES: Mapping[str, str] = {
    "bot": "the user agent is a bot's, or empty",
    "headless": "the tracker says that a program drives the browser",
    "data-centre": "the address is in a data centre",
    "spam": "the referrer is known for spam",
    "address": "the address is one of the site's own",
    "country": "the country is left out",
    "hostname": "the page's host is not the site's",
    "page": "the page is left out",
    "rate": "more page-views a minute than a reader reads",
}

#: Tells of stored fields, an address, and whether that is only a part, what is found: ``None`` for nothing, and
#: where the rule's name says it all, nothing more.
_Test = Callable[[Mapping[str, Any], str, bool], str | None]

_log = logging.getLogger(__name__)


class Lists(NamedTuple):
    """What the rules of all accounts look up: each is read anew when its file changes."""

    data_centres: Watched[NetworkSet] = Watched(None, read_networks, NetworkSet())
    spam: Watched[frozenset[str]] = Watched(None, read_hosts, frozenset())


def lists_of(config: Config) -> Lists:
    """Return the lists that the settings name."""
    return Lists(Watched(config.datacentres, read_networks, NetworkSet()),
                 Watched(config.spam_referrers, read_hosts, frozenset()))


class Rules:
    """The rules of one account.

    :param settings: those of the account, by key.
    :param only: leave out the other rules.

    ``honours_dnt`` tells whether who does not want to be counted is not; ``rate`` how many page-views a minute
    are a reader's, 0 for any number.
    """

    def __init__(self, settings: Mapping[str, Any], lists: Lists, only: Collection[str] = RULES) -> None:
        self.honours_dnt = settings["dnt"] == "honour"
        self.rate: int = settings["rate"] if "rate" in only else 0
        tests = _tests(settings, lists)
        self._tests = [(rule, tests[rule]) for rule in RULES if rule in tests and rule in only]

    def reason(self, fields: Mapping[str, Any], address: str, *, is_cut: bool = False) -> str | None:
        """Return why an event is kept apart, ``rule`` or ``rule: what was found``; ``None`` if it is counted.

        :param fields: the event's, as they are stored.
        :param address: of who sent it.
        :param is_cut: the address is a stored one, of which a part may be all that was kept.

        The rate, which no event tells by itself, is for the caller to count.
        """
        for rule, test in self._tests:
            found = test(fields, address, is_cut)
            if found is not None:
                return f"{rule}: {found}" if found else rule
        return None


def sort_out(event: Event, rules: Rules | None, address: str, received: int, rates: Rates | None, *,
             is_retry: bool = False, is_stored: bool = False) -> Event:
    """Return an event as it is, or, if a rule finds it, as one of the family ``Filtered``.

    :param rules: of the event's account; ``None`` to count all.
    :param address: the whole one of who sent it.
    :param received: time of receipt, in ticks.
    :param rates: counts what each sender sends; ``None`` to let the rate be.
    :param is_retry: it was sent before, and is no more for being sent again.
    :param is_stored: the event has been stored, and a part of the address may be all that was kept.
    """
    if rules is None:
        return event
    reason = rules.reason(event.fields, address, is_cut=is_stored)
    if reason is None and rules.rate and rates is not None:
        # A part of an address may be that of many; by the visitor they are told apart as by the whole of it.
        sender = event.fields.get("visitor") if is_stored else address
        counts = event.family == "PageViews" and not is_retry
        if sender and (is_stored or _tells_senders_apart(address)) and rates.is_beyond(
                (event.account, sender, event.fields["user_agent"]), received, rules.rate, counts=counts):
            reason = "rate"
    if reason is None:
        return event
    return event._replace(family=FILTERED, fields={**event.fields, "reason": reason})


@lru_cache(maxsize=16384)
def _tells_senders_apart(address: str) -> bool:
    """Tell whether an address is one of the internet's; this machine's, or one of a network's own, may be a proxy's."""
    parsed = ipaddress.ip_address(address)
    return not any(parsed in network for network in _NETWORKS_OWN)


def rule_of(reason: str) -> str:
    """Return the name of the rule that a stored reason is of."""
    return reason.partition(":")[0]


def by_rule(reasons: Mapping[str, int]) -> Counter[str]:
    """Return counts by reason as counts by rule."""
    counts = Counter[str]()
    for reason, count in reasons.items():
        counts[rule_of(reason)] += count
    return counts


class RuleBook:
    """The rules of every account, made anew when its settings change.

    :param recall: gives an account, or ``None`` for one that is not known, which has the default settings.
    """

    def __init__(self, recall: Callable[[str], Account | None], lists: Lists) -> None:
        self._recall = recall
        self._lists = lists
        self._default = Rules(parsed({}), lists)
        self._made: dict[str, tuple[Mapping[str, str], Rules]] = {}

    def rules(self, account: str) -> Rules:
        """Return the rules of an account."""
        found = self._recall(account)
        if found is None:
            return self._default
        made = self._made.get(account)
        if made is None or made[0] != found.given:
            made = self._made[account] = (found.given, self._rules(found))
        return made[1]

    def _rules(self, account: Account) -> Rules:
        try:
            return Rules(account.settings, self._lists)
        except UsageError as error:
            # A newer footfall has set it. Hits are not to wait until somebody mends that.
            _log.error("site %s: %s; the default settings hold", account.id, error)
            return self._default


def _tests(settings: Mapping[str, Any], lists: Lists) -> dict[str, _Test]:
    """Return the tests that an account wants."""
    tests: dict[str, _Test] = {}
    if settings["bots"] == "filter":
        tests["bot"] = lambda fields, address, is_cut: bot_name(fields["user_agent"])
        tests["headless"] = lambda fields, address, is_cut: fields.get("bot")
        if lists.data_centres.path:
            tests["data-centre"] = lambda fields, address, is_cut: _yes(
                lists.data_centres.contents().hold(address, is_cut=is_cut))
    if settings["spam"] == "filter":
        tests["spam"] = lambda fields, address, is_cut: spam_host(fields["referrer"], lists.spam.contents())
    if settings["exclude_addresses"]:
        own = NetworkSet(settings["exclude_addresses"])
        tests["address"] = lambda fields, address, is_cut: _yes(own.hold(address, is_cut=is_cut))
    if settings["exclude_countries"]:
        tests["country"] = lambda fields, address, is_cut: _yes(
            fields.get("country") in settings["exclude_countries"])
    if settings["hosts"]:
        of_the_site = re.compile("|".join(map(_host_pattern, settings["hosts"]))).fullmatch
        tests["hostname"] = lambda fields, address, is_cut: _yes(not of_the_site(host(fields["url"])))
    if settings["exclude_pages"]:
        left_out = [(pattern, re.compile(translate(pattern)).match) for pattern in settings["exclude_pages"]]
        tests["page"] = lambda fields, address, is_cut: next(
            (pattern for pattern, matches in left_out if matches(_path(fields["url"]))), None)
    return tests


def _host_pattern(name: str) -> str:
    """Return the pattern of a host as the setting has it: ``*.example.com`` is example.com and all hosts below."""
    return rf"(?:.+\.)?{re.escape(name[2:])}" if name.startswith("*.") else re.escape(name)


def _yes(found: bool) -> str | None:
    """Return what a test says that has nothing to add to its rule's name."""
    return "" if found else None


@lru_cache(maxsize=8192)
def _path(url: str) -> str:
    try:
        return urlsplit(url).path or "/"
    except ValueError:
        return "/"
