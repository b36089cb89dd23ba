"""What becomes of a hit, whichever way it came in: the beacon without its web framework.

The Flask routes and the worker's own fast path call the same functions and send the same
:class:`Answer`. A 2xx is given only after the events are on disk. What can never be stored is refused with the
reason in ``X-Footfall``; what cannot be stored now is answered 503 with ``Retry-After``, and nothing was taken.
"""

from __future__ import annotations

import base64
import logging
import re
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, Protocol, TypeVar

from footfall import accounts, metrics, timeuuid
from footfall.collect import outbox
from footfall.collect.access_log import AccessLog
from footfall.collect.expiry import Expiry
from footfall.collect.filters import RuleBook, lists_of, rule_of
from footfall.collect.hit import Headers, Policy, parse_events, parse_hit
from footfall.collect.outbox import Outbox
from footfall.collect.probe import Probe
from footfall.collect.rates import Rates
from footfall.collect.tracker import DEFAULT, Paths
from footfall.collect.visitors import Undecided, Visitors
from footfall.collect.writer import Destination, Writer
from footfall.config import Config
from footfall.derive.agents import bot_name
from footfall.derive.places import look_up_in
from footfall.errors import BadHit, Declined, StoreError, StoreUnavailable
from footfall.packing import FILTERED
from footfall.pageview import Event
from footfall.salts import MODES, Salts
from footfall.storage import Store
from footfall.stores import open_store

#: A transparent pixel: 43 bytes.
GIF = base64.b64decode("R0lGODlhAQABAIAAAP///wAAACH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==")
RETRY_SECONDS = 5
TIDY_SECONDS = 1.0

_log = logging.getLogger(__name__)


class Answer(NamedTuple):
    """What is sent back: a status, headers and a body."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


# A page of any origin may see the answer to its post; it holds nothing of anybody.
_OPEN_TO_ALL = (("Access-Control-Allow-Origin", "*"),
                ("Access-Control-Expose-Headers", "X-Footfall, X-Footfall-Time, Retry-After"))
_TEXT = ("Content-Type", "text/plain; charset=utf-8")

PIXEL = Answer(200, (("Content-Type", "image/gif"), ("Cache-Control", "private, no-cache"),
                     ("Cross-Origin-Resource-Policy", "cross-origin")), GIF)
#: Sent with :data:`TIME`, from which the page learns our clock: an event that names its time by it is stored under the
#: same name however often it is sent.
TAKEN = Answer(204, _OPEN_TO_ALL)
TIME = "X-Footfall-Time"


_Opened = TypeVar("_Opened", Store, Outbox)


class Committer(Protocol):
    """What stores events and returns when they are on disk."""

    def commit(self, events: Sequence[Event], /) -> None: ...


class Collector:
    """What one process needs to take events: store, writer, known accounts, clock, policy.

    The store is opened when it is first needed, and again after that failed: a server whose store is
    away starts, says 503, and serves as soon as the store is back.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._opened: Store | None = None
        self._outbox: Outbox | None = None
        self.paths = Paths.of(config)
        #: What a request begins with that the worker may answer by itself.
        self.beginnings = beginnings(self.paths) if config.collects else ()
        self.clock = timeuuid.Clock()
        self.probe = Probe(self.destination)
        self.writer: Committer = Writer(self.destination)
        memory = self.outbox if outbox.is_wanted(config) else None
        known = None
        if config.unknown_accounts == "refuse":
            known = accounts.KnownAccounts(self.store, memory=memory)
        self._tidy_at = 0.0
        self._tidying = threading.Lock()
        self._visitors = Visitors(Salts(config.visitors, self.store, memory), self.store)
        book = RuleBook(known.recall if known else lambda account: None, lists_of(config))
        self.policy = Policy(known, config.ip, config.trusted_proxies, look_up_in(config.geoip),
                             cookies=config.visitors == "cookie", rules=book.rules, rates=Rates())
        # The list of bots takes a tenth of a second to load: now, and not while a reader waits.
        bot_name("")
        if config.visitors in MODES:
            self.policy = self.policy._replace(visitor=partial(self._visitors.visitor, at_once=False))
        self._expiry = None if outbox.is_wanted(config) else Expiry(config.retention, self.store)
        self._policy_at_once = self.policy._replace(
            accounts=known and _Remembered(known),
            visitor=self.policy.visitor and partial(self._visitors.visitor, at_once=True))

    def store(self) -> Store:
        """Return the store.

        :raises StoreUnavailable: it cannot be opened now.
        """
        if self._opened is None:
            opened = open_store(config=self._config)
            self._opened = opened if outbox.is_wanted(self._config) else _writable(opened)
        return self._opened

    def outbox(self) -> Outbox:
        """Return the outbox.

        :raises StoreError: it cannot be opened now, or the store is one that needs none.
        """
        if self._outbox is None:
            self._outbox = _writable(outbox.open_outbox(self._config))
        return self._outbox

    def destination(self) -> Destination:
        """Return what events are committed to before they are acknowledged: the store, or the outbox before it.

        :raises StoreError: it cannot be opened now.
        """
        return self.outbox() if outbox.is_wanted(self._config) else self.store()

    def tidy(self) -> None:
        """Have done in a thread, once a second at most, what is to be done now and then; call it often.

        A server that only shows pages leaves it to the one that takes hits.
        """
        if not self._config.collects:
            return
        if time.monotonic() >= self._tidy_at and self._tidying.acquire(blocking=False):
            self._tidy_at = time.monotonic() + TIDY_SECONDS
            threading.Thread(target=self._tidy, name="footfall-tidy", daemon=True).start()

    def _tidy(self) -> None:
        try:
            self._visitors.tidy(self.clock.ticks())
            if not outbox.is_wanted(self._config):
                self.store().tidy()
            if self._expiry is not None:
                self._expiry.tidy()
        except StoreError as error:
            _log.info("tidied up later: %s", error)
        finally:
            self._tidying.release()

    def milliseconds(self) -> int:
        """Return the time since 1970 by the clock that events are named by."""
        return self.clock.ticks() // (timeuuid.TICKS_PER_SECOND // 1000)

    def access_log(self) -> AccessLog | None:
        """Open the access log that the settings name, if they name one.

        :raises OSError: it cannot be opened.
        """
        return AccessLog(self._config.access_log, self.policy) if self._config.access_log else None

    def outbox_status(self) -> dict[str, float]:
        """Return how the outbox is, by the fields of its status; nothing where there is none, or it cannot be read.

        Nor of a server that only shows pages: the outbox is that of the one that takes hits, which tells it.
        """
        if not self._config.collects:
            return {}
        try:
            return self.outbox().status()._asdict()
        except StoreError:
            return {}

    def take_view(self, query: bytes, headers: Headers, peer: str, *, at_once: bool = False) -> Answer:
        """Take the page-view of a request for ``/a.gif``; the arguments are those of :func:`parse_hit`.

        :param at_once: never ask the store, for an account or a salt, which may take its time.
        :raises Undecided: it would have to be asked; nothing was taken.
        """
        policy = self._policy_at_once if at_once else self.policy
        return self._take(lambda: [parse_hit(query, headers, peer, policy=policy, name=self.clock.new_id())], PIXEL)

    def take_events(self, body: bytes, headers: Headers, peer: str, *, at_once: bool = False) -> Answer:
        """Take the events of a post to ``/e``; the arguments are those of :func:`parse_events`.

        :param at_once: as in :meth:`take_view`.
        :raises Undecided: as in :meth:`take_view`.
        """
        policy = self._policy_at_once if at_once else self.policy
        return self._take(lambda: parse_events(body, headers, peer, policy=policy, clock=self.clock), TAKEN)

    def _take(self, parse: Callable[[], list[Event]], taken: Answer) -> Answer:
        self.tidy()
        try:
            self.commit(parse())
        except Declined as error:
            metrics.HITS.labels("declined", error.reason).inc()
            return taken
        except BadHit as error:
            return refusal(error)
        except StoreError as error:
            return failure(error)
        return taken

    def commit(self, events: Sequence[Event]) -> None:
        """Store events, and return when they are on disk: all of them, or, after an error, none.

        :raises StoreError: they cannot be stored; :class:`~footfall.errors.StoreUnavailable` if not now.
        """
        self.writer.commit(events)
        for event in events:
            if event.family == FILTERED:
                metrics.HITS.labels("filtered", rule_of(event.fields["reason"])).inc()
            for field in event.fields.get("cut", ()):
                metrics.CUT_FIELDS.labels(field).inc()


