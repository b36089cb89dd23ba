"""A Cassandra that is killed, hangs, or loses nodes and what they had acknowledged: hits go on, and none is lost."""

import time

import pytest

from tests.faults.conftest import Site
from tests.faults.ledger import Ledger, Load
from tests.live.cassandra import Cluster
from tests.live.fixtures import url_of
from tests.servers import footfall
from tests.waiting import until

pytestmark = [pytest.mark.ours, pytest.mark.needs("java", "mvn")]

PAUSE = 0.05


def drain(site):
    """Have all that is in the outbox sent, and wait until it is safe there, as before a collector is removed."""
    done = footfall(site.data, "outbox", "drain", outbox_grace=1, **site.settings)
    assert done.stdout == "The outbox is empty.\n"


def test_a_cluster_that_is_killed_and_started_again(tmp_path, own_cassandra):
    site = Site(tmp_path / "data", "outbox.db", store=url_of(own_cassandra, "one"))
    ledger = Ledger()
    with site.server() as server:
        with Load(ledger, server.port, pause=PAUSE):
            until(ledger.acknowledges(200))
            own_cassandra.kill(1)
            until(ledger.acknowledges(200))
            own_cassandra.restart(1)
            until(ledger.acknowledges(200))
        server.stop()
    assert (ledger.refused, ledger.broken) == (set(), {})
    drain(site)
    ledger.verify(site.in_store())


def test_a_cluster_that_hangs(outbox_site, cassandra):
    ledger = Ledger()
    with outbox_site.server() as server, outbox_site.outbox() as outbox:
        with Load(ledger, server.port, pause=PAUSE):
            until(ledger.acknowledges(200))
            cassandra.pause(1)
            try:
                # The length is the fault: the forwarder's four tries with what it was sending take 21 s.
                time.sleep(30)
                until(ledger.acknowledges(200))
                assert outbox.status().waiting > 0
            finally:
                cassandra.resume(1)
            until(ledger.acknowledges(200))
        until(lambda: outbox.status().waiting == 0, 60)
        server.stop()
    assert (ledger.refused, ledger.broken) == (set(), {})
    ledger.verify(outbox_site.in_store())


@pytest.fixture
def three(tmp_path):
    """Three nodes that acknowledge up to ten seconds before their disks have it, as Cassandra does by itself.

    Compressed, what a node has not written yet goes with it when it is killed, as it would in a power cut.
    """
    settings = {"commitlog_sync": "periodic", "commitlog_sync_period": "10000ms",
                "commitlog_compression": [{"class_name": "LZ4Compressor"}]}
    with Cluster(tmp_path / "cluster", nodes=3, settings=settings) as cluster:
        yield cluster
        for node in (1, 2, 3):
            cluster.kill(node)


def test_nodes_that_die_one_and_then_all_with_what_they_had_acknowledged(tmp_path, three):
    hosts = ",".join(f"{host}:{three.port}" for host in three.contact_points)
    site = Site(tmp_path / "data", "outbox.db", store=f"cassandra://{hosts}/three?replication=3&dc=datacenter1")
    ledger = Ledger()
    with site.server(outbox_grace=11) as server, site.outbox() as outbox:
        with Load(ledger, server.port, pause=PAUSE):
            until(ledger.acknowledges(200))
            three.kill(1)
            until(ledger.acknowledges(200))
            # Two of three are enough to go on with.
            by_now = set(ledger.acknowledged)
            until(lambda: by_now <= site.in_store().keys())
            for node in (2, 3):
                three.pause(node)
            for node in (2, 3):
                three.kill(node)
            three.start()
            until(ledger.acknowledges(200))
        until(lambda: "events are sent again" in server.printed(), 60)
        until(lambda: outbox.status().waiting == 0)
        server.stop()
    assert (ledger.refused, ledger.broken) == (set(), {})
    ledger.verify(site.in_store())
