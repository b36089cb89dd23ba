"""Columns in memory: numpy's arrays, as narrow as what is in them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def kind_for(greatest: int) -> np.dtype[Any]:
    """Return the narrowest unsigned integers that hold a number."""
    return np.min_scalar_type(greatest)


def narrow(numbers: Array, greatest: int | None = None) -> Array:
    """Return numbers, none of them negative, as unsigned integers of as few bytes as the greatest needs.

    :param greatest: what none of them exceeds, if that is known.
    """
    if greatest is None:
        greatest = int(numbers.max()) if len(numbers) else 0
    return numbers.astype(kind_for(greatest), copy=False)
