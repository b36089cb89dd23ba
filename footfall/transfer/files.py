"""Lines of files as an import wants them: plain or gzipped, or of standard input."""

from __future__ import annotations

import gzip
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Self, cast

from footfall.errors import UsageError

#: A line longer than this is read in parts, none of which is a line of a log. nginx's longest is 32 KiB of headers
#: and request line, each byte of which may be written as six.
MAX_LINE_BYTES = 256 * 1024


class LogFile:
    """A file to import, or standard input as ``-``; gzip is told by its first bytes.

    ``size`` is its length in bytes, ``None`` where that cannot be known, and ``position`` how many
    of them were read, so that progress can be shown for compressed files too.

    :param longest: how many bytes a line may have; a longer one is read in parts.
    """

    def __init__(self, path: str, longest: int = MAX_LINE_BYTES) -> None:
        self.path = path
        self._longest = longest
        try:
            self._raw: BinaryIO = sys.stdin.buffer if path == "-" else Path(path).open("rb")  # noqa: SIM115 - __exit__ closes it
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}") from None
        regular = path != "-" and Path(path).is_file()
        self.size = Path(path).stat().st_size if regular else None
        self._bytes_read = _Counting(self._raw)
        buffered = io.BufferedReader(self._bytes_read, MAX_LINE_BYTES)
        try:
            zipped = buffered.peek(2)[:2] == b"\x1f\x8b"
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}") from None
        self._lines = cast(BinaryIO, gzip.GzipFile(fileobj=buffered)) if zipped else cast(BinaryIO, buffered)

    @property
    def position(self) -> int:
        """How many of the file's bytes were read."""
        return self._bytes_read.count

    def __iter__(self) -> Iterator[bytes]:
        """Yield the lines, the last one also without its end.

        :raises UsageError: the file cannot be read on, as when a gzip file is cut off.
        """
        try:
            while line := self._lines.readline(self._longest):
                yield line
        except (OSError, EOFError) as error:
            raise UsageError(f"{self.path}: cannot be read on: {error}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self.path != "-":
            self._raw.close()


class _Counting(io.RawIOBase):
    """A raw file that counts what is read of it."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._raw.read1(len(buffer)) if hasattr(self._raw, "read1") else self._raw.read(len(buffer))
        buffer[:len(data)] = data
        self.count += len(data)
        return len(data)
