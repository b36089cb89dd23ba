"""The main job, with nothing made up: a blog that Pelican built, nginx, Chromium, footfall, map_reduce."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from footfall import recipes
from footfall.analysis import map_reduce
from footfall.stores import open_store
from tests.servers import Nginx, Server, count_all, footfall

pytestmark = pytest.mark.needs("chromium", "nginx")

ROOT = Path(__file__).parent.parent.parent
POSTS = {"first-steps": "First steps", "the-middle": "The middle – “half way”", "the-end": "The end"}


@pytest.fixture(scope="module")
def blog(tmp_path_factory):
    """The example blog, built."""
    output = tmp_path_factory.mktemp("blog") / "output"
    subprocess.run([sys.executable, "-m", "pelican", "content", "--output", output, "--fatal", "warnings"],
                   cwd=ROOT / "examples" / "blog", check=True, capture_output=True,
                   env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    return output


@pytest.fixture
def server(tmp_path):
    footfall(tmp_path / "data", "site", "add", "blog", "--url", "http://blog.example.com")
    count_all(tmp_path / "data")
    with Server(tmp_path / "data", ip="full") as server:
        yield server


@pytest.fixture
def nginx(tmp_path, blog, server):
    with Nginx(tmp_path / "nginx", blog, server.port) as nginx:
        yield nginx


def count(server, recipe):
    now = datetime.now(UTC)
    with open_store(f"sqlite:///{server.data}/footfall.db") as store:
        return dict(map_reduce("blog", now - timedelta(days=1), now + timedelta(days=1), *recipe, {}, store=store))


def view(page, act):
    """Do something that opens a page, and wait until its page-view was answered."""
    with page.expect_response(lambda response: response.url.endswith("/e")) as answered:
        act()
    assert answered.value.status == 204


def test_three_posts_read_in_chromium_are_counted_exactly(browser, server, nginx):
    site = f"http://blog.example.com:{nginx.port}"
    context = browser.new_context(locale="fr-CH")
    page = context.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    view(page, lambda: page.goto(f"{site}/posts/first-steps.html"))
    view(page, lambda: page.get_by_text("the middle").click())
    view(page, lambda: page.get_by_role("link", name="the end").click())
    context.close()
    urls = [f"{site}/posts/{slug}.html" for slug in POSTS]
    assert errors == []
    assert count(server, recipes.views_by_url) == dict.fromkeys(urls, 1)
    assert count(server, recipes.views_by_title) == dict.fromkeys(POSTS.values(), 1)
    assert count(server, recipes.views_by_language) == {"fr-CH": 3}
    by_referrer = recipes.Recipe(recipes.CountBy(lambda when, view: view["referrer"]), recipes.add)
    assert count(server, by_referrer) == {"": 1, urls[0]: 1, urls[1]: 1}
    assert count(server, recipes.views_by_address) == {"127.0.0.1": 3}
    assert count(server, recipes.views_by_device) == {"desktop": 3}


TAGS = {
    "async in head": ('<script async src="{a}" data-id="blog"></script>', ""),
    "defer in head": ('<script defer src="{a}" data-id="blog"></script>', ""),
    "plain in head": ('<script src="{a}" data-id="blog"></script>', ""),
    "plain in body": ("", '<script src="{a}" data-id="blog"></script>'),
    "id in the address": ('<script async src="{a}?id=blog"></script>', ""),
    "put in by a script": ("", "<script>let s = document.createElement('script'); s.src = '{a}'; "
                               "s.dataset.id = 'blog'; document.body.append(s)</script>"),
}


@pytest.mark.parametrize("tag", TAGS)
def test_the_tag_works_wherever_it_stands_and_reports_to_where_it_came_from(browser, server, nginx, blog, tag):
    head, body = (part.format(a=f"{server.url}/a.js") for part in TAGS[tag])
    name = f"{tag.replace(' ', '-')}.html"
    (blog / name).write_text(f"<!doctype html><html><head><meta charset='utf-8'>{head}<title>Päge &amp; more</title>"
                             f"</head><body>{body}</body></html>")
    page = browser.new_page()
    # The tracker is loaded from footfall's own port, while the page comes from nginx's.
    with page.expect_response(lambda response: response.url == f"{server.url}/e") as answered:
        page.goto(f"http://blog.example.com:{nginx.port}/{name}?a=1&b=%C3%A9#part")
    assert answered.value.status == 204
    page.close()
    address = f"http://blog.example.com:{nginx.port}/{name}?a=1&b=%C3%A9"
    assert count(server, recipes.views_by_url) == {address: 1}
    assert count(server, recipes.views_by_title) == {"Päge & more": 1}


@pytest.mark.parametrize("content", [
    "<title>\\ud83d</title><script>document.title = '\\ud83d half'</script>",
    f"<title>{'long ' * 3000}</title>",
    "<script>Object.defineProperty(document, 'title', {get() { throw new Error('mine') }})</script>",
    "<script>window.Image = undefined</script>",
])
def test_a_page_never_notices_its_tracker(browser, server, nginx, blog, content):
    (blog / "odd.html").write_text(f"<!doctype html><head>{content}<script src='/a.js' data-id='blog'></script></head>")
    page = browser.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"http://blog.example.com:{nginx.port}/odd.html?{'q' * 5000}")
    page.wait_for_load_state("networkidle")
    page.close()
    assert errors == []


def test_a_long_address_is_still_counted(browser, server, nginx):
    page = browser.new_page()
    view(page, lambda: page.goto(f"http://blog.example.com:{nginx.port}/?q={'%C3%A9' * 1100}"))
    page.close()
    ((url, views),) = count(server, recipes.views_by_url).items()
    assert (len(url), views) == (2048, 1)


def test_the_owners_pages_are_reached_through_nginx(browser, server, nginx):
    page = browser.new_page()
    page.goto(f"http://stats.example.com:{nginx.port}/")
    assert page.url == f"http://stats.example.com:{nginx.port}/login?next=/"
    page.goto(f"http://stats.example.com:{nginx.port}/metrics")
    assert "404" in page.title()
    page.close()
