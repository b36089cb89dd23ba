"""What the tracker tells of pages in Chromium: which views, with what, and what readers do there."""

import re

import pytest

from footfall.collect.tracker import frozen, scripts, tag
from tests.browser.conftest import wait_for
from tests.waiting import until


def html(title, body="", tag='<script async src="/a.js" data-id="blog"></script>', head=""):
    return (f"<!doctype html><html><head><meta charset='utf-8'>{tag}<title>{title}</title>{head}</head>"
            f"<body>{body}</body></html>")


def tagged(**attributes):
    written = " ".join(f'data-{name}="{value}"' for name, value in {"id": "blog", **attributes}.items())
    return f'<script async src="/a.js" {written}></script>'


def told(events, *fields):
    return [tuple(event.get(field) for field in fields) for event in events]


def test_views_and_their_referrers_of_a_walk_through_pages_with_back_and_forward(recorder, page):
    recorder.pages |= {"/": html("Home", "<a href='/two?q=1#part'>on</a>"), "/two": html("Twö &amp; more")}
    page.goto(recorder.url)
    wait_for(page, lambda: len(recorder.views()) == 1)
    page.click("text=on")
    wait_for(page, lambda: len(recorder.views()) == 2)
    page.go_back()
    wait_for(page, lambda: len(recorder.views()) == 3)
    page.go_forward()
    wait_for(page, lambda: len(recorder.views()) == 4)
    home, two = (f"{recorder.url}/", "", "Home"), (f"{recorder.url}/two?q=1", f"{recorder.url}/", "Twö & more")
    assert told(recorder.views(), "url", "ref", "title") == [home, two, home, two]
    assert told(recorder.views(), "id", "screen", "bot") == [("blog", "1280x720", None)] * 4
    assert page.problems == []


def test_a_view_is_a_real_change_of_the_address(recorder, page):
    recorder.pages["/"] = html("Home", "<a href='#part'>part</a><a href='#other'>other</a>")
    page.goto(recorder.url)
    wait_for(page, lambda: len(recorder.views()) == 1)
    page.click("text=part")
    # The same address, a place in the page, and a way that leads back at once are none; of two in a row the last is.
    page.evaluate("""() => {
        history.replaceState({}, ''); history.pushState({}, '', '/'); history.pushState({}, '', '#more')
        history.pushState({}, '', '/x'); history.replaceState({}, '', '/') }""")
    page.evaluate("history.pushState({}, '', '/a'); history.replaceState({}, '', '/b'); document.title = 'B'")
    wait_for(page, lambda: len(recorder.views()) == 2)
    page.evaluate("Promise.resolve().then(() => history.pushState({}, '', '/c')).then(() => { document.title = 'C' })")
    wait_for(page, lambda: len(recorder.views()) == 3)
    page.evaluate("history.back()")
    wait_for(page, lambda: len(recorder.views()) == 4)
    url = recorder.url
    assert told(recorder.views(), "url", "ref", "title") == [
        (f"{url}/", "", "Home"), (f"{url}/b", f"{url}/", "B"), (f"{url}/c", f"{url}/b", "C"),
        (f"{url}/b", f"{url}/c", "C")]


def test_the_hash_is_part_of_the_page_if_the_tag_says_so(recorder, page):
    recorder.pages["/"] = html("Home", "<a href='#/two'>two</a>", tagged(hash=""))
    page.goto(f"{recorder.url}/#/one")
    wait_for(page, lambda: len(recorder.views()) == 1)
    page.click("text=two")
    wait_for(page, lambda: len(recorder.views()) == 2)
    assert told(recorder.views(), "url", "ref") == [
        (f"{recorder.url}/#/one", ""), (f"{recorder.url}/#/two", f"{recorder.url}/#/one")]


