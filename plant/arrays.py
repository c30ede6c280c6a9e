"""The kinds of numpy arrays that pass from hand to hand."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
"""Energies, powers, shares."""

Ints: TypeAlias = npt.NDArray[np.int64]
"""Times in ns UTC, places in other arrays."""

Mask: TypeAlias = npt.NDArray[np.bool_]
"""Which of them."""

Index: TypeAlias = npt.NDArray[np.intp]
"""Places in other arrays, as numpy finds them."""
