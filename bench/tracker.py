"""What the tracker costs the page's main thread when it loads: python -m bench.tracker, with Chromium.

Processor time of the main thread is taken from a trace of the browser: the script's run, compiling included, and
whatever it set going until its first event was answered. Some browsers open each page for the first time, when nothing
of it is compiled, and once more. The trace has no profile and no stacks, which cost time of their own.

Beside the tracker, in turn with it, run scripts of the same size that stand for what no tracker can do without: one
that does nothing, one that writes a text into the browser's storage, and one that sends a text.
"""

import json
import shutil
import statistics
import sys

from playwright.sync_api import sync_playwright

from tests.browser.conftest import FLAGS
from tests.browser.recorder import Recorder

BROWSERS = 15
EVENT = '{"id": "blog", "url": "http://blog.example.com/"}'
PAGE = ("<!doctype html><title>Home</title><script async src='/{0}.js' data-id='blog' data-api='/e' "
        "data-track='outbound downloads forms 404' data-visitors='cookie'></script>")


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
        recorder.pages |= {f"/{name}.js": script + "//js", f"/{name}": PAGE.format(name)}
    spent = {name: ([], []) for name in scripts}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for _ in range(browsers):
            for name, both in spent.items():
                page = browser.new_context().new_page()
                for times in both:
                    times.append(main_thread_ms(browser, page, recorder.url, name))
                page.context.close()
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


def main_thread_ms(browser, page, url, name):
    """Open a page, and return the main thread's processor time that its script took, in milliseconds."""
    browser.start_tracing(page=page, categories=["-*", "devtools.timeline"])
    page.goto(f"{url}/{name}")
    if name in ("tracker", "request"):
        page.wait_for_function("performance.getEntriesByName(location.origin + '/e').length")
    events = json.loads(browser.stop_tracing())["traceEvents"]
    mine = [event for event in events if "tdur" in event and f"/{name}.js" in json.dumps(event.get("args", {}))]
    thread = next((event["pid"], event["tid"]) for event in mine if event["name"] == "EvaluateScript")
    total = end = 0
    for event in sorted(mine, key=lambda event: (event["ts"], -event["dur"])):
        # What runs within another is counted with it.
        if (event["pid"], event["tid"]) == thread and event["ts"] >= end:
            total += event["tdur"]
            end = event["ts"] + event["dur"]
    return total / 1000


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
