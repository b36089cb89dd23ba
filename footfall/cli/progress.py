"""A line on standard error that tells how far a long command is."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

import click

#: Seconds between two drawings, on a terminal and elsewhere.
DRAWN_EVERY = 0.2
WRITTEN_EVERY = 5.0


class Progress:
    """Tells how many rows and columns were read, and how fast: on a terminal over and over in the same line.

    :param wanted: also where standard error is no terminal, a line every five seconds.
    :param noun: what the columns are called.
    :param rows: what the rows are called.
    """

    def __init__(self, noun: str, *, rows: str = "rows", wanted: bool) -> None:
        self._noun = noun
        self._rows = rows
        self._terminal = sys.stderr.isatty()
        self._shown = wanted or self._terminal
        self._began = self._told = time.monotonic()
        self._line = ""

    def step(self, rows: int, columns: int, what: str = "") -> None:
        """Tell that we are so far.

        :param what: what is read.
        """
        if not self._shown:
            return
        now = time.monotonic()
        rate = columns / max(now - self._began, 1e-9)
        self._line = f"{what}{rows:,} {self._rows}, {columns:,} {self._noun}, {rate:,.0f} {self._noun}/s"
        if now - self._told >= (DRAWN_EVERY if self._terminal else WRITTEN_EVERY):
            self._told = now
            self._draw()

    def _draw(self, end: bool = False) -> None:
        if self._terminal:
            click.echo(f"\r{self._line}\x1b[K", nl=end, err=True)
        else:
            click.echo(self._line, err=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if self._line:
            self._draw(end=True)
