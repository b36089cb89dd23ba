"""The pages of a blog that there is not, and where its readers come from."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple
from urllib.parse import quote_plus

from footfall.transfer.demo.choices import Choices, zipf

ORIGIN = "https://demo.example.com"

_SUBJECTS = (
    "backups", "SQLite", "web fonts", "image formats", "static sites", "feeds", "search engines", "passwords",
    "old laptops", "home servers", "self-hosting", "time zones", "code review", "log files", "solar panels", "bread",
    "keyboards", "maps", "night trains", "note taking",
)
_ANGLES = (
    ("introduction", "A gentle introduction to {}"), ("ten-years", "What ten years of {} taught me"),
    ("costs", "The hidden costs of {}"), ("coming-back", "Why I came back to {}"),
    ("mistakes", "{}: five mistakes and how to avoid them"), ("measured", "Measuring {} on a rainy Sunday"),
    ("others", "How others do it: {} in four countries"), ("against", "The case against {}"),
    ("impatient", "{} for the impatient"), ("questions", "Questions that readers ask about {}"),
    ("history", "A short history of {}"), ("no-hype", "{} without the hype"),
    ("untold", "What nobody told me about {}"), ("my-setup", "My setup for {}, explained"),
    ("small-budget", "{} on a small budget"), ("workshop", "Notes from a workshop on {}"),
    ("the-year", "The year in {}"), ("rethinking", "Is it time to rethink {}?"),
    ("tools", "Small tools for {}"), ("checklist", "A checklist for {}"),
)


class Page(NamedTuple):
    """A page of the blog.

    :param url: its address.
    :param title: of the page.
    :param subject: what it is about; empty for a page about the blog itself.
    :param words: what somebody searches for who finds it, as a search engine's address has it.
    :param is_lost: it is there no more.
    """

    url: str
    title: str
    subject: str = ""
    words: str = "demo+blog"
    is_lost: bool = False


def _posts() -> list[Page]:
    """Return the posts, the most read first, so that no subject is at the top alone."""
    found = []
    for turn, (number, (name, angle)) in product(range(len(_SUBJECTS)), enumerate(_ANGLES)):
        subject = _SUBJECTS[(turn + 7 * number) % len(_SUBJECTS)]
        title = angle.format(subject)
        words = quote_plus((subject if turn % 2 else title.rstrip("?")).lower())
        found.append(Page(f"{TAGS[subject].url}{name}", title[0].upper() + title[1:], subject, words))
    return found


HOME = Page(f"{ORIGIN}/", "Demo blog")
ABOUT = Page(f"{ORIGIN}/about/", "About the demo blog")
PRICING = Page(f"{ORIGIN}/membership/", "Become a member")
TAGS = {subject: Page(f"{ORIGIN}/{subject.lower().replace(' ', '-')}/", f"Posts about {subject}", subject)
        for subject in _SUBJECTS}
POSTS = _posts()
#: Pages that went away, and are still linked to.
LOST = [Page(f"{ORIGIN}/2009/{month:02}/{subject.replace(' ', '_')}.html", "Page not found", is_lost=True)
        for month, subject in enumerate(_SUBJECTS[:12], 1)]
BY_RANK = zipf(POSTS)

_RELATED = {subject: zipf([post for post in POSTS if post.subject == subject]) for subject in _SUBJECTS}
_KINDS = Choices(((35, "related"), (25, "post"), (18, "home"), (12, "tag"), (6, "pricing"), (4, "about")))
_ENTRIES = {
    "post": Choices(((96, "post"), (2, "home"), (1, "tag"), (1, "lost"))),
    "home": Choices(((45, "home"), (45, "post"), (5, "tag"), (4, "about"), (1, "lost"))),
    "offer": Choices(((60, "pricing"), (30, "home"), (10, "post"))),
}


def entry(landing: str, part: float, other: float) -> Page:
    """Return the page at which a visit begins.

    :param landing: of its :class:`Source`.
    """
    return _page(_ENTRIES[landing].pick(part), HOME, other)


def after(page: Page, part: float, other: float) -> Page:
    """Return the page to which a reader goes from another."""
    return _page(_KINDS.pick(part), page, other)


def _page(kind: str, page: Page, part: float) -> Page:
    """Return a page of a kind, after another."""
    if kind == "lost":
        return LOST[int(part * len(LOST))]
    post = BY_RANK.pick(part)
    subject = page.subject or post.subject
    if kind == "related":
        return _RELATED[subject].pick(part)
    return {"post": post, "tag": TAGS[subject], "home": HOME, "about": ABOUT, "pricing": PRICING}[kind]


class Source(NamedTuple):
    """Where visits come from.

    :param referrer: what the first view has; ``{words}`` stands for what was searched for.
    :param query: what its address has at the end; ``{click}`` stands for a click's id.
    :param landing: where it leads: ``post``, ``home`` or ``offer``.
    """

    referrer: str
    query: str = ""
    landing: str = "post"


_NEWSLETTER = "?utm_source=newsletter&utm_medium=email&utm_campaign=weekly"
SOURCES = Choices((
    (240, Source("", landing="home")),
    (260, Source("https://www.google.com/")),
    (12, Source("https://www.google.de/")),
    (10, Source("https://www.google.co.uk/")),
    (24, Source("https://www.bing.com/")),
    (14, Source("https://www.bing.com/search?q={words}")),
    (40, Source("https://duckduckgo.com/")),
    (9, Source("https://search.brave.com/")),
    (9, Source("https://www.ecosia.org/")),
    (8, Source("https://search.yahoo.com/search?p={words}")),
    (5, Source("https://www.qwant.com/?q={words}")),
    (7, Source("https://yandex.ru/search/?text={words}")),
    (5, Source("https://www.baidu.com/s?wd={words}")),
    (6, Source("https://www.startpage.com/")),
    (14, Source("https://l.facebook.com/", "?fbclid=IwAR{click}")),
    (8, Source("https://www.instagram.com/", "?igsh={click}")),
    (24, Source("https://t.co/")),
    (20, Source("https://www.reddit.com/")),
    (14, Source("https://www.linkedin.com/")),
    (12, Source("https://mastodon.social/")),
    (14, Source("https://go.bsky.app/")),
    (8, Source("https://bsky.app/")),
    (6, Source("https://www.youtube.com/")),
    (12, Source("https://news.ycombinator.com/")),
    (5, Source("https://lobste.rs/")),
    (22, Source("https://chatgpt.com/", "?utm_source=chatgpt.com")),
    (9, Source("https://www.perplexity.ai/")),
    (6, Source("https://claude.ai/")),
    (5, Source("https://gemini.google.com/")),
    (4, Source("https://copilot.microsoft.com/")),
    (26, Source("", _NEWSLETTER)),
    (8, Source("https://mail.google.com/", _NEWSLETTER)),
    (4, Source("https://outlook.live.com/", _NEWSLETTER)),
    (18, Source("https://www.google.com/", "?utm_source=google&utm_medium=cpc&gclid={click}", "offer")),
    (6, Source("https://www.bing.com/", "?utm_source=bing&utm_medium=cpc&msclkid={click}", "offer")),
    (4, Source("https://l.facebook.com/", "?utm_source=facebook&utm_medium=paid-social&fbclid=IwAR{click}", "offer")),
    (10, Source("", "?utm_source=podcast&utm_campaign=episode-12", "home")),
    (4, Source("", "?utm_source=poster&utm_campaign=conference", "home")),
    (10, Source("https://links.example.org/blogs/", landing="home")),
    (9, Source("https://forum.example.net/t/4711")),
    (8, Source("https://planet.example.org/")),
    (7, Source("https://github.com/")),
    (6, Source("https://en.wikipedia.org/")),
    (4, Source("https://lwn.net/")),
    (4, Source("https://arstechnica.com/")),
))
#: Where one post is read about by very many, for a day.
NEWS = ("https://news.ycombinator.com/", "https://www.theguardian.com/", "https://arstechnica.com/", "https://www.heise.de/",
        "https://www.lemonde.fr/", "https://slashdot.org/")
#: Where links lead, and what there is to download.
OUTBOUND = zipf(("https://github.com/example/demo", "https://en.wikipedia.org/wiki/Main_Page", "https://sqlite.org/",
                 "https://shop.example.org/", "https://developer.mozilla.org/en-US/"))
DOWNLOADS = zipf((f"{ORIGIN}/files/checklist.pdf", f"{ORIGIN}/files/slides.pdf", f"{ORIGIN}/files/data.csv",
                  f"{ORIGIN}/files/dotfiles.zip"))
PLANS = Choices(((70, "free"), (22, "supporter"), (8, "patron")))
