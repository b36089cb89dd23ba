"""Fixtures of the real things that several test files share; each is started once, by the first test that asks."""

import pytest

from tests.live.cassandra import Cluster


@pytest.fixture(scope="session")
def cassandra(tmp_path_factory):
    """A running Cassandra of one node, the run's own."""
    with Cluster(tmp_path_factory.mktemp("cassandra")) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def cassandra_url(cassandra):
    """Makes the URL of a keyspace on the run's Cassandra; ``store init`` is left to the caller."""

    def url(keyspace, options="dc=datacenter1"):
        return f"cassandra://127.0.0.1:{cassandra.port}/{keyspace}?{options}"

    return url
