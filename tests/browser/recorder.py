"""A server for the tracker's tests: pages, the tracker's builds, and posts, written down and answered as told."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


class Recorder:
    """A server on a loopback port of its own.

    :ivar pages: HTML, or a file's path, by path; a tuple of a status and that for other answers than 200.
    :ivar headers: sent with every page.
    :ivar posts: each post's events, as a list, in the order in which they came.
    :ivar answer: gives the status of each post, and ``None`` to close the connection without one.
    """

    def __init__(self):
        self.pages = {f"/{path.name}": path for path in (ROOT / "static").glob("a.*js")}
        self.headers = {}
        self.posts = []
        self.answer = lambda events: 204
        self.retry_after = None
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        # A page that is left closes its connections.
        self.server.handle_error = lambda *request: None
        self.port = self.server.server_port
        self.url = f"http://blog.example.com:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def events(self):
        """Every event that came, again and again if it came so."""
        return [event for post in self.posts for event in post]

    def taken(self):
        """The events by their ids: each once, as it came first."""
        first = {}
        for event in self.events:
            first.setdefault(event["eid"], event)
        return list(first.values())

    def views(self):
        return [event for event in self.taken() if "event" not in event]

    def named(self, name):
        return [event for event in self.taken() if event.get("event") == name]

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def _handler(recorder):  # noqa: N805 - the handler's own self is another

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                page = recorder.pages.get(self.path.partition("?")[0])
                status, content = page if isinstance(page, tuple) else (200, page)
                if content is None:
                    return self._answer(404, b"", "text/plain", {})
                is_script = str(content).endswith("js")
                body = content.read_bytes() if isinstance(content, Path) else content.encode()
                return self._answer(status, body, "text/javascript" if is_script else "text/html; charset=utf-8",
                                    {} if is_script else recorder.headers)

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                events = body if isinstance(body, list) else [body]
                status = recorder.answer(events)
                recorder.posts.append(events)
                if status is None:
                    self.close_connection = True
                    return
                more = {"X-Footfall-Time": str(time.time_ns() // 1_000_000 + 3_600_000),
                        "Access-Control-Allow-Origin": "*",
                        "Access-Control-Expose-Headers": "X-Footfall, X-Footfall-Time, Retry-After"}
                if recorder.retry_after is not None:
                    more["Retry-After"] = str(recorder.retry_after)
                self._answer(status, b"", "text/plain", more)

            def _answer(self, status, body, kind, more):
                self.send_response(status)
                for name, value in {"Content-Type": kind, "Cache-Control": "no-cache", **more}.items():
                    self.send_header(name, value)
                if status != 204:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body if status != 204 else b"")

            def log_message(self, *arguments):
                pass

        return Handler
