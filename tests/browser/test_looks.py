"""How the pages look and what they weigh, in Chromium: each kind of page, wide and narrow, light and dark, on paper.

Pictures of all of them are kept in build/screenshots/.
"""

import pytest

from footfall import config
from footfall.app import create_app
from tests.browser.pages import DESKTOP, NAME, PHONE, SCREENSHOTS, made_site, windows
from tests.servers import footfall

pytestmark = pytest.mark.needs("chromium", "npm")

CONTRAST = "color-contrast"
#: How a page is looked at, and with which options of axe: colours are the same on a phone, and all else is in the dark.
LOOKS = {"desktop-light": (DESKTOP, "light", {}), "desktop-dark": (DESKTOP, "dark", {"runOnly": [CONTRAST]}),
         "phone-light": (PHONE, "light", {"rules": {CONTRAST: {"enabled": False}}})}
#: What a first view may weigh, all files with it, as they are sent.
MOST_BYTES = 70_000


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    data = tmp_path_factory.mktemp("looks")
    # With one site alone the first page would be that site's.
    footfall(data, "site", "add", "shop")
    with made_site(data) as site:
        yield site


@pytest.fixture
def opened(browser, site):
    with windows(browser, site) as opened:
        yield opened


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    """The path of each kind of page, by what its picture is called."""
    app = create_app(config.load({"data": str(tmp_path_factory.mktemp("routes"))}, environ={}))
    rules = [rule for rule in app.url_map.iter_rules()
             if "GET" in rule.methods and rule.arguments <= {"site"} and rule.endpoint.partition(".")[0] != "share"]
    paths = {rule.endpoint: rule.rule.replace("<site>", NAME) for rule in rules}
    # Whoever comes to that one goes out.
    login = paths.pop("auth.login")
    return paths | {
        "site.filtered-view": f"/sites/{NAME}?is.device=desktop&is.country=DE&compare=year&interval=week",
        "site.nothing": f"/sites/{NAME}?is.page=/none",
        "site.panel": f"/sites/{NAME}/panel/page",
        "nowhere": f"/sites/{NAME}/nowhere",
        "auth.login": login,
    }


@pytest.fixture(scope="module")
def axe(npm):
    """The source of axe-core."""
    return (npm / "axe-core" / "axe.min.js").read_text()


def violations(page, **options):
    """What axe finds wrong with a page; of a long table its first rows are as the others."""
    part = {"exclude": [["tbody tr:nth-child(n + 9)"]]}
    options = {"resultTypes": ["violations"], **options}
    told = page.evaluate("([part, options]) => axe.run(part, options)", [part, options])["violations"]
    return [f"{each['id']}: {node['html'][:300]}" for each in told for node in each["nodes"][:3]]


def go(page, site, path):
    """Go to a page if it is one, and tell whether it is."""
    answer = page.request.get(site.server.url + path)
    if not answer.headers.get("content-type", "").startswith("text/html") or answer.status not in (200, 404):
        return False
    page.goto(site.server.url + path)
    return True


def test_everybody_can_use_every_kind_of_page(opened, site, kinds, axe):
    page = opened(reduced_motion="reduce")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    found, seen = [], set()
    for kind, path in kinds.items():
        if kind == "auth.login":
            page.context.clear_cookies()
        if not go(page, site, path):
            continue
        seen.add(kind)
        page.evaluate(axe)
        for look, ((width, height), scheme, options) in LOOKS.items():
            page.set_viewport_size({"width": width, "height": height})
            page.emulate_media(color_scheme=scheme)
            page.screenshot(path=SCREENSHOTS / f"{kind}-{look}.png", full_page=True)
            found += [f"{kind} {look}: {each}" for each in violations(page, **options)]
            if page.evaluate("document.scrollingElement.scrollWidth > innerWidth"):
                found.append(f"{kind} {look}: is wider than the window")
    # The answer to what is not there is an error to the browser, and rightly.
    page.problems[:] = [problem for problem in page.problems if "404" not in problem]
    assert {"site.overview", "site.events", "dashboard.index", "auth.login"} <= seen
    assert not found, "\n".join(found)


def test_the_menus_and_the_keys_can_be_used_too(opened, axe):
    page = opened()
    page.evaluate(axe)
    for summary in page.locator(".picks summary").all():
        summary.click()
        page.screenshot(path=SCREENSHOTS / f"menu-{summary.inner_text().split()[0].lower()}.png")
        assert violations(page) == []
    page.keyboard.press("Escape")
    page.locator(".plot").focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    page.screenshot(path=SCREENSHOTS / "chart-read.png")
    page.keyboard.press("?")
    page.screenshot(path=SCREENSHOTS / "keys.png")
    assert violations(page) == []


def test_the_dark_page_is_dark(opened):
    shades = [opened(color_scheme=scheme).evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g)")
              for scheme in ("light", "dark")]
    light, dark = (sum(map(int, shade)) / 3 for shade in shades)
    assert light > 200
    assert dark < 60


def test_on_paper_there_is_nothing_to_press(opened):
    page = opened()
    page.emulate_media(media="print")
    page.screenshot(path=SCREENSHOTS / "paper.png", full_page=True)
    for selector in ("nav", "button", "summary", ".picks"):
        assert page.locator(selector).locator("visible=true").count() == 0, selector
    assert page.locator(".figures strong").first.is_visible()


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_nothing_moves_while_the_page_is_loaded(opened, site, size):
    page = opened(size=size)
    page.add_init_script("""window.shifts = []
        new PerformanceObserver(list => shifts.push(...list.getEntries().map(entry => entry.value)))
            .observe({ type: 'layout-shift', buffered: true })""")
    page.goto(site.url)
    page.wait_for_load_state("networkidle")
    assert sum(page.evaluate("shifts")) < 0.01


def test_the_first_view_is_small_and_the_second_smaller(opened, site):
    page = opened("?period=7d")
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    network.send("Network.clearBrowserCache")
    sizes = []
    network.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))

    def weight():
        sizes.clear()
        page.goto(site.url)
        page.wait_for_load_state("networkidle")
        return sum(sizes)

    first, second = weight(), weight()
    assert 0 < second < first < MOST_BYTES
