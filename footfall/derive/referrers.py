"""Where a reader came from: the source, the channel it belongs to, and the words that were searched for there.

``source_of(url, referrer)`` puts together what the referrer, the tags in the page's address and the mark of a
click tell; docs/enrichment.md defines the channels and what wins where they disagree. Pure functions over a
stored event, so that better rules apply to old events too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from footfall.derive import campaigns
from footfall.derive.urls import host, query_fields

#: Every channel, as docs/enrichment.md defines it.
CHANNELS = ("direct", "internal", "search", "social", "ai", "mail", "ads", "referral", "campaign")


class Source(NamedTuple):
    """Where a view's reader came from.

    :param source: a name of :data:`SOURCES`, else the tag as it was given in lower case, else the referrer's
        host; empty for direct and internal views.
    :param channel: one of :data:`CHANNELS`.
    :param search_term: the words searched for, in lower case; empty where the engine tells none.
    """

    source: str
    channel: str
    search_term: str = ""


class Known(NamedTuple):
    """A source that is known by name.

    :param name: what it is called; empty where its host is name enough.
    :param channel: the channel of readers it sends.
    :param known_as: its hosts, whose subdomains are meant too; ``google.*`` stands for that name under any
        country's domain. Apps of Android send their package's name for a host. A word without a dot is
        another name that tags give it.
    :param words: the fields of a referrer's query that hold the words searched for, the first that has any.
    """

    name: str
    channel: str
    known_as: str
    words: str = "q"


#: Of two that fit, the one with the longer host is meant: Gmail's is not Google's.
SOURCES = (
    # Most engines send only their origin today; what older logs and smaller engines send is read here.
    Known("Google", "search", "google.* com.google.android.googlequicksearchbox adwords googleads", "q query"),
    Known("Bing", "search", "bing.com com.microsoft.bing bingads"),
    Known("Yahoo", "search", "search.yahoo.com search.yahoo.co.jp yahoo.com yahoo.co.jp", "p q"),
    Known("DuckDuckGo", "search", "duckduckgo.com com.duckduckgo.mobile.android ddg"),
    Known("Yandex", "search", "yandex.* ya.ru", "text query"),
    Known("Baidu", "search", "baidu.com", "wd word kw"),
    Known("Ecosia", "search", "ecosia.org com.ecosia.android"),
    Known("Brave", "search", "search.brave.com"),
    Known("Qwant", "search", "qwant.com"),
    Known("Startpage", "search", "startpage.com", "query q"),
    Known("Ask", "search", "ask.com"),
    Known("AOL", "search", "search.aol.com search.aol.co.uk", "q query"),
    Known("Naver", "search", "search.naver.com", "query"),
    Known("Daum", "search", "search.daum.net"),
    Known("Seznam", "search", "search.seznam.cz"),
    Known("Sogou", "search", "sogou.com", "query"),
    Known("360", "search", "so.com"),
    Known("Shenma", "search", "m.sm.cn"),
    Known("Mojeek", "search", "mojeek.com"),
    Known("Kagi", "search", "kagi.com"),
    Known("Swisscows", "search", "swisscows.com swisscows.ch", "query"),
    Known("MetaGer", "search", "metager.org metager.de", "eingabe"),
    Known("Presearch", "search", "presearch.com"),
    Known("Rambler", "search", "nova.rambler.ru", "query"),
    Known("Coc Coc", "search", "coccoc.com", "query"),
    # Google's and Yahoo's other pages are no search.
    Known("", "referral", "docs.google.com drive.google.com sites.google.com groups.google.com classroom.google.com "
          "accounts.google.com translate.google.com calendar.google.com news.google.com plus.google.com "
          "finance.yahoo.com news.yahoo.com"),

    Known("Facebook", "social", "facebook.com fb.com fb.me com.facebook.katana com.facebook.lite com.facebook.orca "
          "messenger.com fb meta"),
    Known("Instagram", "social", "instagram.com com.instagram.android ig"),
    Known("Threads", "social", "threads.net threads.com com.instagram.barcelona"),
    Known("WhatsApp", "social", "whatsapp.com wa.me com.whatsapp"),
    Known("X", "social", "x.com t.co twitter.com com.twitter.android twitter"),
    Known("Bluesky", "social", "bsky.app xyz.blueskyweb.app bsky"),
    Known("Mastodon", "social", "mastodon.* mastodon.social mastodon.online mastodon.world mastodon.cloud mstdn.social "
          "mstdn.jp mstdn.ca mas.to fosstodon.org hachyderm.io infosec.exchange chaos.social techhub.social "
          "indieweb.social pawoo.net troet.cafe norden.social social.tchncs.de social.vivaldi.net aus.social "
          "universeodon.com sigmoid.social phpc.social ruby.social floss.social org.joinmastodon.android fediverse"),
    Known("LinkedIn", "social", "linkedin.com lnkd.in com.linkedin.android"),
    Known("Reddit", "social", "reddit.com redd.it com.reddit.frontpage com.andrewshu.android.reddit "
          "com.laurencedawson.reddit_sync"),
    Known("Lemmy", "social", "lemmy.world lemmy.ml lemm.ee sh.itjust.works feddit.org feddit.de programming.dev"),
    Known("Hacker News", "social", "news.ycombinator.com hckrnews.com hn"),
    Known("Lobsters", "social", "lobste.rs"),
    Known("Slashdot", "social", "slashdot.org"),
    Known("Product Hunt", "social", "producthunt.com"),
    Known("YouTube", "social", "youtube.com youtu.be com.google.android.youtube yt"),
    Known("Vimeo", "social", "vimeo.com"),
    Known("Twitch", "social", "twitch.tv"),
    Known("TikTok", "social", "tiktok.com com.zhiliaoapp.musically com.ss.android.ugc.trill"),
    Known("Snapchat", "social", "snapchat.com com.snapchat.android"),
    Known("Pinterest", "social", "pinterest.* pin.it com.pinterest"),
    Known("Tumblr", "social", "tumblr.com com.tumblr"),
    Known("Quora", "social", "quora.com com.quora.android"),
    Known("Medium", "social", "medium.com"),
    Known("Discord", "social", "discord.com discordapp.com discord.gg com.discord"),
    Known("Slack", "social", "slack.com com.slack"),
    Known("Telegram", "social", "telegram.org t.me org.telegram.messenger"),
    Known("Microsoft Teams", "social", "teams.microsoft.com teams.live.com com.microsoft.teams"),
    Known("VK", "social", "vk.com vk.ru com.vkontakte.android"),
    Known("Odnoklassniki", "social", "ok.ru odnoklassniki.ru"),
    Known("Weibo", "social", "weibo.com weibo.cn com.sina.weibo"),
    Known("WeChat", "social", "weixin.qq.com com.tencent.mm weixin"),
    Known("Zhihu", "social", "zhihu.com"),
    Known("Douban", "social", "douban.com"),
    Known("LINE", "social", "line.me jp.naver.line.android"),
    Known("KakaoTalk", "social", "kakao.com com.kakao.talk"),
    Known("Hatena", "social", "hatena.ne.jp"),
    Known("XING", "social", "xing.com"),
    Known("Nextdoor", "social", "nextdoor.com"),
    Known("Flipboard", "social", "flipboard.com flipboard.app"),

    Known("ChatGPT", "ai", "chatgpt.com chat.openai.com openai.com com.openai.chatgpt"),
    Known("Perplexity", "ai", "perplexity.ai ai.perplexity.app.android"),
    Known("Claude", "ai", "claude.ai com.anthropic.claude"),
    Known("Gemini", "ai", "gemini.google.com bard.google.com com.google.android.apps.bard"),
    Known("NotebookLM", "ai", "notebooklm.google.com"),
    Known("Copilot", "ai", "copilot.microsoft.com copilot.com copilot.cloud.microsoft m365.cloud.microsoft "
          "com.microsoft.copilot"),
    Known("DeepSeek", "ai", "deepseek.com"),
    Known("Grok", "ai", "grok.com x.ai ai.x.grok"),
    Known("Le Chat", "ai", "chat.mistral.ai mistral"),
    Known("Meta AI", "ai", "meta.ai"),
    Known("Duck.ai", "ai", "duck.ai"),
    Known("You.com", "ai", "you.com"),
    Known("Phind", "ai", "phind.com"),
    Known("Poe", "ai", "poe.com com.poe.android"),
    Known("Kimi", "ai", "kimi.com kimi.ai kimi.moonshot.cn"),
    Known("Doubao", "ai", "doubao.com"),
    Known("Qwen", "ai", "chat.qwen.ai qwen.ai"),

    Known("Gmail", "mail", "mail.google.com com.google.android.gm"),
    Known("Outlook", "mail", "outlook.com outlook.live.com outlook.office.com outlook.office365.com "
          "com.microsoft.office.outlook"),
    Known("Yahoo Mail", "mail", "mail.yahoo.com mail.yahoo.co.jp com.yahoo.mobile.client.android.mail"),
    Known("Proton Mail", "mail", "mail.proton.me mail.protonmail.com ch.protonmail.android"),
    Known("iCloud Mail", "mail", "icloud.com"),
    Known("Fastmail", "mail", "fastmail.com"),
    Known("Zoho Mail", "mail", "mail.zoho.com mail.zoho.eu"),
    Known("GMX", "mail", "gmx.net gmx.com gmx.de"),
    Known("WEB.DE", "mail", "web.de"),
    Known("Mail.ru", "mail", "e.mail.ru touch.mail.ru"),
    Known("Yandex Mail", "mail", "mail.yandex.*"),
    Known("AOL Mail", "mail", "mail.aol.com"),
    Known("Thunderbird", "mail", "net.thunderbird.android com.fsck.k9"),
    Known("Mailchimp", "mail", "list-manage.com mailchi.mp"),
    Known("Substack", "mail", "substack.com"),
)

#: What ``utm_medium`` says of the channel; the first pattern that fits the whole of it. Words are parted by
#: dashes here, however they were written. After the definitions of Google Analytics' default channel group.
MEDIUMS = (
    ("ads", r"(?:.+-)?(?:cp[acmv]|ppc)(?:-.+)?|paid.*|retargeting|display|banner|expandable|interstitial|ads?"),
    ("mail", r"e-?mail|newsletter|mail"),
    ("social", r"sm|social(?:-network|-media)?|organic-social"),
    ("search", r"organic|organic-search"),
    ("referral", r"referral"),
)

_KNOWN = {key: known for known in SOURCES for key in known.known_as.split()}
_NAMED = {name: known for known in SOURCES if known.name
          for name in (known.name.lower(), known.name.lower().replace(" ", ""))} | {
    key: known for key, known in _KNOWN.items() if "." not in key}
_MEDIUMS = tuple((channel, re.compile(pattern)) for channel, pattern in MEDIUMS)
_COUNTRY = re.compile(r"\.(?:com?\.[a-z]{2}|[a-z]{2,3})$")
# Firms have their mail at addresses such as these, and where a name is known, SOURCES says it.
_WEBMAIL = re.compile(r"(?:web|e)?mail\d*\.[^.]+\..+")

_DIRECT = Source("", "direct")
_INTERNAL = Source("", "internal")


def source_of(url: str, referrer: str, site_host: str = "") -> Source:
    """Return where a view's reader came from.

    :param url: the page's own address: it has the campaign's tags and the click's id.
    :param referrer: as it was stored.
    :param site_host: a host of the site's own besides the page's, without ``www.``.

    A page of the site itself as referrer makes the view internal, whatever its address carries along. Else a
    tag says more of the source than a click's id, and that more than the referrer; docs/enrichment.md has it all.
    """
    if (came_from := host(referrer)) and came_from in (host(url), site_host):
        return _INTERNAL
    referred = _referred(referrer)
    campaign = campaigns.campaign_of(url)
    return _tagged(campaign, referred) if any(campaign) else referred


def referrer_host(referrer: str, url: str = "") -> str:
    """Return the host that a reader came from; empty for none, and for the page's own host.

    :param referrer: the referrer as stored.
    :param url: the page's own address; a reader who came from another page of it came from nowhere else.
    """
    name = host(referrer)
    return "" if name == host(url) else name


def search_query(referrer: str) -> str:
    """Return the words searched for, in lower case with single spaces; empty if the referrer tells none."""
    return _referred(referrer).search_term


@lru_cache(maxsize=16384)
def _referred(referrer: str) -> Source:
    """What the referrer alone tells."""
    name = host(referrer)
    if not name:
        return _DIRECT
    known = _known_host(name)
    if known is None:
        return Source(name, "mail" if _WEBMAIL.fullmatch(name) else "referral")
    words = ""
    if known.channel == "search":
        fields = query_fields(referrer)
        words = campaigns.folded(next((fields[key] for key in known.words.split() if key in fields), ""))
    return Source(known.name or name, known.channel, words)


def _tagged(campaign: campaigns.Campaign, referred: Source) -> Source:
    """What tags and click tell, and where they are silent the referrer."""
    clicked, click_channel = campaigns.CLICK_IDS.get(campaign.click_id, ("", ""))
    known = _NAMED.get(campaign.source) or _known_host(campaign.source)
    source = (known and known.name) or campaign.source or clicked or referred.source
    if click_channel == "ads":
        channel = "ads"
    elif medium := _medium_channel(campaign.medium):
        channel = medium
    elif campaign.source:
        # A source that is called "newsletter" needs no medium to say so.
        channel = known.channel if known else _medium_channel(campaign.source) or "campaign"
    elif click_channel:
        channel = click_channel
    else:
        channel = "campaign" if referred.channel in ("direct", "referral") else referred.channel
    return Source(source, channel, referred.search_term)


def _medium_channel(medium: str) -> str:
    words = re.sub(r"[\s_-]+", "-", medium)
    return next((channel for channel, pattern in _MEDIUMS if pattern.fullmatch(words)), "")


def _known_host(name: str) -> Known | None:
    """Return the source whose host this is, or is a subdomain of; ``None`` if none is known."""
    return next((_KNOWN[key] for key in _host_keys(name) if key in _KNOWN), None)


def _host_keys(name: str) -> Iterator[str]:
    """Yield what a host may be known as, the closest first: itself, its parents, each under any country too."""
    country = _COUNTRY.search(name)
    while "." in name:
        yield name
        if country and len(name) > len(country[0]):
            yield name.removesuffix(country[0]) + ".*"
        name = name.partition(".")[2]
