import pytest

from footfall.derive.campaigns import NONE, Campaign, campaign_of


@pytest.mark.parametrize("query, expected", [
    ("", NONE),
    ("?page=2", NONE),
    ("?utm_source=&utm_medium=", NONE),
    ("?utm_source=Letter&utm_medium=Email&utm_campaign=New+Year&utm_term=a%20b&utm_content=top",
     Campaign("letter", "email", "new year", "a b", "top")),
    ("#utm_source=letter", Campaign("letter")),
    ("?utm_source=a&utm_source=b#utm_source=c", Campaign("a")),
    ("?utm_campaign=%C3%89t%C3%A9", Campaign(campaign="été")),
    ("?utm_campaign=%C9t%E9", Campaign(campaign="été")),
    ("?utm_source=%20%20Two%20%20words%20", Campaign("two words")),
    ("?UTM_SOURCE=letter", NONE),
    ("?source=a&ref=b", Campaign("a")),
    ("?ref=b", Campaign("b")),
    ("?utm_source=&ref=b", Campaign("b")),
    ("?gclid=x&utm_source=a", Campaign("a", click_id="gclid")),
    ("?fbclid=x&gclid=y", Campaign(click_id="gclid")),
    ("?gclid=", NONE),
])
def test_the_tags_of_an_address(query, expected):
    assert campaign_of(f"https://blog.example.com/{query}") == expected


def test_an_address_that_is_none_has_no_tags():
    assert campaign_of("http://[bad/?utm_source=a") == NONE
