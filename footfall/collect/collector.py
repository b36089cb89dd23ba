"""What becomes of a hit, whichever way it came in: the beacon without its web framework.

The Flask routes and the worker's own fast path call the same functions and send the same
:class:`Answer`. A 2xx is given only after the events are on disk. What can never be stored is refused with the
reason in ``X-Footfall``; what cannot be stored now is answered 503 with ``Retry-After``, and nothing was taken.
"""

from __future__ import annotations

import base64
import logging
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, Protocol, TypeVar

from footfall import accounts, metrics, timeuuid
from footfall.collect import outbox
from footfall.collect.access_log import AccessLog
from footfall.collect.filters import RuleBook, lists_of, rule_of
from footfall.collect.hit import Headers, Policy, parse_events, parse_hit
from footfall.collect.outbox import Outbox
from footfall.collect.probe import Probe
from footfall.collect.rates import Rates
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
        self.clock = timeuuid.Clock()
        self.probe = Probe(self.destination)
        self.writer: Committer = Writer(self.destination)
        memory = self.outbox if outbox.is_wanted(config) else None
        known = None
        if config.unknown_accounts == "refuse":
            known = accounts.KnownAccounts(self.store, memory=memory)
        self._visitors = Visitors(Salts(config.visitors, self.store, memory), self.store)
        book = RuleBook(known.recall if known else lambda account: None, lists_of(config))
        self.policy = Policy(known, config.ip, config.trusted_proxies, look_up_in(config.geoip),
                             cookies=config.visitors == "cookie", rules=book.rules, rates=Rates())
        # The list of bots takes a tenth of a second to load: now, and not while a reader waits.
        bot_name("")
        if config.visitors in MODES:
            self.policy = self.policy._replace(visitor=partial(self._visitors.visitor, at_once=False))
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
        """Do what is to be done now and then; call it often, it takes no time."""
        self._visitors.tidy(self.clock.ticks())

    def milliseconds(self) -> int:
        """Return the time since 1970 by the clock that events are named by."""
        return self.clock.ticks() // (timeuuid.TICKS_PER_SECOND // 1000)

    def access_log(self) -> AccessLog | None:
        """Open the access log that the settings name, if they name one.

        :raises OSError: it cannot be opened.
        """
        return AccessLog(self._config.access_log, self.policy) if self._config.access_log else None

    def outbox_status(self) -> dict[str, float]:
        """Return how the outbox is, by the fields of its status; nothing where there is none, or it cannot be read."""
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
            events = parse()
            self.writer.commit(events)
        except Declined as error:
            metrics.HITS.labels("declined", error.reason).inc()
            return taken
        except BadHit as error:
            return refusal(error)
        except StoreError as error:
            return failure(error)
        for event in events:
            if event.family == FILTERED:
                metrics.HITS.labels("filtered", rule_of(event.fields["reason"])).inc()
            for field in event.fields.get("cut", ()):
                metrics.CUT_FIELDS.labels(field).inc()
        return taken


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


def refusal(error: BadHit) -> Answer:
    """Return the answer to what can never be stored, and count it."""
    metrics.HITS.labels("refused", error.reason.partition(":")[0]).inc()
    # A reason may quote what was sent; a header holds one line of ASCII.
    reason = re.sub(r"[^ -~]", "?", error.reason)[:200]
    return Answer(error.status, (_TEXT, ("X-Footfall", reason), *_OPEN_TO_ALL), f"{reason}\n".encode())


def failure(error: StoreError) -> Answer:
    """Return the answer to what cannot be stored now, count it, and log why."""
    metrics.HITS.labels("unavailable", "unavailable" if isinstance(error, StoreUnavailable) else "store").inc()
    _log.error("a hit was answered 503, nothing was taken: %s", error)
    return Answer(503, (_TEXT, ("X-Footfall", "cannot store now"), ("Retry-After", str(RETRY_SECONDS)), *_OPEN_TO_ALL),
                  b"cannot store now, please try again\n")
