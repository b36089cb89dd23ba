"""The settings pages in Chromium without JavaScript: from a new site to a goal that its first reader reached."""

import pytest

from tests.browser.conftest import follow
from tests.servers import Server, footfall
from tests.waiting import until

READER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SECTIONS = ("General", "Installation", "Filters", "Goals", "Funnels", "Annotations", "Privacy", "Tokens", "Import",
            "Export")

pytestmark = pytest.mark.needs("chromium")


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A server without a site, and its owner's password."""
    data = tmp_path_factory.mktemp("settings")
    password = footfall(data, "user", "add", "owner").stdout.split()[-1]
    with Server(data) as server:
        yield server, password


@pytest.fixture(params=[1280, 360])
def page(request, browser, served):
    """The owner's page, wide or narrow, where scripts do not run."""
    context = browser.new_context(viewport={"width": request.param, "height": 800}, java_script_enabled=False)
    page = context.new_page()
    page.problems = []
    page.on("console", lambda message: page.problems.append(message.text))
    server, password = served
    page.goto(f"{server.url}/login")
    page.get_by_label("User").fill("owner")
    page.get_by_label("Password").fill(password)
    follow(page, page.get_by_role("button", name="Log in"))
    yield page
    context.close()


def test_from_a_new_site_to_a_goal_that_its_first_reader_reached(page, served, browser, recorder):
    server, _ = served
    site = f"blog-{page.viewport_size['width']}"
    page.goto(f"{server.url}/new-site")
    page.get_by_label("Id", exact=True).fill("a blog")
    follow(page, page.get_by_role("button", name="Add the site"))
    assert page.get_by_label("Id", exact=True).input_value() == "a blog"
    assert page.locator("#id-problem").is_visible()
    page.get_by_label("Id", exact=True).fill(site)
    page.get_by_label("Where its pages are").fill(recorder.url)
    page.get_by_label("Time zone").select_option("Europe/Berlin")
    follow(page, page.get_by_role("button", name="Add the site"))
    assert page.get_by_role("status").inner_text() == f"Added {site}. Paste the tag below into its pages."

    tag = page.locator("#tag").inner_text()
    assert "Waiting for a view" in page.locator("#seen").inner_text()
    recorder.pages["/thanks"] = f"<!doctype html><title>Thank you</title>{tag}<h1>Thanks</h1>"
    reader = browser.new_context(user_agent=READER)
    reader.new_page().goto(f"{recorder.url}/thanks")

    def seen():
        follow(page, page.get_by_role("link", name="Look again"))
        return "We have just seen a view" in page.locator("#seen").inner_text() and page.locator("#seen").inner_text()

    told = until(seen)
    reader.close()
    assert f"{recorder.url}/thanks" in told
    assert "Firefox on Linux, “Thank you”" in told

    follow(page, page.get_by_role("navigation", name=f"Settings of {site}").get_by_role("link", name="Goals"))
    page.get_by_label("Name").fill("Thanked")
    page.get_by_label("Which").fill("/thanks")
    follow(page, page.get_by_role("button", name="Try it"))
    assert "visits 1 (100.0% of all), visitors 1, times 1" in page.get_by_role("status").inner_text()
    follow(page, page.get_by_role("button", name="Add"))
    assert page.get_by_role("status").inner_text() == "Saved the goal Thanked."
    follow(page, page.get_by_role("navigation", name=f"Pages of {site}").get_by_role("link", name="Goals"))
    assert "Thanked" in page.get_by_role("main").inner_text()
    # The id that could not be one.
    assert len(page.problems) == 1
    assert "400 (BAD REQUEST)" in page.problems[0]


def test_every_section_fits_and_none_needs_a_script(page, served):
    server, _ = served
    site = f"wide-{page.viewport_size['width']}"
    footfall(server.data, "site", "add", site)
    page.goto(f"{server.url}/sites/{site}/settings")
    for name in SECTIONS:
        follow(page, page.get_by_role("navigation", name=f"Settings of {site}").get_by_role("link", name=name))
        assert page.get_by_role("heading", level=2).inner_text() == name
        width = page.locator("html").evaluate("element => element.scrollWidth")
        assert width <= page.viewport_size["width"], name
        for control in page.locator("main input:visible, main select:visible, main textarea:visible").all():
            assert control.evaluate("element => element.labels.length"), control
    assert page.problems == []


def test_with_scripts_the_first_view_shows_by_itself(browser, served, recorder):
    server, password = served
    footfall(server.data, "site", "add", "first")
    context = browser.new_context(user_agent=READER)
    page = context.new_page()
    page.goto(f"{server.url}/login?next=/sites/first/settings/installation")
    page.get_by_label("User").fill("owner")
    page.get_by_label("Password").fill(password)
    follow(page, page.get_by_role("button", name="Log in"))
    assert "Waiting for a view" in page.locator("#seen").inner_text()
    recorder.pages["/"] = f"<!doctype html><title>First</title>{page.locator('#tag').inner_text()}"
    context.new_page().goto(recorder.url)
    page.get_by_text("We have just seen a view").wait_for()
    assert "“First”" in page.locator("#seen").inner_text()
    context.close()
