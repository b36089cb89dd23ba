"""Load on a server, and a ledger of what the server said of every view.

Clients send page-views of which each has a URL of its own, and write down whether it was acknowledged, refused for
now, or left without an answer. None is sent twice: one that is stored twice is the server's doing. When the fault is
over, what is stored is held against the ledger::

    ledger = Ledger()
    with site.server() as server, Load(ledger, server.port):
        until(ledger.acknowledges(500))
        ...
    ledger.verify(site.stored())
"""

import http.client
import itertools
import json
import threading

#: Of so many clients one posts several views at once to ``/e``; the others ask for ``/a.gif``.
POSTING = 4
VIEWS_OF_A_POST = 3
#: How long an answer may take: the server waits for a lock for five seconds, and a batch may wait for another.
ANSWER_SECONDS = 30
#: How long a client that was refused or cut off waits before its next view.
RETRY_SECONDS = 0.02


class Ledger:
    """What clients sent, by the views' URLs, and what the server said of it."""

    def __init__(self):
        self.sent = set()
        self.acknowledged = set()
        self.refused = set()
        #: Views whose connection broke before an answer came, each with the error.
        self.broken = {}
        #: Answers that no server may give, whatever its disk or its cluster do.
        self.forbidden = []
        self._numbers = itertools.count()

    def new_urls(self, count):
        """URLs that nobody has sent yet."""
        urls = [f"http://blog.example.com/{next(self._numbers):06}" for _ in range(count)]
        self.sent.update(urls)
        return urls

    def write_down(self, urls, status, headers):
        """Write down what was answered to a request for some views."""
        if status in (200, 204):
            self.acknowledged.update(urls)
        elif status == 503 and headers["Retry-After"] and headers["X-Footfall"]:
            print(f"refused: {headers['X-Footfall']}")  # Shown where a test fails.
            self.refused.update(urls)
        else:
            self.forbidden.append((status, dict(headers)))

    def acknowledges(self, count):
        """A condition: that so many more views are acknowledged than now."""
        aim = len(self.acknowledged) + count
        return lambda: self.forbidden or len(self.acknowledged) >= aim

    def refuses(self, count):
        """A condition: that so many more views are refused than now."""
        aim = len(self.refused) + count
        return lambda: self.forbidden or len(self.refused) >= aim

    def verify(self, stored):
        """Hold what is stored against what the server said.

        :param stored: a Counter of the stored views' URLs.
        """
        assert self.forbidden == []
        assert self.acknowledged - stored.keys() == set(), "acknowledged, and lost"
        assert stored.keys() - self.sent == set(), "stored, and never sent"
        assert self.refused & stored.keys() == set(), "refused, and yet taken"
        assert [url for url, count in stored.items() if count > 1] == [], "counted more than once"


class Load:
    """Clients, each a thread with a connection that is kept alive; they send from start to end of a with statement.

    :param pause: seconds between a client's views; for faults that last, so that views do not become too many.
    """

    def __init__(self, ledger, port, clients=8, pause=0.0):
        self._ledger = ledger
        self._port = port
        self._pause = pause
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(number % POSTING == 0,)) for number in range(clients)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, posts):
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=ANSWER_SECONDS)
        while not self._stop.is_set():
            urls = self._ledger.new_urls(VIEWS_OF_A_POST if posts else 1)
            try:
                status, headers = self._ask(connection, urls, posts)
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                self._ledger.broken.update(dict.fromkeys(urls, error))
                self._stop.wait(RETRY_SECONDS)
                continue
            self._ledger.write_down(urls, status, headers)
            self._stop.wait(self._pause or (RETRY_SECONDS if status == 503 else 0))
        connection.close()

    def _ask(self, connection, urls, posts):
        if posts:
            connection.request("POST", "/e", json.dumps([{"id": "blog", "url": url} for url in urls]))
        else:
            connection.request("GET", f"/a.gif?id=blog&url={urls[0]}")
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.headers
