"""What a page's address tells of the link that led to it: the tags of a campaign, and the mark of a click.

The tags are the five that Google Analytics introduced, ``utm_source`` to ``utm_content``; docs/enrichment.md
defines what is made of them. Pure functions over a stored event, so that better rules apply to old events too.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from footfall.derive.urls import query_fields

#: Where ``utm_source`` is missing, the first of these stands for it: plain names that short links carry.
SOURCE_ALIASES = ("source", "ref")

#: The ids that networks add to an address when somebody follows a link there: whose it is, and which channel
#: it tells. Facebook, Instagram and Pinterest mark every link, so theirs say nothing of money; what says ``ads``
#: here is added to advertisements only.
CLICK_IDS: dict[str, tuple[str, str]] = {
    "gclid": ("Google", "ads"),
    "gbraid": ("Google", "ads"),
    "wbraid": ("Google", "ads"),
    "dclid": ("Google", "ads"),
    "msclkid": ("Bing", "ads"),
    "yclid": ("Yandex", "ads"),
    "ttclid": ("TikTok", "ads"),
    "twclid": ("X", "ads"),
    "li_fat_id": ("LinkedIn", "ads"),
    "rdt_cid": ("Reddit", "ads"),
    "ScCid": ("Snapchat", "ads"),
    "qclid": ("Quora", "ads"),
    "tblci": ("Taboola", "ads"),
    "fbclid": ("Facebook", "social"),
    "igshid": ("Instagram", "social"),
    "igsh": ("Instagram", "social"),
    "epik": ("Pinterest", "social"),
    "srsltid": ("Google", "search"),
    "ysclid": ("Yandex", "search"),
    "mc_eid": ("Mailchimp", "mail"),
    "_hsenc": ("HubSpot", "mail"),
    "mkt_tok": ("Marketo", "mail"),
}


class Campaign(NamedTuple):
    """The tags of an address, each folded to lower case with single spaces; empty where there is none.

    :param click_id: the name of the first of :data:`CLICK_IDS` in it. The id itself stands for one
        person's one click, and is not looked at.
    """

    source: str = ""
    medium: str = ""
    campaign: str = ""
    term: str = ""
    content: str = ""
    click_id: str = ""


NONE = Campaign()


def campaign_of(url: str) -> Campaign:
    """Return the campaign that a page's address tells of; :data:`NONE` if it tells of none.

    Case is folded because ``Newsletter`` and ``newsletter`` are one newsletter, written by two people.
    """
    # Most addresses have no fields, and need not be remembered.
    return _campaign_of(url) if "=" in url else NONE


@lru_cache(maxsize=8192)
def _campaign_of(url: str) -> Campaign:
    fields = query_fields(url)

    def first(*names: str) -> str:
        return next((folded(fields[name]) for name in names if name in fields), "")

    return Campaign(first("utm_source", *SOURCE_ALIASES), first("utm_medium"), first("utm_campaign"),
                    first("utm_term"), first("utm_content"), next((name for name in CLICK_IDS if name in fields), ""))


def folded(text: str) -> str:
    """Return a text in lower case with single spaces, so that what was meant as one counts as one."""
    return " ".join(text.lower().split())
