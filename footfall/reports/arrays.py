"""Columns in memory: numpy's arrays, as narrow as what is in them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def narrow(numbers: Array) -> Array:
    """Return numbers, none of them negative, as unsigned integers of as few bytes as the greatest needs."""
    return numbers.astype(np.min_scalar_type(int(numbers.max()) if len(numbers) else 0), copy=False)
