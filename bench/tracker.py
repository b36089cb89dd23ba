"""What the tracker costs the page's main thread when it loads: python -m bench.tracker, with Chromium.

Processor time of the main thread is taken from a trace of the browser: the script's run, compiling included, and
whatever it set going until its first event was answered. Readers who were never there open each page, and go on to a
second one in the same tab, whose script their browser has compiled. The trace has no profile and no stacks, and no
debugger is attached to the pages: both cost time of their own, since they ask for each call's place in the script.

Beside the tracker, in turn with it, run scripts of the same size that stand for what no tracker can do without: one
that does nothing, one that writes a text into the browser's storage, and one that sends a text.
"""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

from tests.browser.conftest import FLAGS
from tests.browser.recorder import Recorder
from tests.waiting import until

READERS = 15
EVENT = '{"id": "blog", "url": "http://blog.example.com/"}'
OPTIONS = "data-track='outbound downloads forms 404' data-visitors='cookie'"
# Once its script's event was answered, or had there been one, a page leaves a mark in the trace and goes on.
PAGE = """<!doctype html><title>Home</title><script>
const next = () => {{
  console.timeStamp('answered')
  location.search ? navigator.sendBeacon('/done', '{{}}') : location.search = '?second'
}}
addEventListener('load', () => setTimeout(() => {{
  if (!{sends}) return next()
  const sent = () => performance.getEntriesByName(location.origin + '/e').length
  const look = () => sent() ? setTimeout(next, 20) : setTimeout(look, 10)
  look()
}}))</script><script async src='/{name}.js' data-id='blog' data-api='/e' {options}></script>"""


class Browser:
    """Chromium, told by a pipe of its own what to open and to trace, which attaches no debugger to what it opens."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        read, self.write = os.pipe()
        self.read, write = os.pipe()
        command = [shutil.which("chromium"), "--headless", *FLAGS, f"--user-data-dir={self.folder.name}",
                   "--remote-debugging-pipe"]
        # The browser expects the pipe's ends as its descriptors 3 and 4.
        self.process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{read} 4>&{write}', "bash", *command], pass_fds=(read, write),
            stderr=subprocess.DEVNULL)
        os.close(read)
        os.close(write)
        self.unread, self.number = b"", 0
        return self

    def __exit__(self, *error):
        self.process.terminate()
        self.process.wait()
        self.folder.cleanup()

    def next_message(self):
        while b"\0" not in self.unread:
            self.unread += os.read(self.read, 1 << 20)
        message, _, self.unread = self.unread.partition(b"\0")
        return json.loads(message)

    def do(self, method, **params):
        """Have something done, and return its result."""
        self.number += 1
        os.write(self.write, json.dumps({"id": self.number, "method": method, "params": params}).encode() + b"\0")
        while (message := self.next_message()).get("id") != self.number:
            pass
        return message["result"]

    def trace(self, act):
        """Return the events of the trace of what is done meanwhile."""
        self.do("Tracing.start", traceConfig={"includedCategories": ["devtools.timeline"], "excludedCategories": ["*"]})
        act()
        self.do("Tracing.end")
        events = []
        while (message := self.next_message())["method"] != "Tracing.tracingComplete":
            events += message["params"].get("value", ())
        return events


def main(readers=READERS):
    recorder = Recorder()
    source = recorder.pages["/a.js"].read_text()
    # A function that nobody calls is read, as the tracker is.
    idle = f"function never() {{{source}}}"
    scripts = {
        "plain tag": (source, ""),
        "all options": (source, OPTIONS),
        "nothing": (idle, ""),
        "storage": (f"localStorage.item = '{EVENT}'; {idle}", ""),
        "request": (f"const sent = new XMLHttpRequest(); sent.open('POST', '/e'); sent.send('{EVENT}'); {idle}", ""),
    }
    for number, (name, (script, options)) in enumerate(scripts.items()):
        recorder.pages[f"/{number}.js"] = script + "//js"
        recorder.pages[f"/{number}"] = PAGE.format(
            name=number, options=options, sends=str(name not in ("nothing", "storage")).lower())
    with Browser() as browser:
        def read_pages():
            for _ in range(readers):
                for number in range(len(scripts)):
                    recorder.posts.clear()
                    context = browser.do("Target.createBrowserContext")["browserContextId"]
                    browser.do("Target.createTarget", url=f"{recorder.url}/{number}", browserContextId=context)
                    until(lambda: [{}] in recorder.posts)
                    browser.do("Target.disposeBrowserContext", browserContextId=context)
        events = browser.trace(read_pages)
    recorder.close()
    spent = times(events)
    medians = {}
    for number, name in enumerate(scripts):
        pages = spent[number]
        medians[name] = [round(statistics.median(page), 2) for page in pages]
        print(f"{name:11} first page {medians[name][0]:5.2f} ms (fastest {min(pages[0]):.2f}), "
              f"second {medians[name][1]:5.2f} ms (fastest {min(pages[1]):.2f})")
    print(json.dumps({"readers": readers, **{
        f"{name.replace(' ', '_')}_{page}_ms": ms for name, both in medians.items()
        for page, ms in zip(("first", "second"), both, strict=True)}}))


def times(events):
    """Return for each script's number the milliseconds that it took each reader's first and second page.

    What counts is what names the script, on its page's thread, from the page's own script to its mark.
    """
    spent, threads = {}, {}
    for event in sorted(events, key=lambda event: (event["ts"], -event.get("dur", 0))):
        told, thread = json.dumps(event.get("args")), (event["pid"], event["tid"])
        if event["name"] == "EvaluateScript" and (page := re.search(r'/(\d)(\?second)?"', told)):
            threads[thread] = int(page[1]), bool(page[2]), [], 0
        elif thread in threads:
            number, is_second, costs, end = threads[thread]
            if event["name"] == "TimeStamp":
                spent.setdefault(number, ([], []))[is_second].append(sum(costs))
                del threads[thread]
            # What runs within another is counted with it.
            elif "tdur" in event and f"/{number}.js" in told and event["ts"] >= end:
                threads[thread] = number, is_second, [*costs, event["tdur"] / 1000], event["ts"] + event["dur"]
    return spent


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
