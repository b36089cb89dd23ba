"""Taking an export back into a store: every column as it was, to the byte, and each once however often it is taken.

A file is read twice. First, :func:`examine` sees that it is whole and as it was written; only then does
:func:`restore` write anything. Visitors' trails, which follow from the events, are made anew.
"""

from __future__ import annotations

import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from typing import Any

import msgspec

from footfall import accounts, definitions, pageview, retries
from footfall.changes import COUNTED
from footfall.columns import MAX_VALUE_BYTES, VISITOR_BYTES, Insert, check_name, check_value
from footfall.definitions import Definition
from footfall.errors import StoreError, UsageError
from footfall.packing import FILTERED, step_of
from footfall.pageview import check_account
from footfall.retention import limited, retention_of
from footfall.site_settings import parsed
from footfall.storage import Store
from footfall.transfer.extract import EVENTS
from footfall.transfer.formats import jsonl
from footfall.transfer.importing import BATCH
from footfall.transfer.positions import apply_then

#: A byte of a value may be six of JSON.
MAX_LINE_BYTES = 8 * MAX_VALUE_BYTES


class Defined(msgspec.Struct, frozen=True):
    """A goal, a funnel or an annotation, as the header has it."""

    kind: str
    id: str
    created: str
    by: str
    fields: dict[str, Any]


class Header(msgspec.Struct, frozen=True):
    """The first line of an export, see :func:`footfall.transfer.formats.jsonl.header`."""

    footfall: str
    version: int
    site: str
    url: str
    created: str
    settings: dict[str, str]
    definitions: list[Defined]
    since: str | None = None
    until: str | None = None


_NOTHING = msgspec.Raw(b"")


class _Line(msgspec.Struct, frozen=True):
    family: str
    id: uuid.UUID
    of: str = ""
    row: str = ""
    fields: msgspec.Raw = _NOTHING
    raw: bytes | None = None


class _Check(msgspec.Struct, frozen=True):
    lines: int
    sha256: str
    end: bool = False


@dataclass
class Restored:
    """What came of the columns of a file: how many were written of each family, and why the others were not."""

    lines: int = 0
    taken: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)


_decode_line = msgspec.json.Decoder(_Line).decode
_decode_check = msgspec.json.Decoder(_Check).decode
_decode_header = msgspec.json.Decoder(Header).decode


def examine(lines: Iterable[bytes], path: str) -> Header:
    """Return the header of an export if the file is whole, and as it was written.

    :param path: what errors call it.
    :raises UsageError: it is not; the message names the line.
    """
    header = None
    for number, line in _checked(lines, path):
        if header is None:
            header = _header(line, path, number)
    if header is None:
        raise UsageError(f"{path}: line 1: is no header of an export")
    return header


def restore(lines: Iterable[bytes], path: str, store: Store, account: str, retention: int,
            step: Callable[[Restored], None]) -> Restored:
    """Write what a store does not have of an export.

    :param lines: of a file that was examined.
    :param account: whose events they become.
    :param retention: as ``FOOTFALL_RETENTION``; what is older than the site's events are kept is left out.
    :param step: is told what was done after each batch.
    :raises UsageError: a line is not one of an export; what stood before it is in the store.
    :raises StoreUnavailable: the store did not answer; the same call may be repeated.

    What the store has already, also in a family to which a rule has moved it meanwhile, is left as it is.
    """
    there = {name: frozenset(key for key in store.family(name).row_keys() if key.endswith(f".{account}"))
             for name in (*EVENTS, retries.FAMILY)}
    done = Restored()
    columns = islice(_checked(lines, path), 1, None)
    while batch := [_column(line, account, path, number) for number, line in islice(columns, BATCH)]:
        keep, now = retention_of(store, retention), time.time_ns() // 100
        kept = limited(batch, keep, now)
        new = [*_new(store, there, kept)]
        steps = limited([step for column in new for step in _steps(column, account)], keep, now)
        if not store.by_ttl:
            steps, new = ([column._replace(ttl=None) for column in some] for some in (steps, new))
        # An event that is there is taken for done: its step must be there before it.
        apply_then(store, steps, new)
        done.lines += len(batch)
        done.taken.update(column.family for column in new)
        done.skipped["retention"] += len(batch) - len(kept)
        done.skipped["there already"] += len(kept) - len(new)
        step(done)
    return done


