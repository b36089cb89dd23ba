"""What the fault tests share: a site on either back end, and what is stored of it in the end."""

import contextlib
import itertools
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from footfall import config, recipes
from footfall.analysis import map_reduce
from footfall.collect.forwarder import Forwarder, sole_forwarder
from footfall.collect.outbox import Outbox
from footfall.errors import UsageError
from footfall.stores import open_store
from tests.servers import Server, count_all, footfall
from tests.waiting import until

pytest.register_assert_rewrite("tests.faults.ledger")

_keyspaces = (f"fault{number}" for number in itertools.count())


class Site:
    """The site ``blog`` in a data folder of its own.

    :param file: the name of the file that hits are committed to before they are answered.
    """

    def __init__(self, data, file, **settings):
        self.data = data
        self.file = data / file
        self.settings = settings
        footfall(data, "store", "init", **settings)
        footfall(data, "site", "add", "blog", **settings)
        count_all(data, **settings)

    def server(self, command=(), **more):
        """A server of the site."""
        return Server(self.data, command, **self.settings, **more)

    @property
    def has_outbox(self):
        return self.file.name == "outbox.db"

    def outbox(self):
        """The outbox, to look into; closed when the with statement is left."""
        return contextlib.closing(Outbox(self.file))

    def in_store(self):
        """The URL of every view that the store has, and how often."""
        with self._store() as store:
            now = datetime.now(UTC)
            return map_reduce("blog", now - timedelta(days=1), now + timedelta(days=1), *recipes.views_by_url,
                              Counter(), store=store)

    def names(self):
        """The name of every view that the store has, by its URL."""
        with self._store() as store:
            rows = store.family("PageViews").get_range(column_count=100_000)
            return {view["url"]: name for _, columns in rows for name, view in columns.items()}

    def stored(self):
        """The same, after what is in the outbox was sent on; for when the server has ended."""
        if self.has_outbox:
            with self._store() as store, self.outbox() as outbox, contextlib.ExitStack() as alone:
                # A forwarder that was killed may take a moment to be gone.
                until(lambda: _entered(alone, sole_forwarder(outbox)))
                Forwarder(outbox, store, 60, threading.Event()).run(lambda: outbox.status().waiting == 0)
        return self.in_store()

    def _store(self):
        return open_store(config=config.load({"data": str(self.data), **self.settings}, environ={}))


def _entered(stack, manager):
    try:
        stack.enter_context(manager)
    except UsageError:
        return False
    return True


@pytest.fixture
def sqlite_site(tmp_path):
    """A site whose store is a file."""
    return Site(tmp_path / "data", "footfall.db")


@pytest.fixture
def outbox_site(tmp_path, cassandra_url):
    """A site whose store is a keyspace of its own in a live Cassandra, with an outbox before it."""
    return Site(tmp_path / "data", "outbox.db", store=cassandra_url(next(_keyspaces)))


@pytest.fixture(params=["sqlite", pytest.param("outbox", marks=pytest.mark.needs("java", "mvn"))])
def site(request):
    """A site on each of the two."""
    return request.getfixturevalue(f"{request.param}_site")
