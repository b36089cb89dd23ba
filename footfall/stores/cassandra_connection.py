"""A connection to a Cassandra cluster: where it is, statements on their way to it, and what fails on that way.

What may pass, a node that is gone or slow, is tried again a few times with the same statement and
then becomes :class:`~footfall.errors.StoreUnavailable`; what asking again cannot mend, ``StoreError``.
"""

from __future__ import annotations

import logging
import random
import re
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

from footfall.config import Config
from footfall.errors import StoreError, StoreUnavailable

try:
    from cassandra import (
        AuthenticationFailed,
        ConsistencyLevel,
        DriverException,
        InvalidRequest,
        RequestValidationException,
    )
    from cassandra.auth import PlainTextAuthProvider
    from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable
    from cassandra.connection import ConnectionException
    from cassandra.policies import (
        ConstantReconnectionPolicy,
        DCAwareRoundRobinPolicy,
        FallthroughRetryPolicy,
        TokenAwarePolicy,
    )
    from cassandra.protocol import ErrorMessage, SyntaxException
    from cassandra.query import BatchStatement, BatchType, tuple_factory
except ImportError:
    raise StoreError("cassandra-driver is not installed: pip install 'footfall[cassandra]'") from None

PAGE_ROWS = 1000
#: Requests of one call that are under way at once.
CONCURRENT = 32
CONNECT_SECONDS = 3.0
REQUEST_SECONDS = 5.0
TRUNCATE_SECONDS = 60.0
#: Waits before a request that failed is sent again, in seconds.
PAUSES = (0.1, 0.3, 0.9)

_ALLOWED = "cassandra://[user:password@]host[:port],…/keyspace?dc=…&replication=…&retention_days=…"
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:]+)\]|([A-Za-z0-9._-]+))(?::([0-9]{1,5}))?")
_KEYSPACE = re.compile(r"[a-z][a-z0-9_]{0,47}")
#: A keyspace as others named it, which must be quoted in CQL.
_ANY_KEYSPACE = re.compile(r"[A-Za-z0-9_]{1,48}")
_DRIVER_ERRORS = (DriverException, NoHostAvailable, ErrorMessage, ConnectionException)
# Asking again changes nothing about these; everything else the driver raises may pass.
_LASTING = (AuthenticationFailed, RequestValidationException, SyntaxException)

# The driver warns whenever it tries again; what comes of it is in our errors. A level that someone set stays.
_log = logging.getLogger("cassandra")
_log.setLevel(_log.level or logging.ERROR)

T = TypeVar("T")


class Place(NamedTuple):
    """What a store's URL says."""

    hosts: list[tuple[str, int]]
    keyspace: str
    username: str
    password: str
    dc: str
    replication: int
    retention_days: int