def restore_definitions(store: Store, header: Header, account: str) -> int:
    """Give a site the settings of an export and what was defined there, and return how many of these there were.

    The site is made if there is none. What the export does not name stays as it is.

    :raises UsageError: a setting is none, or cannot have the value; nothing was written.
    """
    parsed(header.settings)
    if all(each.id != account for each in accounts.all_accounts(store)):
        accounts.add(store, account, header.url, header.created)
    accounts.configure(store, account, header.settings)
    known = [each for each in header.definitions if each.kind in jsonl.KINDS]
    for each in known:
        # Two of one name nobody could tell apart.
        for other in definitions.all_of(store, account, each.kind) if "name" in each.fields else ():
            if other.fields.get("name") == each.fields["name"] and other.id != each.id:
                definitions.remove(store, account, other.kind, other.id)
        definitions.write(store, Definition(account, each.kind, each.id, each.created, each.by, each.fields))
    return len(known)


def _checked(lines: Iterable[bytes], path: str) -> Iterator[tuple[int, bytes]]:
    """Yield the lines but those that sum up, with their numbers, and see that the others are as they were written."""
    digest, good, number, ended = sha256(), 0, 0, False
    for number, line in enumerate(lines, 1):
        if ended:
            raise UsageError(f"{path}: line {number}: stands behind the last one of the export; remove it")
        if not line.endswith(b"\n"):
            raise UsageError(f"{path}: line {number}: is cut off; nothing of a part of an export is taken")
        if line.startswith(jsonl.CHECK):
            check = _decoded(_decode_check, line, path, number)
            if check.lines != number - 1 or check.sha256 != digest.hexdigest():
                raise UsageError(f"{path}: line {number}: the lines {good + 1} to {number - 1} before it are not as "
                                 "they were written; export again, or take a copy of the file that nobody edited")
            good, ended = number, check.end
        else:
            yield number, line
        digest.update(line)
    if not ended:
        raise UsageError(f"{path}: line {number + 1}: is missing, the file was cut off; nothing of a part of an export "
                         "is taken")


def _header(line: bytes, path: str, number: int) -> Header:
    if not line.startswith(b'{"footfall":"export"'):
        raise UsageError(f"{path}: is no export of footfall's in JSON lines; only these can be imported")
    header: Header = _decoded(_decode_header, line, path, number)
    if header.version > jsonl.VERSION:
        raise UsageError(f"{path}: version={header.version}: is of a newer footfall; this one reads {jsonl.VERSION}")
    check_account(header.site)
    return header


def _decoded(decode: Callable[[bytes], Any], line: bytes, path: str, number: int) -> Any:
    try:
        return decode(line)
    except msgspec.DecodeError as error:
        raise UsageError(f"{path}: line {number}: {error}") from None


def _column(line: bytes, account: str, path: str, number: int) -> Insert:
    """Return the column that a line is of.

    :raises UsageError: it is of none.
    """
    told: _Line = _decoded(_decode_line, line, path, number)
    try:
        if told.family not in (*EVENTS, retries.FAMILY) or (told.family == retries.FAMILY) != (told.of in EVENTS):
            raise ValueError(f"family {told.family!r}: is none of events")
        value = jsonl.value_of(bytes(fields)) if (fields := told.fields) else told.raw
        if value is None:
            raise ValueError("it has neither fields nor raw")
        key = f"{told.row}.{account}" if told.row else pageview.event_key(account, told.id)
        pageview.split_row_key(key)
        event = check_name(told.of or told.family, told.id)
        check_value(event, value)
    except (ValueError, StoreError) as error:
        raise UsageError(f"{path}: line {number}: {error}") from None
    if told.of:
        return Insert(retries.FAMILY, retries.marks_row(told.of, key), str(event), value)
    return Insert(told.family, key, event, value)


def _new(store: Store, there: Mapping[str, Collection[str]], batch: Sequence[Insert]) -> Iterator[Insert]:
    """Yield the columns that a store does not have.

    :param there: the rows that it had at the beginning: of others nothing need be asked.
    """
    rows: defaultdict[tuple[str, str], list[Insert]] = defaultdict(list)
    for column in batch:
        rows[column.family, column.key].append(column)
    for (family, key), columns in rows.items():
        names = [column.name for column in columns]
        # A rule may have moved an event there, or somebody may have put it back.
        places = [family] if family == retries.FAMILY else EVENTS if family == FILTERED else (family, FILTERED)
        had = {name for place in places if key in there[place]
               for name in store.family(place).multiget([key], names).get(key, {})}
        yield from (column for column in columns if column.name not in had)


def _steps(event: Insert, account: str) -> Sequence[Insert]:
    """Return the step of an event in its visitor's trail, if it is one that footfall itself would have stored."""
    if event.family not in COUNTED:
        return ()
    try:
        fields = pageview.unpack(event.value)
        visitor = fields.get("visitor")
        is_visitor = isinstance(visitor, bytes) and len(visitor) == VISITOR_BYTES
        return step_of(account, event.name, fields) if is_visitor and "url" in fields else ()  # type: ignore[arg-type]
    except (ValueError, AttributeError, RecursionError):
        return ()
