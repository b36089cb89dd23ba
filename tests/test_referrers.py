"""What a stored event tells of where its reader came from: the channels of docs/enrichment.md, as tables."""

import re
from pathlib import Path

import pytest

from footfall.derive.campaigns import CLICK_IDS
from footfall.derive.referrers import CHANNELS, MEDIUMS, SOURCES, Source, referrer_host, search_query, source_of
from footfall.derive.urls import host

ENRICHMENT = (Path(__file__).parent.parent / "docs" / "enrichment.md").read_text()
PAGE = "https://blog.example.com/hello"


@pytest.mark.parametrize("referrer, source, channel", [
    ("", "", "direct"),
    ("about:blank", "", "direct"),
    ("http://[bad/?q=x", "", "direct"),
    ("https://blog.example.com/", "", "internal"),
    ("https://www.blog.example.com/other", "", "internal"),
    ("https://shop.example.com/", "shop.example.com", "referral"),
    ("https://news.example.org/today", "news.example.org", "referral"),
    ("https://www.google.com/", "Google", "search"),
    ("https://www.google.co.uk/", "Google", "search"),
    ("https://google.com.br/", "Google", "search"),
    ("android-app://com.google.android.googlequicksearchbox/", "Google", "search"),
    ("https://docs.google.com/document/d/1", "docs.google.com", "referral"),
    ("https://google.com.evil.example/", "google.com.evil.example", "referral"),
    ("https://notgoogle.com/", "notgoogle.com", "referral"),
    ("https://google.example/", "google.example", "referral"),
    ("https://fr.search.yahoo.com/", "Yahoo", "search"),
    ("https://finance.yahoo.com/", "finance.yahoo.com", "referral"),
    ("https://yandex.com.tr/", "Yandex", "search"),
    ("https://ya.ru/", "Yandex", "search"),
    ("https://html.duckduckgo.com/", "DuckDuckGo", "search"),
    ("https://duckduckgo.com/", "DuckDuckGo", "search"),
    ("https://m.facebook.com/", "Facebook", "social"),
    ("https://l.facebook.com/l.php?u=x", "Facebook", "social"),
    ("https://l.instagram.com/", "Instagram", "social"),
    ("https://out.reddit.com/t3", "Reddit", "social"),
    ("https://old.reddit.com/r/python", "Reddit", "social"),
    ("https://t.co/abc", "X", "social"),
    ("https://lnkd.in/abc", "LinkedIn", "social"),
    ("https://bsky.app/", "Bluesky", "social"),
    ("https://go.bsky.app/", "Bluesky", "social"),
    ("https://fosstodon.org/", "Mastodon", "social"),
    ("https://mastodon.nl/", "Mastodon", "social"),
    ("https://news.ycombinator.com/item?id=1", "Hacker News", "social"),
    ("https://ycombinator.com/", "ycombinator.com", "referral"),
    ("https://www.youtube.com/redirect?q=x", "YouTube", "social"),
    ("https://www.pinterest.de/", "Pinterest", "social"),
    ("android-app://com.linkedin.android/", "LinkedIn", "social"),
    ("https://chatgpt.com/", "ChatGPT", "ai"),
    ("https://www.perplexity.ai/search/x", "Perplexity", "ai"),
    ("https://claude.ai/", "Claude", "ai"),
    ("https://gemini.google.com/", "Gemini", "ai"),
    ("https://copilot.microsoft.com/", "Copilot", "ai"),
    ("https://mail.google.com/", "Gmail", "mail"),
    ("android-app://com.google.android.gm/", "Gmail", "mail"),
    ("https://outlook.live.com/", "Outlook", "mail"),
    ("https://mail.yahoo.com/", "Yahoo Mail", "mail"),
    ("https://mail.yandex.ru/", "Yandex Mail", "mail"),
    ("https://webmail.example.net/", "webmail.example.net", "mail"),
    ("https://mail.example/", "mail.example", "referral"),
    ("android-app://com.example.reader/", "com.example.reader", "referral"),
])
def test_what_the_referrer_alone_tells(referrer, source, channel):
    assert source_of(PAGE, referrer)[:2] == (source, channel)


