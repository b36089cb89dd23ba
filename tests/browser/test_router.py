"""A single-page app with the router of a real framework, Vue's: each page that it shows counts once, by its title."""

import pytest

from tests.browser.conftest import wait_for

pytestmark = pytest.mark.needs("chromium", "npm")

APP = """<!doctype html><html><head><meta charset="utf-8"><title>Loading</title>
<script async src="/a.js" data-id="blog" {options}></script></head><body>
<div id="app"><nav><router-link to="/">home</router-link> <router-link to="/post/1">one</router-link>
<router-link to="/post/2">two</router-link> <router-link to="/old">old</router-link></nav>
<router-view></router-view></div>
<script src="/vue.js"></script><script src="/vue-router.js"></script><script>
const page = name => ({{template: `<h1>${{name}}</h1>`}})
const router = VueRouter.createRouter({{history: VueRouter.{history}(), routes: [
  {{path: '/', component: page('Home'), meta: {{title: 'Home'}}}},
  {{path: '/post/:id', component: page('Post'), meta: {{title: 'Post'}}}},
  {{path: '/old', redirect: '/post/1'}}]}})
router.afterEach(to => {{ document.title = to.meta.title + (to.params.id || '') }})
Vue.createApp({{}}).use(router).mount('#app')
</script></body></html>"""


@pytest.fixture
def app(recorder, npm):
    """Makes the app's page, with a history of Vue's and options of the tag."""
    recorder.pages |= {"/vue.js": npm / "vue" / "dist" / "vue.global.prod.js",
                       "/vue-router.js": npm / "vue-router" / "dist" / "vue-router.global.prod.js"}

    def make(history, options=""):
        app = APP.format(history=history, options=options)
        recorder.pages |= dict.fromkeys(("/", "/post/1", "/post/2"), app)

    return make


@pytest.mark.parametrize("history, options, base", [("createWebHistory", "", ""),
                                                    ("createWebHashHistory", "data-hash", "/#")])
def test_each_page_that_the_router_shows_counts_once(recorder, page, app, history, options, base):
    app(history, options)
    page.goto(recorder.url + (f"{base}/post/1" if base else "/post/1"))
    for number, act in enumerate([
        lambda: None, lambda: page.click("text=two"), lambda: page.click("text=two"), lambda: page.click("text=old"),
        page.go_back, page.go_back, page.go_forward, lambda: page.click("text=home"),
    ]):
        act()
        # A click on the page that is shown already is no view: the next comes without one for it.
        expected = number + 1 if number < 2 else number
        wait_for(page, lambda expected=expected: len(recorder.views()) == expected)
    at = recorder.url + base
    one, two, home = f"{at}/post/1", f"{at}/post/2", f"{at}/"
    assert [(view["url"], view["ref"], view["title"]) for view in recorder.views()] == [
        (one, "", "Post1"), (two, one, "Post2"), (one, two, "Post1"), (two, one, "Post2"), (one, two, "Post1"),
        (two, one, "Post2"), (home, two, "Home")]
    assert page.problems == []
    # Of each page that was left there is one engagement.
    assert sorted(event["url"] for event in recorder.named("engagement")) == [one] * 3 + [two] * 3
