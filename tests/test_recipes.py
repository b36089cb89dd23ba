import doctest

import pytest

from footfall import recipes
from footfall.derive.agents import device
from footfall.derive.referrers import host, referrer_host, search_engine, search_query


def test_every_recipes_example_is_true():
    result = doctest.testmod(recipes)
    assert result.failed == 0
    assert result.attempted > 3 * len(recipes.RECIPES)


def test_every_recipe_has_an_example():
    assert all("map_reduce" in recipes.__test__[name] for name in recipes.RECIPES)


def test_adding_leaves_a_given_dict_as_it_was():
    given = {}
    assert recipes.add(given, recipes.Counter(a=1)) == {"a": 1}
    assert given == {}


@pytest.mark.parametrize("referrer, engine, query", [
    ("http://www.google.com/search?q=Page+Views&hl=en", "Google", "page views"),
    ("https://www.google.co.uk/url?sa=t&q=", "Google", ""),
    ("https://www.google.com/", "Google", ""),
    ("https://www.google.com.br/#q=views", "Google", "views"),
    ("https://images.google.de/imgres?q=bild", "Google", "bild"),
    ("https://www.bing.com/search?q=caf%C3%A9", "Bing", "café"),
    ("https://fr.search.yahoo.com/search?p=page++views", "Yahoo", "page views"),
    ("https://duckduckgo.com/?q=x%20y", "DuckDuckGo", "x y"),
    ("https://yandex.ru/yandsearch?text=%D0%B2%D1%80%D0%B5%D0%BC%D1%8F", "Yandex", "время"),
    ("https://www.baidu.com/s?wd=%E7%BD%91", "Baidu", "网"),
    ("https://www.startpage.com/do/search?query=a", "Startpage", "a"),
    ("https://google.com.evil.example/?q=x", "", ""),
    ("https://notgoogle.com/?q=x", "", ""),
    ("https://blog.example.com/?q=x", "", ""),
    ("http://[bad/?q=x", "", ""),
    ("", "", ""),
])
def test_search_engines_and_their_words(referrer, engine, query):
    assert (search_engine(referrer), search_query(referrer)) == (engine, query)


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


@pytest.mark.parametrize("user_agent, expected", [
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36", "desktop"),
    ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15", "desktop"),
    ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "desktop"),
    ("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36", "desktop"),
    ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1", "mobile"),
    ("Mozilla/5.0 (Linux; Android 15; Pixel 9) Chrome/140.0.0.0 Mobile Safari/537.36", "mobile"),
    ("Mozilla/5.0 (Linux; Android 14; SM-X910) Chrome/140.0.0.0 Safari/537.36", "tablet"),
    ("Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X) Version/12.1 Mobile/15E148 Safari/604.1", "tablet"),
    ("Opera/9.80 (J2ME/MIDP; Opera Mini/9.80) Presto/2.12", "mobile"),
    ("curl/8.5.0", "other"),
    ("Googlebot/2.1 (+http://www.google.com/bot.html)", "other"),
    ("", "other"),
])
def test_device(user_agent, expected):
    assert device(user_agent) == expected