@pytest.mark.parametrize("query, referrer, source, channel", [
    # A page of one's own stays one's own, whatever its address carries along.
    ("utm_source=letter&gclid=1", "https://blog.example.com/", "", "internal"),
    # The click's id: whose click it was, and whether it was paid for.
    ("gclid=1", "https://www.google.com/", "Google", "ads"),
    ("gbraid=1", "", "Google", "ads"),
    ("msclkid=1", "https://www.bing.com/", "Bing", "ads"),
    ("fbclid=1", "https://l.facebook.com/", "Facebook", "social"),
    ("fbclid=1", "", "Facebook", "social"),
    ("fbclid=1&gclid=1", "", "Google", "ads"),
    ("mc_eid=1", "", "Mailchimp", "mail"),
    ("gclid=", "https://news.example.org/", "news.example.org", "referral"),
    # The tag names the source, and the click's id says that it was paid for.
    ("utm_source=partner&gclid=1", "", "partner", "ads"),
    ("utm_source=letter&utm_medium=email&fbclid=1", "https://l.facebook.com/", "letter", "mail"),
    # The medium says the channel.
    ("utm_source=Google&utm_medium=CPC", "", "Google", "ads"),
    ("utm_source=x&utm_medium=brand-cpc-2", "", "X", "ads"),
    ("utm_source=facebook&utm_medium=paid_social", "", "Facebook", "ads"),
    ("utm_source=partner&utm_medium=banner", "", "partner", "ads"),
    ("utm_source=letter&utm_medium=E_Mail", "", "letter", "mail"),
    ("utm_source=fb&utm_medium=Social+Network", "", "Facebook", "social"),
    ("utm_source=partner&utm_medium=referral", "", "partner", "referral"),
    ("utm_source=partner&utm_medium=tcp", "", "partner", "campaign"),
    # Without one that is known, the source does.
    ("utm_source=chatgpt.com", "", "ChatGPT", "ai"),
    ("utm_source=news.ycombinator.com&utm_medium=link", "", "Hacker News", "social"),
    ("utm_source=newsletter", "", "newsletter", "mail"),
    ("utm_source=Spring++Fair", "https://www.google.com/", "spring fair", "campaign"),
    ("ref=producthunt", "", "Product Hunt", "social"),
    ("ref=a&source=b&utm_source=c", "", "c", "campaign"),
    ("ref=a&source=b", "", "b", "campaign"),
    # And where tags name none, the referrer.
    ("utm_campaign=fair", "https://www.google.com/", "Google", "search"),
    ("utm_campaign=fair", "https://news.example.org/", "news.example.org", "campaign"),
    ("utm_campaign=fair", "", "", "campaign"),
    ("page=2", "https://www.google.com/", "Google", "search"),
])
def test_what_tags_and_clicks_say_against_the_referrer(query, referrer, source, channel):
    assert source_of(f"{PAGE}?{query}", referrer)[:2] == (source, channel)


def test_another_host_of_the_sites_own_is_internal_too():
    assert source_of("/hello", "https://www.blog.example.com/", "blog.example.com") == Source("", "internal")


@pytest.mark.parametrize("referrer, query", [
    ("http://www.google.com/search?q=Page+Views&hl=en", "page views"),
    ("https://www.google.co.uk/url?sa=t&q=", ""),
    ("https://www.google.com/", ""),
    ("https://www.google.com.br/#q=views", "views"),
    ("https://images.google.de/imgres?q=bild", "bild"),
    ("https://www.bing.com/search?q=caf%C3%A9", "café"),
    ("https://www.bing.com/search?q=caf%E9", "café"),
    ("https://www.google.com/search?q=100%&x=%zz", "100%"),
    ("https://fr.search.yahoo.com/search?p=page++views", "page views"),
    ("https://duckduckgo.com/?q=x%20y", "x y"),
    ("https://yandex.ru/yandsearch?text=%D0%B2%D1%80%D0%B5%D0%BC%D1%8F&p=2", "время"),
    ("https://yandex.ru/yandsearch?p=2", ""),
    ("https://www.baidu.com/s?wd=%E7%BD%91", "网"),
    ("https://www.startpage.com/do/search?query=a", "a"),
    ("https://google.com.evil.example/?q=x", ""),
    ("https://notgoogle.com/?q=x", ""),
    ("https://www.youtube.com/redirect?q=x", ""),
    ("https://blog.example.com/?q=x", ""),
    ("http://[bad/?q=x", ""),
    ("", ""),
])
def test_the_words_searched_for(referrer, query):
    assert search_query(referrer) == query
    assert source_of("https://other.example/?utm_source=x", referrer).search_term == query


@pytest.mark.parametrize("url, expected", [
    ("https://www.Example.com:8080/x", "example.com"),
    ("android-app://com.example.app/", "com.example.app"),
    ("/path/only", ""),
    ("http://[bad", ""),
    ("", ""),
])
def test_host(url, expected):
    assert host(url) == expected


@pytest.mark.parametrize("referrer, url, expected", [
    ("https://a.example/x", "https://b.example/", "a.example"),
    ("https://www.b.example/x", "https://b.example/", ""),
    ("https://a.example/x", "/path/only", "a.example"),
    ("", "https://b.example/", ""),
])
def test_referrer_host(referrer, url, expected):
    assert referrer_host(referrer, url) == expected


def test_every_known_source_is_found_by_each_of_its_hosts_and_by_its_name():
    keys = [key for known in SOURCES for key in known.known_as.split()]
    assert len(keys) == len(set(keys))
    for known in SOURCES:
        for key in known.known_as.split():
            name = key.replace(".*", ".fr")
            found = source_of(PAGE, f"https://{name}/") if "." in name else source_of(f"{PAGE}?ref={name}", "")
            assert found[:2] == (known.name or name, known.channel), key
        if known.name:
            assert source_of(f"{PAGE}?utm_source={known.name.upper()}", "")[:2] == (known.name, known.channel)


def test_every_channel_and_click_id_is_documented():
    assert {known.channel for known in SOURCES} | {channel for channel, _ in MEDIUMS} <= set(CHANNELS)
    assert re.findall(r"^\| `(\w+)` \| .*reader", ENRICHMENT, re.MULTILINE) == list(CHANNELS)
    assert all(f"`{name}`" in ENRICHMENT for name in CLICK_IDS)
