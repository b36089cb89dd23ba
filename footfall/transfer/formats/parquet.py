"""Parquet: the events of a site for pandas, polars, DuckDB and whatever else reads columns; needs the extra ``sql``."""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterator
from itertools import islice
from typing import Any

from footfall import timeuuid
from footfall.errors import UsageError
from footfall.transfer.extract import Extract
from footfall.transfer.formats import flat

#: Rows that are held at once, and lie together in the file.
GROUP = 20_000


def chunks(extract: Extract) -> Iterator[bytes]:
    """Return an iterator over the file, a group of rows at a time.

    :raises UsageError: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise UsageError("pyarrow is not installed: pip install 'footfall[sql]'") from None
    kinds = {"time": pa.timestamp("us", tz="UTC"), **dict.fromkeys(flat.NUMBERS, pa.int64())}
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in flat.COLUMNS])

    def written() -> Iterator[bytes]:
        sink = _Sink()
        rows = flat.rows(extract, _microseconds)
        with parquet.ParquetWriter(sink, schema, compression="zstd") as writer:
            while some := list(islice(rows, GROUP)):
                writer.write_table(pa.table(
                    [pa.array([row.get(field.name) for row in some], field.type) for field in schema], schema=schema))
                yield sink.taken()
        yield sink.taken()

    return written()


def _microseconds(name: uuid.UUID) -> int:
    # Few tools reckon with nanoseconds; what is missing to 100 of them is in the id.
    return timeuuid.ticks_of(name) // 10


class _Sink(io.RawIOBase):
    """A file that is handed on as it is written."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._size

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._size += len(part)
        return len(part)

    def taken(self) -> bytes:
        """Return what was written since the last call."""
        parts, self._parts = self._parts, []
        return b"".join(parts)
