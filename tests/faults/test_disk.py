"""Files that are full, locked, broken, read-only or gone: what cannot be stored is refused, and service comes back."""

import contextlib
import os
import resource
import signal
import sqlite3

import pytest

from tests.faults.ledger import Ledger, Load
from tests.waiting import until

pytestmark = pytest.mark.ours

PAUSE = 0.05
# To root every file is open to be written. Without this right it is as anybody.
AS_ANYBODY = ("setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override") if os.geteuid() == 0 else ()


def broken(site, call, error, when):
    """A command that runs a server whose calls of one kind, on its write-ahead log, fail for a while.

    :param when: which of each thread's calls fail, as strace wants it said; what fails in the hub is tried in another.
    """
    return ("strace", "-D", "-f", "--seccomp-bpf", "-o", "/dev/null", "-P", f"{site.file}-wal",
            "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={when}")


@contextlib.contextmanager
def full(site, server):
    """No file of the workers can grow: as on a full disk, a write ends half way."""
    used = max(path.stat().st_size for path in site.data.iterdir() if path.is_file())
    old = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in server.workers()}
    for pid, (_, hard) in old.items():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (used + 1000, hard))
    yield
    for pid, limits in old.items():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


@contextlib.contextmanager
def locked(site, server):
    """Another process, this one, writes to the file and does not come to an end."""
    with contextlib.closing(sqlite3.connect(site.file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


@pytest.mark.parametrize("fault", [full, locked])
def test_what_a_disk_does_not_take_is_refused_until_it_does(site, fault):
    ledger = Ledger()
    with site.server(workers=2) as server, Load(ledger, server.port, pause=PAUSE):
        workers = until(lambda: len(server.workers()) == 2 and server.workers())
        until(ledger.acknowledges(100))
        with fault(site, server):
            until(ledger.refuses(8))
        until(ledger.acknowledges(100))
        assert server.workers() == workers
        server.stop()
    ledger.verify(site.stored())


@pytest.mark.needs("strace")
@pytest.mark.parametrize("call, error", [
    ("pwrite64", "ENOSPC"), ("pwrite64", "EROFS"), ("fdatasync", "EIO")])
def test_what_a_disk_fails_to_write_is_refused_until_it_is_mended(site, call, error):
    ledger = Ledger()
    with site.server(broken(site, call, error, "30..120")) as server, Load(ledger, server.port, pause=PAUSE):
        until(ledger.refuses(10))
        until(ledger.acknowledges(100))
        server.stop()
    ledger.verify(site.stored())


def test_a_file_that_may_not_be_written_is_waited_for(site):
    files = [site.file.with_name(site.file.name + end) for end in ("", "-wal", "-shm")]
    ledger = Ledger()
    with site.server(AS_ANYBODY) as server, Load(ledger, server.port, pause=PAUSE):
        until(ledger.acknowledges(100))
        for path in files:
            path.chmod(0o400)
        # Who has it open may go on writing: it is a worker that starts now who cannot.
        (worker,) = server.workers()
        os.kill(worker, signal.SIGKILL)
        until(ledger.refuses(50))
        for path in files:
            path.chmod(0o600)
        until(ledger.acknowledges(100))
        server.stop()
    ledger.verify(site.stored())


def test_a_file_that_is_replaced_takes_nothing_until_the_restart(site):
    ledger = Ledger()
    with site.server() as server:
        with Load(ledger, server.port, pause=PAUSE):
            until(ledger.acknowledges(100))
        replace(site.file)
        with Load(ledger, server.port, pause=PAUSE):
            until(ledger.refuses(50))
            server.stop()
            server.start()
            until(ledger.acknowledges(100))
            server.stop()
    ledger.verify(site.stored())


def replace(path):
    """Put a copy in a file's place, as one would who restores a backup and forgets the server."""
    with contextlib.closing(sqlite3.connect(path)) as old, contextlib.closing(sqlite3.connect(f"{path}.copy")) as copy:
        old.backup(copy)
    for end in ("-wal", "-shm"):
        path.with_name(path.name + end).unlink()
    os.replace(f"{path}.copy", path)
