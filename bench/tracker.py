"""What the tracker costs the page's main thread when it loads: python -m bench.tracker, with Chromium.

Processor time of the main thread is taken from a trace of the browser: the script's run, compiling included, and
whatever it set going until its first event was answered. No debugger is attached to the page, since one has the browser
write down where each request came from. Some browsers open each page for the first time, when nothing of it is
compiled, and once more.

Beside the tracker, in turn with it, run scripts of the same size that stand for what no tracker can do without: one
that does nothing, one that writes a text into the browser's storage, and one that sends a text.
"""

import json
import shutil
import statistics
import sys
import time

from playwright.sync_api import sync_playwright

from tests.browser.conftest import FLAGS
from tests.browser.recorder import Recorder

BROWSERS = 15
EVENT = '{"id": "blog", "url": "http://blog.example.com/"}'
# The second page comes by itself, as nobody is there to open it.
PAGE = ("<!doctype html><title>Home</title><meta http-equiv=refresh content='1;url=/{0}/again'>"
        "<script async src='/{0}.js' data-id='blog' data-api='/e' data-track='outbound downloads forms 404' "
        "data-visitors='cookie'></script>")
# What becomes of the second page's event takes no longer.
AFTERWARDS_S = 1


def main(browsers=BROWSERS):
    recorder = Recorder()
    source = recorder.pages["/a.js"].read_text()
    # A function that nobody calls is read, as the tracker is.
    idle = f"function never() {{{source}}}"
    scripts = {
        "tracker": source,
        "nothing": idle,
        "storage": f"localStorage.item = '{EVENT}'; {idle}",
        "request": f"const request = new XMLHttpRequest(); request.open('POST', '/e'); request.send('{EVENT}'); {idle}",
    }
    for name, script in scripts.items():
        page = PAGE.format(name)
        recorder.pages |= {f"/{name}.js": script + "//js", f"/{name}": page,
                           f"/{name}/again": page.replace("http-equiv", "name").replace("Home", "Again")}
    spent = {name: ([], []) for name in scripts}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for _ in range(browsers):
            for name, both in spent.items():
                for times, ms in zip(both, main_thread_ms(browser, recorder.url, name), strict=True):
                    times.append(ms)
        browser.close()
    recorder.close()
    medians = {name: [round(statistics.median(times), 2) for times in both] for name, both in spent.items()}
    for name, both in medians.items():
        print(f"{name:8} first page {both[0]:5.2f} ms (fastest {min(spent[name][0]):.2f}), second {both[1]:5.2f} ms")
    first = {name: both[0] for name, both in medians.items()}
    print(json.dumps({
        "browsers": browsers, **{f"{name}_{page}_ms": ms for name, both in medians.items()
                                 for page, ms in zip(("first", "second"), both, strict=True)},
        "more_than_nothing_ms": round(first["tracker"] - first["nothing"], 2),
        "times_storage_and_request": round(first["tracker"] / (first["storage"] + first["request"]), 2)}))


def main_thread_ms(browser, url, name):
    """Return the main thread's processor time that a script took on two pages, in milliseconds."""
    control = browser.new_browser_cdp_session()
    context = control.send("Target.createBrowserContext")["browserContextId"]
    browser.start_tracing(categories=["-*", "devtools.timeline"])
    target = control.send("Target.createTarget", {"url": f"{url}/{name}", "browserContextId": context})["targetId"]
    while control.send("Target.getTargetInfo", {"targetId": target})["targetInfo"]["title"] != "Again":
        time.sleep(0.05)
    time.sleep(AFTERWARDS_S)
    events = json.loads(browser.stop_tracing())["traceEvents"]
    control.send("Target.disposeBrowserContext", {"browserContextId": context})
    control.detach()
    mine = [event for event in events if "tdur" in event and f"/{name}.js" in json.dumps(event.get("args", {}))]
    runs = sorted((event for event in mine if event["name"] == "EvaluateScript"), key=lambda event: event["ts"])
    first, second = ((run["pid"], run["tid"], run["ts"]) for run in runs)
    return [sum_outermost(event for event in mine if (event["pid"], event["tid"]) == (pid, tid)
                          and (event["ts"] >= second[2]) == is_second)
            for is_second, (pid, tid, _) in enumerate((first, second))]


def sum_outermost(events):
    """Return the milliseconds of events, those within another left out."""
    total = end = 0
    for event in sorted(events, key=lambda event: (event["ts"], -event["dur"])):
        if event["ts"] >= end:
            total += event["tdur"]
            end = event["ts"] + event["dur"]
    return total / 1000


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