def parse_url(url: str, *, foreign: bool = False) -> Place:
    """Return what a ``cassandra://`` URL says.

    :param foreign: the keyspace is not footfall's own, and may have capital letters.
    :raises StoreError: it says something else, or something more; the message says what it may, and no password.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        # Its message may quote the password.
        raise _bad_url(url, "not such a URL") from None
    login, _, hosts = parts.netloc.rpartition("@")
    username, _, password = login.partition(":")
    keyspace = parts.path.removeprefix("/")
    if (login and not (username and password)) or "@" in parts.path + parts.query + parts.fragment:
        raise _bad_url(url, "a login is user:password@, percent-encoded")
    if parts.scheme != "cassandra" or parts.fragment:
        raise _bad_url(url, "not such a URL")
    try:
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError as error:
        raise _bad_url(url, str(error)) from None
    if not (_ANY_KEYSPACE if foreign else _KEYSPACE).fullmatch(keyspace):
        raise _bad_url(url, "the keyspace must be 1 to 48 letters, digits and underscores" if foreign else
                       "the keyspace must be 1 to 48 small letters, digits and underscores, a letter first")
    if unknown := options.keys() - {"dc", "replication", "retention_days"}:
        raise _bad_url(url, f"{', '.join(sorted(unknown))}: unknown; there are dc, replication and retention_days")
    if not re.fullmatch(r"[A-Za-z0-9._-]*", dc := options.get("dc", "")):
        raise _bad_url(url, f"dc={dc}: must be letters, digits, dots, dashes or underscores")
    places = []
    for host in hosts.split(","):
        found = _HOST.fullmatch(host)
        if not found or not 1 <= int(found[3] or 9042) <= 65535:
            raise _bad_url(url, f"{host!r}: must be host or host:port")
        places.append((found[1] or found[2], int(found[3] or 9042)))
    # Cassandra keeps nothing for longer than 20 years.
    return Place(places, keyspace, unquote(username), unquote(password), dc,
                 _whole(url, options, "replication", "1", 1, 99), _whole(url, options, "retention_days", "0", 0, 7300))


def _whole(url: str, options: Mapping[str, str], name: str, default: str, lowest: int, highest: int) -> int:
    text = options.get(name, default)
    if not (re.fullmatch("[0-9]{1,9}", text) and lowest <= int(text) <= highest):
        raise _bad_url(url, f"{name}={text}: must be a whole number from {lowest} to {highest}")
    return int(text)


def _bad_url(url: str, why: str) -> StoreError:
    return StoreError(f"{_masked(url)}: {why}; write {_ALLOWED}")


def _masked(url: str) -> str:
    return re.sub(r"://([^:@/]*):.*@", r"://\1:…@", url, flags=re.DOTALL)


class Connection:
    """A session with a cluster, made when first used; safe to use from several threads.

    :param url: the ``cassandra://`` URL of the store.
    :param config: names the login, where the URL has none, and the authority of a cluster that speaks TLS.
    :param foreign: the keyspace is not footfall's own, and may have capital letters.
    :raises StoreError: the URL is not one.
    """

    def __init__(self, url: str, config: Config, *, foreign: bool = False) -> None:
        self.shown_url = _masked(url)
        self.place = parse_url(url, foreign=foreign)
        self._config = config
        self._opening = threading.Lock()
        self._cluster: Any = None
        self._session: Any = None
        self._closed = False
        self._prepared: dict[str, Any] = {}

    def close(self) -> None:
        """End the session for good."""
        with self._opening:
            self._closed = True
            if self._cluster is not None:
                self._cluster.shutdown()
            self._cluster = self._session = None

    # ----- requests

    def session(self) -> Any:
        """Return the driver's session, connected on first use."""
        with self._opening:
            if self._closed:
                raise StoreError(f"{self.shown_url}: closed; open it again")
            if self._session is None:
                self._cluster, self._session = self._connect()
            return self._session

    def bind(self, cql: str, *values: Any, page: int = PAGE_ROWS) -> Any:
        """Return a prepared statement with its values."""
        if cql not in self._prepared:
            session = self.session()
            self._prepared[cql] = self.patiently(lambda: session.prepare(cql))
        statement = self._prepared[cql].bind(values)
        statement.fetch_size = page
        return statement

    def run(self, cql: str, *values: Any) -> list[Any]:
        """Return the rows of one small query."""
        return list(self.ask(self.bind(cql, *values)))

    def ask(self, statement: Any) -> Iterator[Any]:
        """Send a statement, and return its rows, which are waited for when they are read."""
        return _Request(self, statement).rows()

    def change(self, cql: str) -> None:
        """Carry out a change that the whole cluster must agree on."""
        session = self.session()
        self.patiently(lambda: session.execute(cql, timeout=TRUNCATE_SECONDS))

    def answers(self, statements: Iterable[Any]) -> Iterator[list[Any]]:
        """Yield the rows of each statement, in order, with several statements under way at once."""
        return map(list, self.ahead((partial(self.ask, statement) for statement in statements), CONCURRENT))

    def ask_nodes(self, cql: str) -> dict[str, list[Any]]:
        """Return the rows that each node has for a query of its own tables, by the nodes' addresses.

        :raises StoreUnavailable: no node answers.
        """
        session, failure = self.session(), StoreUnavailable(f"{self.shown_url}: no node is up")
        asked = {str(host.endpoint): session.execute_async(cql, host=host)
                 for host in self._cluster.metadata.all_hosts() if host.is_up}
        answers = {}
        for node, future in asked.items():
            try:
                answers[node] = list(future.result())
            except _DRIVER_ERRORS as error:
                failure = StoreUnavailable(str(self._failure(error)))
        if not answers:
            raise failure
        return answers

    @staticmethod
    def ahead(starts: Iterable[Callable[[], T]], most: int) -> Iterator[T]:
        """Yield what was started, in order, ``most`` of them started ahead of the one that is read."""
        waiting: deque[T] = deque()
        for start in starts:
            waiting.append(start())
            if len(waiting) > most:
                yield waiting.popleft()
        yield from waiting

    def patiently(self, call: Callable[[], T]) -> T:
        """Return what a call to the driver gives, called again a few times while it fails for what may pass."""
        for pause in PAUSES:
            try:
                return call()
            except _DRIVER_ERRORS as error:
                failure = self._failure(error)
                if not isinstance(failure, StoreUnavailable):
                    raise failure from error
            # Not in step with the others that failed at the same moment.
            time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311
        try:
            return call()
        except _DRIVER_ERRORS as error:
            raise self._failure(error) from error

    def _connect(self) -> tuple[Any, Any]:
        place, config = self.place, self._config
        username, password = place.username or config.cassandra_username, place.password or config.cassandra_password
        try:
            # The driver holds a node's certificate against the address it was told or discovered.
            tls = ssl.create_default_context(cafile=config.cassandra_ca) if config.cassandra_ca else None
        except OSError as error:
            raise StoreError(f"FOOTFALL_CASSANDRA_CA={config.cassandra_ca!r}: must be a file of certificates "
                             f"({error})") from None
        profile = ExecutionProfile(
            load_balancing_policy=TokenAwarePolicy(DCAwareRoundRobinPolicy(place.dc)),
            retry_policy=FallthroughRetryPolicy(), consistency_level=ConsistencyLevel.LOCAL_QUORUM,
            request_timeout=REQUEST_SECONDS, row_factory=tuple_factory)
        cluster = Cluster(
            place.hosts, port=place.hosts[0][1], execution_profiles={EXEC_PROFILE_DEFAULT: profile}, ssl_context=tls,
            auth_provider=PlainTextAuthProvider(username, password) if username else None,
            connect_timeout=CONNECT_SECONDS, control_connection_timeout=CONNECT_SECONDS,
            # The driver's own grows to ten minutes and then ends.
            reconnection_policy=ConstantReconnectionPolicy(1.0, max_attempts=None))
        try:
            return cluster, cluster.connect()
        except _DRIVER_ERRORS as error:
            cluster.shutdown()
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> StoreError:
        """Return the store's error for one of the driver's."""
        reasons = dict(getattr(error, "errors", None) or {})
        text = "; ".join(f"{host}: {reason}" for host, reason in reasons.items()) or str(error)
        if isinstance(error, InvalidRequest) and re.search("does not exist|unconfigured", text, re.IGNORECASE):
            return StoreError(f"{self.shown_url}: {text}; run `footfall store init`")
        if isinstance(error, InvalidRequest) and "maximum supported expiration date" in text:
            return StoreError(f"{self.shown_url}: {text}; for a ttl beyond 2038-01-19 the cluster needs "
                              "storage_compatibility_mode: NONE in cassandra.yaml")
        if isinstance(error, _LASTING) or any(isinstance(reason, _LASTING) for reason in reasons.values()):
            return StoreError(f"{self.shown_url}: {text}")
        return StoreUnavailable(f"{self.shown_url}: {text}")


class _Request:
    """A statement on its way to the cluster, and what comes back, page by page."""

    def __init__(self, connection: Connection, statement: Any, paging_state: bytes | None = None) -> None:
        self._connection = connection
        self._statement = statement
        self._paging_state = paging_state
        self._future = self._send()

    def _send(self) -> Any:
        return self._connection.session().execute_async(self._statement, paging_state=self._paging_state)

    def _answer(self) -> Any:
        future, self._future = self._future or self._send(), None
        return future.result()

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Yield the rows; the next page is on its way while one is read."""
        request: _Request | None = self
        while request is not None:
            answer = self._connection.patiently(request._answer)
            state = answer.paging_state
            request = _Request(self._connection, self._statement, state) if state else None
            yield from answer.current_rows


def batch(statements: Sequence[Any]) -> Any:
    """Return one statement for several of the same partition, which are carried out together."""
    if len(statements) == 1:
        return statements[0]
    together = BatchStatement(BatchType.UNLOGGED)
    together.add_all(statements, [None] * len(statements))
    return together
