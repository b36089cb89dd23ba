"""What a power cut would leave: strace shows that a view is written and synced before its answer is sent."""

import re

import pytest

from tests.faults import strace
from tests.faults.ledger import Ledger, Load
from tests.waiting import until

pytestmark = pytest.mark.ours

LOG = "/data/footfall.db-wal"
VIEW = "http://blog.example.com/000001"


def hexed(text):
    return "".join(f"\\x{byte:02x}" for byte in text.encode())


def received(view=VIEW, thread=1):
    request = f"GET /a.gif?id=blog&url={view} HTTP/1.1\r\n\r\n"
    return f'{thread} recvfrom(9<{hexed("socket:[1]")}>, "{hexed(request)}", 8192, 0, NULL, NULL) = {len(request)}'


def wrote(view=VIEW, log=LOG, result=None):
    page = f"..{view}.."
    result = len(page) if result is None else result
    return f'2 pwrite64(7<{hexed(log)}>, "{hexed(page)}", {len(page)}, 24) = {result}'


def synced(log=LOG, result="0"):
    return f"2 fdatasync(7<{hexed(log)}>) = {result}"


def answered(status="200 OK"):
    return f'1 sendto(9<{hexed("socket:[1]")}>, "{hexed(f"HTTP/1.1 {status}")}", 15, 0, NULL, 0) = 15'


HEARING, HEARD = re.fullmatch('(.*, )(".*)', received()).groups()
HEARING, HEARD = f"{HEARING} <unfinished ...>", f"1 <... recvfrom resumed>{HEARD}"
BEGUN, ENDED = f"2 fdatasync(7<{hexed(LOG)}> <unfinished ...>", "2 <... fdatasync resumed>) = 0"
OTHER = VIEW.replace("1", "2")


@pytest.mark.parametrize("lines, is_early", [
    ([received(), wrote(), synced(), answered()], False),
    ([received(), wrote(), synced(), answered("204 No Content")], False),
    ([received(), wrote(), BEGUN, "3 +++ exited with 0 +++", ENDED, answered()], False),
    ([received(), wrote(), BEGUN, ENDED, wrote(), answered()], False),
    ([HEARING, synced(), HEARD, wrote(), synced(), answered()], False),
    ([HEARING, wrote(), HEARD, answered(), synced()], True),
    ([received(), wrote(result=-1), wrote(), synced(), answered()], False),
    ([received(), answered()], True),
    ([received(), wrote(), answered()], True),
    ([received(), synced(), answered()], True),
    ([received(), wrote(), answered(), synced()], True),
    ([received(), synced(), wrote(), answered()], True),
    ([received(), BEGUN, wrote(), ENDED, answered()], True),
    ([received(), wrote(), BEGUN, answered(), ENDED], True),
    ([received(), wrote(OTHER), synced(), answered()], True),
    ([received(), wrote(), synced("/data/footfall.db"), answered()], True),
    ([received(), wrote(log="/data/footfall.db"), synced(), answered()], True),
    ([received(), wrote(), synced(result="-1 EIO (Input/output error)"), answered()], True),
    ([received(), wrote(result=-1), synced(), answered()], True),
])
def test_an_answer_before_the_disk_has_the_view_is_noticed(lines, is_early):
    found = strace.answers(strace.read("\n".join(lines)), LOG)
    assert found == ({VIEW}, {VIEW} if is_early else set())


def test_an_answer_that_acknowledges_nothing_may_come_at_any_time():
    lines = [received(), answered("503 Service Unavailable")]
    assert strace.answers(strace.read("\n".join(lines)), LOG) == (set(), set())


@pytest.mark.needs("strace")
def test_every_acknowledged_view_was_on_disk_when_it_was_acknowledged(site, tmp_path):
    trace = tmp_path / "trace"
    ledger = Ledger()
    with site.server((*strace.COMMAND, str(trace))) as server:
        with Load(ledger, server.port):
            until(ledger.acknowledges(300))
        ended = re.compile(rf"^{server.process.pid} +\+\+\+ exited with 0", re.MULTILINE)
        server.stop()
    until(lambda: ended.search(trace.read_text()))
    answered, early = strace.answers(strace.read(trace.read_text()), f"{site.file}-wal")
    assert answered == ledger.acknowledged == ledger.sent
    assert early == set()
    ledger.verify(site.stored())
