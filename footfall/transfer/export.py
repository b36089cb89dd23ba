"""Everything of a site as one file: what the command, the page and the API send are the same bytes.

The bytes depend on nothing but the store, the format and the range: exported again they are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import chain
from typing import IO

from footfall.accounts import Account
from footfall.errors import UsageError
from footfall.storage import Store
from footfall.timeuuid import Moment
from footfall.transfer.extract import Extract, Step
from footfall.transfer.formats import jsonl, parquet, sheet

#: The formats, with their media types.
FORMATS: Mapping[str, str] = {
    "jsonl": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}


def _no_step(family: str, rows: int, columns: int) -> None:
    """Tell nobody."""


def chunks(store: Store, account: Account, format: str, since: Moment | None = None,  # noqa: A002 - its name everywhere
           until: Moment | None = None, *, plain: bool = False, step: Step = _no_step) -> Iterator[bytes]:
    """Return an iterator over the file of an export, in bounded memory.

    :param format: one of :data:`FORMATS`.
    :param since: the first instant of [since, until), naive means UTC, a date its midnight; ``None`` for all there is.
    :param until: the instant that ends it, itself left out; :func:`end_of` makes it of a last day.
    :param plain: CSV without the guard against formulas.
    :param step: is told family, rows and columns now and then.
    :raises UsageError: there is no such format, pyarrow is not installed, or the range is none.
    :raises StoreUnavailable: the store did not answer; from the iterator, if that was in the middle of the file.

    The first chunk is made at once, so that a server knows whether it can begin.
    """
    if format not in FORMATS:
        raise UsageError(f"format {format!r}: must be {', '.join(FORMATS)}")
    extract = Extract(store, account, since, until, step)
    if extract.since and extract.until and extract.until < extract.since:
        raise UsageError(f"until {until}: is before since {since}")
    made = (sheet.chunks(extract, plain=plain) if format == "csv" else
            parquet.chunks(extract) if format == "parquet" else jsonl.chunks(extract))
    first = next(made)
    return chain((first,), made)


def write(store: Store, account: Account, format: str, since: Moment | None,  # noqa: A002 - its name everywhere
          until: Moment | None, file: IO[bytes], *, plain: bool = False, step: Step = _no_step) -> int:
    """Write an export to a file, and return its bytes. Arguments and errors are those of :func:`chunks`."""
    size = 0
    for chunk in chunks(store, account, format, since, until, plain=plain, step=step):
        size += len(chunk)
        file.write(chunk)
    return size


def end_of(last: Moment | None) -> Moment | None:
    """Return the instant that ends a range whose last day, or whose end, is given."""
    return last if last is None or isinstance(last, datetime) else last + timedelta(days=1)


def file_name(account: str, format: str, since: Moment | None = None,  # noqa: A002 - its name everywhere
              until: Moment | None = None) -> str:
    """Return what to call the file of an export, such as ``blog-2026-01-01-2026-01-31.csv``."""
    return "-".join([account, *(f"{each:%Y-%m-%d}" for each in (since, until) if each)]) + f".{format}"
