"""What the tracker costs the page's main thread when it loads: python -m bench.tracker, with Chromium.

The script's run, compiling included, is taken from a trace of the browser (processor time of EvaluateScript), for some
browsers' first page, and for their second.
"""

import json
import shutil
import statistics

from playwright.sync_api import sync_playwright

from tests.browser.conftest import FLAGS
from tests.browser.recorder import Recorder

PAGES = 30


def main():
    recorder = Recorder()
    recorder.pages["/"] = ("<!doctype html><title>Home</title><script async src='/a.js' data-id='blog' "
                           "data-track='outbound downloads forms 404' data-visitors='cookie'></script>")
    spent = {"first": [], "second": []}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for _ in range(PAGES):
            page = browser.new_context().new_page()
            for times in spent.values():
                browser.start_tracing(page=page)
                page.goto(recorder.url)
                page.wait_for_function("performance.getEntriesByName(location.origin + '/e').length")
                events = json.loads(browser.stop_tracing())["traceEvents"]
                times.append(sum(event.get("tdur", 0) for event in events if event["name"] == "EvaluateScript"
                                 and "/a.js" in json.dumps(event.get("args", {}))) / 1000)
            page.context.close()
        browser.close()
    recorder.close()
    print(json.dumps({"browsers": PAGES, **{f"{name}_page_ms": round(statistics.median(times), 2)
                                            for name, times in spent.items()}}))


if __name__ == "__main__":
    main()
