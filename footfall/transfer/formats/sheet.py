"""CSV, as in RFC 4180: the events of a site for people and their spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from footfall.transfer.extract import Extract, time_text
from footfall.transfer.formats import flat

#: About how many characters make a chunk.
SIZE = 1 << 17
#: What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def chunks(extract: Extract, *, plain: bool = False) -> Iterator[bytes]:
    """Yield the file, some hundred rows at a time.

    :param plain: leave texts as they are. Otherwise one that a spreadsheet would take for a formula gets a ``'`` before
        it: titles and addresses are what strangers sent.
    """
    rows = (map((row if plain else {name: guarded(cell) for name, cell in row.items()}).get, flat.COLUMNS)
            for row in flat.rows(extract, time_text))
    return lines(chain([flat.COLUMNS], rows))


def lines(rows: Iterable[Iterable[object]]) -> Iterator[bytes]:
    """Yield rows as CSV, some hundred at a time; a cell that is ``None`` is empty."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    for row in rows:
        writer.writerow(row)
        if text.tell() >= SIZE:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()


def guarded(cell: Any) -> Any:
    """Return a cell as it is; a text that is taken for a formula with an apostrophe before it.

    >>> guarded("=1+1"), guarded("/blog"), guarded(1)
    ("'=1+1", '/blog', 1)
    """
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
