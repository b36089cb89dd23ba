"""Referrer spam: sites that send made-up hits, so that whoever reads the numbers goes and looks at them."""

from __future__ import annotations

from functools import lru_cache

from footfall.derive.urls import host

_KNOWN = """
    100dollars-seo.com 4webmasters.org 7makemoneyonline.com best-seo-offer.com best-seo-solution.com
    bestwebsitesawards.com blackhatworth.com bot-traffic.icu bot-traffic.xyz bottraffic.live buttons-for-website.com
    buttons-for-your-website.com buy-cheap-online.info cenokos.ru cenoval.ru chinese-amezon.com cityadspix.com
    dailyrank.net darodar.com e-buyeasy.com econom.co event-tracking.com floating-share-buttons.com
    free-share-buttons.com free-social-buttons.com free-traffic.xyz get-free-social-traffic.com
    get-free-traffic-now.com googlsucks.com grets.store guardlink.org howtostopreferralspam.eu hulfingtonpost.com
    ilovevitaly.co ilovevitaly.com ilovevitaly.ru iskalko.ru kambasoft.com
    keywords-monitoring-your-success.com lombia.co monetizationking.net o-o-6-o-o.com o-o-8-o-o.com priceg.com
    rank-checker.online ranksonic.info ranksonic.org savetubevideo.com screentoolkit.com seders.website semalt.com
    semaltmedia.com seo-platform.com share-buttons.xyz simple-share-buttons.com site-auditor.online sitevaluation.org
    slftsdybbg.ru smailik.org social-buttons.com soundfrost.org success-seo.com theguardlan.com trafers.com
    traffic2money.com trafficbot.life trafficmonetize.org videos-for-your-business.com vodkoved.ru
    webmaster-traffic.com webmonetizer.net websites-reviews.com yourserverisdown.com
"""
#: Hosts that have become known for it; those below them count as well. ``FOOTFALL_SPAM_REFERRERS`` adds to them.
SPAM_HOSTS = frozenset(_KNOWN.split())


@lru_cache(maxsize=16384)
def spam_host(referrer: str, more: frozenset[str] = frozenset()) -> str | None:
    """Return the host of the lists that a referrer is of or below; ``None`` for a referrer that is no spam.

    :param more: hosts beside :data:`SPAM_HOSTS`.
    """
    # No host is longer; of what somebody makes up, the end will do.
    name = host(referrer)[-253:]
    while name:
        if name in SPAM_HOSTS or name in more:
            return name
        name = name.partition(".")[2]
    return None


def read_hosts(text: str) -> frozenset[str]:
    """Return the hosts of a text: one a line, ``#`` begins a remark; ``www.`` before one does not matter.

    :raises ValueError: a line is no host; the message has its number.
    """
    hosts = set()
    for number, line in enumerate(text.splitlines(), 1):
        name = line.partition("#")[0].strip().lower()
        if any(mark in name for mark in "/: \t"):
            raise ValueError(f"line {number}: {name!r} must be a host such as example.com")
        hosts.add(name.removeprefix("www."))
    return frozenset(hosts - {""})
