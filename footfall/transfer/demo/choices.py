"""What is chosen at random: by numbers that are given, so that the same ones choose the same.

On every machine and in every version of Python, too: so floats are added by ``accumulate`` or ``fsum``, as ``sum``
came to round otherwise in 3.12, and there is no logarithm, of which two machines may differ in the last bit.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from itertools import accumulate, pairwise
from random import Random
from struct import unpack
from typing import Generic, TypeVar

T = TypeVar("T")

_53_BITS = 1 << 53


class Choices(Generic[T]):
    """Things to choose from, some more often than others.

    :param weighted: pairs of a weight and a thing.
    """

    def __init__(self, weighted: Iterable[tuple[float, T]]) -> None:
        weights, things = zip(*weighted, strict=True)
        self.things: tuple[T, ...] = things
        self._bounds = list(accumulate(weights))
        self._last = len(things) - 1
        self._all = self._bounds[-1]

    def pick(self, part: float) -> T:
        """Return the thing that a number stands for.

        :param part: from 0 to less than 1.
        """
        return self.things[bisect(self._bounds, part * self._all, 0, self._last)]


def zipf(things: Sequence[T]) -> Choices[T]:
    """Return a choice of things by Zipf's law: the further back one is, the more seldom it is taken."""
    return Choices((1 / (rank + 3), thing) for rank, thing in enumerate(things))


def shares(total: int, weights: Iterable[float]) -> list[int]:
    """Return a total divided by weights, in whole numbers that come to it exactly."""
    bounds = [0.0, *accumulate(weights)]
    whole = [int(total * bound / bounds[-1] + 0.5) for bound in bounds] if bounds[-1] else [0] * len(bounds)
    return [after - before for before, after in pairwise(whole)]


def parts(count: int, *of: object) -> list[float]:
    """Return numbers from 0 to less than 1 that are the same for the same things, and on every machine.

    :param count: how many, eight at most.
    :param of: what they are of: numbers and words.
    """
    return [(number >> 11) / _53_BITS
            for number in unpack(f">{count}Q", keyed_bytes(8 * count, *of))]


def generator(*of: object) -> Random:
    """Return a generator of the numbers that belong to some things.

    Only its ``random()`` may be called: that alone Python promises to give the same numbers in every version.
    """
    return Random(int.from_bytes(keyed_bytes(16, *of)))  # noqa: S311 - nothing is to be kept secret by these


def keyed_bytes(size: int, *of: object, key: bytes = b"") -> bytes:
    """Return bytes that stand for some things, and without the key do not tell them."""
    return blake2b("\0".join(map(str, of)).encode(), digest_size=size, key=key).digest()