def beginnings(paths: Paths) -> tuple[bytes, ...]:
    """Return what the requests for the pixel and the posts of events begin with."""
    lines = [line for each in (DEFAULT, paths)
             for line in (f"GET {each.pixel}?", f"HEAD {each.pixel}?", f"POST {each.event} ")]
    return tuple(line.encode() for line in dict.fromkeys(lines))


def _writable(opened: _Opened) -> _Opened:
    """Return a store or an outbox that has just been opened, if it can be written to.

    SQLite opens a file that may not be written for reading, and does not notice when it may again.

    :raises StoreError: it cannot be written to now, and is closed.
    """
    try:
        opened.probe()
    except StoreError:
        opened.close()
        raise
    return opened


class _Remembered:
    """The accounts that are known without asking the store; of others it says that it cannot tell."""

    def __init__(self, known: accounts.KnownAccounts) -> None:
        self._known = known

    def __contains__(self, account: object) -> bool:
        if self._known.recall(account) is not None:
            return True
        raise Undecided


def count_refusal(reason: str) -> None:
    """Count what can never be stored, by the field that its reason names."""
    metrics.HITS.labels("refused", reason.partition(":")[0]).inc()


def count_failure(error: StoreError) -> None:
    """Count what cannot be stored now, and log why."""
    metrics.HITS.labels("unavailable", "unavailable" if isinstance(error, StoreUnavailable) else "store").inc()
    _tell(error)


class _Seldom:
    """Logs a failure at once, and of those within a second of it only how many they were: one comes with each hit."""

    def __init__(self) -> None:
        self._until = 0.0
        self._untold = 0

    def __call__(self, error: StoreError) -> None:
        self._untold += 1
        if time.monotonic() >= self._until:
            self._until = time.monotonic() + 1.0
            _log.error("%d hits were answered 503, nothing was taken: %s", self._untold, error)
            self._untold = 0


_tell = _Seldom()


def refusal(error: BadHit) -> Answer:
    """Return the answer to what can never be stored, and count it."""
    count_refusal(error.reason)
    # A reason may quote what was sent; a header holds one line of ASCII.
    reason = re.sub(r"[^ -~]", "?", error.reason)[:200]
    return Answer(error.status, (_TEXT, ("X-Footfall", reason), *_OPEN_TO_ALL), f"{reason}\n".encode())


def failure(error: StoreError) -> Answer:
    """Return the answer to what cannot be stored now, count it, and log why."""
    count_failure(error)
    return Answer(503, (_TEXT, ("X-Footfall", "cannot store now"), ("Retry-After", str(RETRY_SECONDS)), *_OPEN_TO_ALL),
                  b"cannot store now, please try again\n")
