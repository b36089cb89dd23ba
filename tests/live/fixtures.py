"""Fixtures of the real things that several test files share; each is started once, by the first test that asks."""

import functools

import pytest

from tests.live.cassandra import Cluster

# Else the schema is flushed for each new table, and a keyspace with ours takes ten times as long to make. A node that
# is started again does not know what was not flushed: a test that wants that has a Cassandra of its own.
JVM = ("-Dcassandra.test.flush_local_schema_changes=false",)


def url_of(cassandra, keyspace, options="dc=datacenter1"):
    """The URL of a keyspace on a Cassandra of one node."""
    return f"cassandra://127.0.0.1:{cassandra.port}/{keyspace}?{options}"


@pytest.fixture(scope="session")
def cassandra(tmp_path_factory):
    """A running Cassandra of one node, the run's own."""
    with Cluster(tmp_path_factory.mktemp("cassandra"), jvm=JVM) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def cassandra_url(cassandra):
    """Makes the URL of a keyspace on the run's Cassandra; ``store init`` is left to the caller."""
    return functools.partial(url_of, cassandra)


@pytest.fixture
def own_cassandra(tmp_path):
    """A running Cassandra of one node, the test's own, which it may kill and start again."""
    with Cluster(tmp_path / "cassandra") as cluster:
        yield cluster
