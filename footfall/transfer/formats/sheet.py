"""CSV, as in RFC 4180: the events of a site for people and their spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
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
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(flat.COLUMNS)
    for row in flat.rows(extract, time_text):
        writer.writerow(map((row if plain else _guarded(row)).get, flat.COLUMNS))
        if text.tell() >= SIZE:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()


def _guarded(row: dict[str, Any]) -> dict[str, Any]:
    return {name: f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
            for name, cell in row.items()}
