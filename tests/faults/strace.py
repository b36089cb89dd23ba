"""What strace saw of a server: which views were on disk when their answers were sent.

A power cut cannot be staged by killing processes, for what they wrote stays with the kernel. But the order of the
server's calls can be seen, and it says what a power cut at any moment would have left.
"""

import math
import re
from collections import defaultdict
from typing import NamedTuple

#: Runs a server as its own child would be, and writes what :func:`read` reads; more arguments name the file.
COMMAND = ("strace", "-DD", "-f", "--seccomp-bpf", "-y", "-xx", "-s", "8192", "-e", "signal=none",
           "-e", "trace=pwrite64,fdatasync,fsync,recvfrom,sendto", "-o")

_LINE = re.compile(r"(\d+) +(?:<\.\.\. (?P<resumed>\w+) resumed>)?(?P<rest>.*)")
_CALL = re.compile(r'(?P<name>\w+)\(\d+<(?P<file>[^>]*)>(?:, *"(?P<data>[^"]*)")?.*\) += (?P<result>-?\d+)')
_VIEW = re.compile(rb"http://blog\.example\.com/\d{6}")


class Call(NamedTuple):
    """A call that came to its end.

    :param start: the line of the trace where it began; a call that others came between ends some lines later.
    :param file: the path that it was about, or the socket.
    """

    start: int
    end: int
    name: str
    file: str
    data: bytes
    result: int


def read(trace):
    """Yield the calls of a trace, in the order in which they ended."""
    begun = {}
    for number, line in enumerate(trace.splitlines()):
        pid, resumed, rest = _LINE.match(line).groups()
        start = number
        if rest.endswith("<unfinished ...>"):
            begun[pid] = number, rest.removesuffix("<unfinished ...>")
            continue
        if resumed:
            start, beginning = begun.pop(pid)
            rest = beginning + rest
        if found := _CALL.match(rest):
            yield Call(start, number, found["name"], _bytes(found["file"]).decode(), _bytes(found["data"] or ""),
                       int(found["result"]))


def answers(calls, log):
    """Return the URLs of all views that were answered 2xx, and of those that were answered too early.

    A view is on disk when a sync of the write-ahead log has ended that began after a write of the view had.

    :param log: the path of the write-ahead log.
    """
    written, on_disk, received, answered, early = {}, {}, defaultdict(bytes), set(), set()
    calls = sorted(calls, key=lambda call: call.end)
    for call in calls:
        if call.name == "pwrite64" and call.file == log and call.result == len(call.data):
            for view in _VIEW.findall(call.data):
                written.setdefault(view, call.end)
        elif call.name in ("fdatasync", "fsync") and call.file == log and call.result == 0:
            for view in [view for view, end in written.items() if end < call.start]:
                on_disk.setdefault(view, call.end)
        elif call.name == "recvfrom" and call.result > 0:
            received[call.file] += call.data
        elif call.name == "sendto" and call.data.startswith(b"HTTP/1.1 "):
            views = set(_VIEW.findall(received.pop(call.file, b"")))
            if call.data.startswith(b"HTTP/1.1 2"):
                answered |= views
                early |= {view for view in views if on_disk.get(view, math.inf) > call.start}
    return _texts(answered), _texts(early)


def _bytes(text):
    """The bytes that strace wrote as \\x2f\\x74."""
    return bytes.fromhex(text.replace("\\x", ""))


def _texts(views):
    return {view.decode() for view in views}
