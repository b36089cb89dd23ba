"""Processes that end under load, by kill -9 or when told to: no acknowledged view is lost, and none is there twice."""

import contextlib
import http.client
import os
import re
import signal
import threading
from pathlib import Path

import pytest

from tests.faults.ledger import Ledger, Load
from tests.servers import ask, fetch, footfall, log_in
from tests.waiting import until

pytestmark = pytest.mark.ours


def is_alive(pid):
    """Tell whether a process runs; one that ended and that nobody has asked about yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_server_that_is_killed_whole_and_started_again(site):
    ledger = Ledger()
    for _ in range(2):
        with site.server(workers=2) as server, Load(ledger, server.port):
            until(ledger.acknowledges(500))
            server.kill()
    assert ledger.refused == set()
    ledger.verify(site.stored())


def test_a_server_that_is_asked_to_end_answers_what_it_took(site):
    ledger = Ledger()
    with site.server(workers=2) as server, Load(ledger, server.port):
        until(ledger.acknowledges(500))
        server.stop()
    assert server.process.returncode == 0
    stored = site.stored()
    ledger.verify(stored)
    assert stored.keys() == ledger.acknowledged


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_worker_is_replaced(site, workers):
    ledger = Ledger()
    with site.server(workers=workers) as server, Load(ledger, server.port):
        for _ in range(2):
            until(lambda: len(server.workers()) == workers)
            until(ledger.acknowledges(300))
            killed = server.workers()[0]
            os.kill(killed, signal.SIGKILL)
            until(lambda killed=killed: killed not in server.workers())
        until(ledger.acknowledges(300))
        server.stop()
    ledger.verify(site.stored())


def test_a_killed_master_takes_its_processes_with_it_and_can_be_started_again(site):
    ledger = Ledger()
    with site.server(workers=2) as server, Load(ledger, server.port):
        until(lambda: len(server.children()) == 2 + 2 * site.has_outbox)
        until(ledger.acknowledges(300))
        children = list(server.children())
        server.kill_master()
        until(lambda: not any(map(is_alive, children)))
        server.start()
        until(ledger.acknowledges(300))
        server.stop()
    ledger.verify(site.stored())


def test_a_server_of_pages_that_is_killed_leaves_the_one_that_takes_hits_alone(site):
    footfall(site.data, "user", "add", "owner", "--password-stdin", stdin="correct horse battery", **site.settings)
    shown = []

    def read(url, cookie):
        with contextlib.suppress(OSError, http.client.HTTPException):
            while True:
                shown.append(ask(url, Cookie=cookie)[0])

    ledger = Ledger()
    with site.server(role="collect") as collect, site.server(role="web") as web:
        cookie = log_in(web.url, "owner", "correct horse battery")
        readers = [threading.Thread(target=read, args=(f"{web.url}/sites/blog", cookie)) for _ in range(4)]
        with Load(ledger, collect.port):
            for reader in readers:
                reader.start()
            until(ledger.acknowledges(300))
            until(lambda: len(shown) > len(readers))
            assert web.forwarders() == []
            web.kill()
            for reader in readers:
                reader.join()
            until(ledger.acknowledges(300))
        assert len(collect.forwarders()) == site.has_outbox
        collect.stop()
    assert set(shown) == {200}
    assert ledger.broken == {}
    assert ledger.acknowledged == ledger.sent
    ledger.verify(site.stored())


@pytest.mark.needs("java", "mvn")
def test_a_killed_forwarder_is_replaced(outbox_site):
    ledger = Ledger()
    with outbox_site.server() as server, outbox_site.outbox() as outbox:
        with Load(ledger, server.port):
            for _ in range(2):
                (killed,) = until(server.forwarders)
                until(lambda: outbox.status().kept > 0)
                until(ledger.acknowledges(300))
                os.kill(killed, signal.SIGKILL)
                until(lambda killed=killed: killed not in server.forwarders())
        until(lambda: outbox.status().waiting == 0)
        ledger.verify(outbox_site.in_store())


@pytest.mark.needs("java", "mvn")
def test_events_that_are_sent_to_the_cluster_again_count_once(outbox_site):
    def forwarded():
        return float(re.search(rb"^footfall_forwarded_events_total (.*)$", fetch(f"{server.url}/metrics")[2],
                               re.MULTILINE)[1])

    ledger = Ledger()
    with outbox_site.server() as server, outbox_site.outbox() as outbox:
        with Load(ledger, server.port):
            until(ledger.acknowledges(500))
        until(lambda: outbox.status().waiting == 0)
        before, sent = outbox_site.in_store(), forwarded()
        (killed,) = server.forwarders()
        os.kill(killed, signal.SIGKILL)
        until(lambda: forwarded() >= 2 * sent)
        assert outbox_site.in_store() == before
    ledger.verify(before)


@pytest.mark.parametrize("workers", [1, 2])
def test_no_request_fails_while_workers_are_replaced_one_generation_by_the_next(site, workers):
    ledger = Ledger()
    with site.server(workers=workers) as server:
        with Load(ledger, server.port, clients=16):
            for _ in range(2):
                until(lambda: len(server.workers()) == workers)
                until(ledger.acknowledges(300))
                old = set(server.workers())
                server.process.send_signal(signal.SIGHUP)
                until(lambda old=old: not old & set(server.workers()))
            until(ledger.acknowledges(300))
        assert fetch(f"{server.url}/ready")[0] == 200
        if site.has_outbox:
            assert len(server.forwarders()) == 1
        server.stop()
    assert ledger.broken == {}
    assert ledger.acknowledged == ledger.sent
    ledger.verify(site.stored())