def test_a_page_from_the_browsers_cache_counts_again_and_one_made_ready_when_it_is_shown(recorder, page):
    recorder.pages["/"] = html("Home", head="""<script>
        Object.defineProperty(document, 'prerendering', {value: true, configurable: true})</script>""")
    page.goto(recorder.url)
    page.wait_for_function("document.readyState == 'complete'")
    page.evaluate("window.footfall = Object.assign(() => {}, {q: [['early', {n: 1}]]})")
    page.wait_for_timeout(100)
    assert recorder.events == []
    page.evaluate("document.dispatchEvent(new Event('prerenderingchange'))")
    wait_for(page, lambda: len(recorder.views()) == 1 and recorder.named("early"))
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    wait_for(page, lambda: len(recorder.views()) == 2)
    assert told(recorder.views(), "url", "title") == [(f"{recorder.url}/", "Home")] * 2
    assert told(recorder.named("early"), "props") == [({"n": 1},)]


def test_engaged_time_and_the_deepest_place_are_told_once_when_the_page_is_left(recorder, page):
    recorder.pages |= {"/": html("Home", "<p style='height: 7200px'></p>"), "/two": html("Two")}
    page.goto(recorder.url)
    wait_for(page, lambda: len(recorder.views()) == 1)
    # The script measures by the page's own clock what it lets pass.
    passed = page.evaluate("""async () => {
        const start = performance.now()
        scrollTo(0, 2880); await new Promise(done => setTimeout(done, 500)); scrollTo(0, 0)
        await new Promise(done => setTimeout(done, 500)); return performance.now() - start }""")
    page.evaluate("""() => {
        const [script] = performance.getEntriesByName(location.origin + '/a.js')
        addEventListener('pagehide', () => sessionStorage.stayed = performance.now() - script.responseEnd) }""")
    page.goto(f"{recorder.url}/two")
    wait_for(page, lambda: len(recorder.views()) == 2)
    stayed = float(page.evaluate("sessionStorage.stayed"))
    ((url, engaged, scroll),) = told(recorder.named("engagement"), "url", "engaged", "scroll")
    assert passed <= engaged
    assert abs(engaged - stayed) < 150
    height = 7200 + 16
    assert (url, scroll) == (f"{recorder.url}/", (2880 + 720) * 100 // height)


def test_time_out_of_sight_or_focus_is_not_engaged_and_each_hiding_tells_what_is_new(recorder, page):
    recorder.pages["/"] = html("Home", head="""<script>
        let isHidden = false, isFocused = true
        Object.defineProperty(document, 'hidden', {get: () => isHidden})
        document.hasFocus = () => isFocused
        const wait = ms => new Promise(done => setTimeout(done, ms))
        function focus(is) { isFocused = is; dispatchEvent(new Event(is ? 'focus' : 'blur')) }
        function hide(is) { isHidden = is; document.dispatchEvent(new Event('visibilitychange')) }</script>""")
    page.goto(recorder.url)
    wait_for(page, lambda: len(recorder.views()) == 1)
    # By the page's clock, which begins with the page.
    left, back, hidden, shown, end = page.evaluate("""async () => {
        const left = performance.now()
        focus(false); await wait(400); focus(true)
        const back = performance.now()
        await wait(200); hide(true); hide(true)
        const hidden = performance.now()
        await wait(400); hide(false)
        const shown = performance.now()
        await wait(300); hide(true); hide(false); hide(true)
        return [left, back, hidden, shown, performance.now()] }""")
    wait_for(page, lambda: len(recorder.named("engagement")) == 2)
    one, two = (event["engaged"] for event in recorder.named("engagement"))
    assert hidden - back - 30 <= one <= hidden - (back - left) + 30
    assert abs(two - (end - shown)) <= 30


def test_a_router_ends_the_engagement_of_the_page_before(recorder, page):
    recorder.pages["/"] = html("Home", "<p style='height: 1440px'></p>")
    page.goto(recorder.url)
    wait_for(page, lambda: len(recorder.views()) == 1)
    page.evaluate("""new Promise(done => setTimeout(done, 300)).then(() => {
        scrollTo(0, 9999); history.pushState({}, '', '/two') })""")
    wait_for(page, lambda: len(recorder.views()) == 2 and len(recorder.named("engagement")) == 1)
    (event,) = recorder.named("engagement")
    assert event["url"] == f"{recorder.url}/"
    assert event["engaged"] >= 290
    page.close()
    until(lambda: len(recorder.named("engagement")) == 2)
    assert recorder.named("engagement")[1]["url"] == f"{recorder.url}/two"


LINKS = """
<a id=out href='http://other.example/x?q=1'>out</a> <a id=in href='/two.html'>in</a>
<a id=mail href='mailto:a@b.example'>mail</a>
<a id=file href='/files/Report.PDF?v=2'>file</a> <a id=away href='https://other.example/a.zip'>zip</a>
<a id=deep href='http://other.example/'><b><i>deep</i></b></a>
<form id=f action='/send' onsubmit='return false'><input name=id><input name=action><button>send</button></form>
<button id=plain data-footfall-event=signup data-footfall-plan=pro data-footfall-my-price=12 data-other=1>join</button>
<form id=g data-footfall-event=join data-footfall-list=news onsubmit='return false'>
<input name=tagName><button>go</button></form>
<script>addEventListener('click', event => event.target.closest('a') && event.preventDefault())</script>"""


@pytest.mark.parametrize("track, act, name, props", [
    ("outbound", "#out", "outbound", {"url": "http://other.example/x?q=1"}),
    ("outbound", "#deep i", "outbound", {"url": "http://other.example/"}),
    ("outbound downloads", "#file", "download", {"url": "{url}/files/Report.PDF?v=2"}),
    ("outbound downloads", "#away", "download", {"url": "https://other.example/a.zip"}),
    ("outbound", "#away", "outbound", {"url": "https://other.example/a.zip"}),
    ("outbound downloads forms", "#in", None, None), ("outbound", "#mail", None, None), ("forms", "#out", None, None),
    ("", "#out", None, None), ("", "#file", None, None), ("", "#f button", None, None),
    ("forms", "#f button", "form", {"id": "f", "action": "/send"}),
    ("", "#plain", "signup", {"plan": "pro", "my-price": "12"}),
    ("", "#g button", "join", {"list": "news"}),
])
def test_what_a_reader_does_is_told_if_the_tag_asks_for_it(recorder, page, track, act, name, props):
    recorder.pages["/"] = html("Home", LINKS, tagged(track=track))
    page.goto(recorder.url)
    wait_for(page, lambda: len(recorder.views()) == 1)
    page.click(act)
    page.evaluate("footfall('end')")
    # Events may overtake each other: all have come when none is left.
    wait_for(page, lambda: recorder.named("end") and page.evaluate("!localStorage.length"))
    expected = [] if name is None else [(name, f"{recorder.url}/", {
        key: value.replace("{url}", recorder.url) for key, value in props.items()})]
    done = told(recorder.taken(), "event", "url", "props")
    assert [each for each in done if each[0] not in (None, "end")] == expected
    assert page.problems == []


def test_a_middle_click_opens_a_link_and_a_right_click_does_not(recorder, page):
    recorder.pages["/"] = html("Home", LINKS, tagged(track="outbound"))
    page.goto(recorder.url)
    wait_for(page, lambda: len(recorder.views()) == 1)
    page.click("#out", button="middle")
    page.click("#deep", button="right")
    page.evaluate("footfall('end')")
    # Events may overtake each other: all have come when none is left.
    wait_for(page, lambda: recorder.named("end") and page.evaluate("!localStorage.length"))
    assert told(recorder.named("outbound"), "props") == [({"url": "http://other.example/x?q=1"},)]


@pytest.mark.parametrize("track, status, expected", [("404", 404, 1), ("404", 500, 1), ("404", 200, 0), ("", 404, 0)])
def test_a_page_that_is_not_found_is_told(recorder, page, track, status, expected):
    recorder.pages["/gone"] = (status, html("Gone", tag=tagged(track=track)))
    page.goto(f"{recorder.url}/gone")
    wait_for(page, lambda: len(recorder.views()) == 1)
    page.close()
    until(lambda: recorder.named("engagement"))
    assert told(recorder.named("404"), "url") == [(f"{recorder.url}/gone",)] * expected


@pytest.mark.parametrize("script, measures, attributes, more", [
    ("/a.js", "/a.vitals.js", {"track": "outbound vitals"}, ""),
    (f"/a.{frozen()}.js?x=a.js", f"/a.{frozen('vitals')}.js", {"track": "vitals"}, ""),
    ("/js/count?x", "/js/count.vitals.js", {"track": "vitals"}, ""),
    ("/a.core.js", "/a.vitals.js", {}, '<script async src="/a.vitals.js"></script>'),
])
def test_vitals_are_told_once_if_the_tag_asks_for_them(recorder, page, script, measures, attributes, more):
    recorder.pages |= {script.partition("?")[0]: scripts()["core" if "core" in script else ""].source.decode() + "//js",
                       measures: recorder.pages["/a.vitals.js"]}
    recorder.pages["/"] = html("Home", "<h1>Big</h1><p id=p>p</p>",
                               tagged(api="/e", **attributes).replace("/a.js", script), more)
    page.goto(recorder.url)
    wait_for(page, lambda: len(recorder.views()) == 1)
    page.evaluate("""() => new Promise(done => requestAnimationFrame(() => {
        p.style.marginTop = '300px'; setTimeout(done, 1000) }))""")
    page.close()
    until(lambda: recorder.named("vitals"))
    ((props,),) = told(recorder.named("vitals"), "props")
    assert {"ttfb", "fcp", "lcp", "cls"} <= set(props)
    assert 0 < props["cls"] < 1
    assert 0 < props["ttfb"] <= props["fcp"] <= props["lcp"] < 10_000


def test_the_pages_own_events_may_come_before_the_script(recorder, page):
    stub = ("<script>window.footfall = window.footfall || function () { "
            "(footfall.q = footfall.q || []).push(arguments) }\n"
            "footfall('early', {plan: 'pro', n: 1.5, ok: true, no: null})</script>")
    recorder.pages["/"] = html("Home", tag=stub + tagged())
    page.goto(recorder.url)
    wait_for(page, lambda: recorder.named("early"))
    page.evaluate("footfall('late')")
    # Each goes in a request of its own; they may overtake each other.
    wait_for(page, lambda: len(recorder.taken()) >= 3)
    assert sorted(told(recorder.taken(), "event", "props"), key=str) == [
        ("early", {"plan": "pro", "n": 1.5, "ok": True, "no": None}), ("late", None), (None, None)]


@pytest.mark.parametrize("host, attributes, expected", [
    ("localhost", {}, 0), ("127.0.0.1", {}, 0), ("localhost", {"local": ""}, 1), ("localhost.example.com", {}, 1)])
def test_the_owners_own_machine_does_not_count_unless_told(recorder, page, host, attributes, expected):
    recorder.pages["/"] = html("Home", tag=tagged(**attributes))
    page.goto(f"http://{host}:{recorder.port}/")
    page.wait_for_function("!!window.footfall")
    page.evaluate("footfall('x')")
    recorder.pages["/end"] = html("End", tag=tagged(local=""))
    page.goto(f"http://{host}:{recorder.port}/end")
    wait_for(page, lambda: [view for view in recorder.views() if view["title"] == "End"])
    assert len([view for view in recorder.views() if view["title"] == "Home"]) == expected


def test_a_page_opened_as_a_file_does_not_count(recorder, page, tmp_path):
    (tmp_path / "page.html").write_text(html("File", tag=tagged().replace("/a.js", f"{recorder.url}/a.js")))
    page.goto(f"file://{tmp_path}/page.html")
    page.wait_for_function("!!window.footfall")
    page.evaluate("footfall('x')")
    assert (page.evaluate("Object.keys(localStorage)"), recorder.events) == ([], [])


def test_a_reader_who_opts_out_is_not_counted_and_may_come_back(recorder, page):
    recorder.pages["/"] = html("Home", "<button data-footfall-off>do not count me</button>", tagged(visitors="cookie"))
    page.goto(recorder.url)
    wait_for(page, lambda: len(recorder.views()) == 1)
    page.click("button")
    page.evaluate("footfall('x')")
    page.reload()
    page.wait_for_function("!!window.footfall")
    page.evaluate("footfall('y'); history.pushState({}, '', '/z')")
    page.wait_for_timeout(50)
    assert page.evaluate("Object.keys(localStorage)") == ["footfall-off"]
    page.evaluate("footfall.off(false)")
    page.evaluate("footfall('back')")
    wait_for(page, lambda: recorder.named("back"))
    assert [event.get("event") for event in recorder.taken()] == [None, "back"]


def test_a_readers_id_is_kept_in_a_cookie_if_the_owner_asks_for_it(recorder, context, page):
    recorder.pages |= {"/": html("Home", tag=tagged(visitors="cookie")), "/plain": html("Plain")}
    page.goto(recorder.url)
    wait_for(page, lambda: len(recorder.views()) == 1)
    page.goto(recorder.url)
    wait_for(page, lambda: len(recorder.views()) == 2)
    (cookie,) = context.cookies()
    assert (cookie["name"], cookie["path"], cookie["sameSite"]) == ("footfall", "/", "Lax")
    assert re.fullmatch(r"\d{20,30}", cookie["value"])
    assert told(recorder.views(), "visitor", "new") == [(cookie["value"], True), (cookie["value"], False)]
    context.clear_cookies()
    page.goto(f"{recorder.url}/plain")
    wait_for(page, lambda: len(recorder.views()) == 3)
    assert told(recorder.views()[2:], "visitor", "new") == [(None, None)]
    assert context.cookies() == []


def test_nothing_is_kept_in_the_browser_once_the_server_has_it(recorder, page):
    recorder.pages["/"] = html("Home")
    page.goto(recorder.url)
    wait_for(page, lambda: len(recorder.views()) == 1)
    wait_for(page, lambda: page.evaluate("Object.keys(localStorage)") == [])
    left = page.evaluate("""[
        document.cookie, sessionStorage.length, Object.keys(window).filter(key => /foot/.test(key))]""")
    assert left == ["", 0, ["footfall"]]


@pytest.mark.parametrize("attributes", [{}, {"track": "outbound downloads forms 404", "visitors": "cookie"}])
def test_nothing_is_raised_while_a_page_loads_not_even_what_is_caught(recorder, context, page, attributes):
    recorder.pages["/"] = html("Home", tag=tagged(**attributes))
    debugger = context.new_cdp_session(page)
    raised = []

    def note(paused):
        raised.append(paused["data"]["description"])
        debugger.send("Debugger.resume")

    debugger.on("Debugger.paused", note)
    debugger.send("Debugger.enable")
    debugger.send("Debugger.setPauseOnExceptions", {"state": "all"})
    page.goto(recorder.url)
    wait_for(page, lambda: recorder.views() and page.evaluate("!localStorage.length"))
    assert raised == []


def test_a_program_that_drives_the_browser_is_told(recorder, page):
    drive = "<script>Object.defineProperty(navigator, 'webdriver', {value: true})</script>"
    recorder.pages["/"] = html("Home", head=drive)
    page.goto(recorder.url)
    wait_for(page, lambda: len(recorder.views()) == 1)
    assert told(recorder.views(), "bot") == [("webdriver",)]


BROKEN = {
    "fetch": "window.fetch = () => { throw new Error('mine') }",
    "fetch that lies": "window.fetch = () => Promise.resolve({ok: true, status: 204})",
    "XMLHttpRequest": "window.XMLHttpRequest = function () { throw new Error('mine') }",
    "XMLHttpRequest that is silent":
        "window.XMLHttpRequest = function () { this.open = this.send = this.abort = () => {} }",
    "storage": "Object.defineProperty(window, 'localStorage', "
               "{get() { throw new DOMException('no', 'SecurityError') }})",
    "no storage": "Object.defineProperty(window, 'localStorage', {value: null})",
    "full storage": "Storage.prototype.setItem = () => { throw new Error('full') }; "
                    "localStorage.x = 'x'.repeat(5242880 - 1)",
    "locks": "Object.defineProperty(navigator, 'locks', "
             "{value: {request: () => Promise.reject(new Error('no'))}})",
    "history": "Object.freeze(history)",
    "sendBeacon": "navigator.sendBeacon = () => { throw new Error('mine') }",
    "observers": "window.PerformanceObserver = undefined; performance.getEntriesByType = undefined",
    "element": "document.addEventListener('DOMContentLoaded', () => document.body.append("
               "Object.assign(document.createElement('p'), {id: 'footfall'})))",
    "half a character": "document.addEventListener('DOMContentLoaded', () => { document.title = 'a\\ud83d' + 'b' })",
    "long title": "document.addEventListener('DOMContentLoaded', () => { document.title = 'long '.repeat(3000) })",
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_page_that_broke_its_browser_is_counted_and_notices_nothing(recorder, page, broken):
    recorder.pages |= {"/": html("Home", tag=f"<script>{BROKEN[broken]}</script>" + tagged(track="outbound 404")),
                       "/two": html("Two")}
    page.goto(f"{recorder.url}/?{'q' * 5000}")
    page.wait_for_load_state("networkidle")
    page.evaluate("dispatchEvent(new Event('blur')); document.body.click()")
    page.evaluate("history.pushState({}, '', '/three')")
    page.goto(f"{recorder.url}/two")
    wait_for(page, lambda: {f"{recorder.url}/?{'q' * 5000}", f"{recorder.url}/two"} <= {
        view["url"] for view in recorder.views()})
    assert page.problems == []


@pytest.mark.parametrize("title", ["Object.defineProperty(document, 'title', {get() { throw new Error('mine') }})"])
def test_a_page_whose_title_cannot_be_read_notices_nothing(recorder, page, title):
    recorder.pages["/"] = html("Home", tag=f"<script>{title}</script>" + tagged())
    page.goto(recorder.url)
    page.wait_for_function("!!window.footfall")
    page.evaluate("history.pushState({}, '', '/three')")
    page.goto("about:blank")
    assert page.problems == []


def test_it_works_under_a_strict_policy_and_behind_a_hash(recorder, page):
    name = frozen()
    recorder.pages[f"/a.{name}.js"] = recorder.pages["/a.js"]
    recorder.headers = {"Content-Security-Policy": "default-src 'none'; script-src 'self'; connect-src 'self'; "
                                                   "require-trusted-types-for 'script'"}
    recorder.pages["/"] = html("Home", tag=tag("", "blog", integrity=True))
    messages = []
    page.on("console", lambda message: messages.append(message.text))
    page.goto(recorder.url)
    wait_for(page, lambda: len(recorder.views()) == 1)
    page.evaluate("history.pushState({}, '', '/two')")
    wait_for(page, lambda: len(recorder.views()) == 2)
    assert [message for message in messages if "favicon" not in message and "404" not in message] == []
    # Other bytes do not run.
    recorder.pages[f"/a.{name}.js"] = scripts()[""].source.decode() + "js"
    page.goto(f"{recorder.url}/?again")
    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.footfall") is None


def test_the_small_build_counts_views_and_the_pages_own_events(recorder, page):
    recorder.pages["/"] = html("Home", "<a href='http://other.example/'>out</a>",
                               tagged(track="outbound").replace("/a.js", "/a.core.js"))
    page.goto(recorder.url)
    wait_for(page, lambda: len(recorder.views()) == 1)
    page.evaluate("footfall('x', {n: 1}); history.pushState({}, '', '/two')")
    wait_for(page, lambda: len(recorder.views()) == 2 and recorder.named("x"))
    # The page stays, lest the next navigation and the link's get in each other's way.
    page.evaluate("() => { const a = document.querySelector('a'); a.onclick = () => false; a.click() }")
    page.goto(f"{recorder.url}/")
    wait_for(page, lambda: len(recorder.views()) == 3)
    # The second view and the event are sent at once, and one may overtake the other.
    assert sorted(told(recorder.taken(), "event", "props"), key=str) == [
        ("x", {"n": 1}), (None, None), (None, None), (None, None)]
