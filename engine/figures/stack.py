"""Books of one site laid on top of each other, so that products are made for many windows at once.

Axis 0 is the window.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.book import Book
from engine.tracing.flow import COLUMNS, Flows
from engine.tracing.graph import Array

Ints = npt.NDArray[np.int64]


class Stack:
    """Attributes are those of `Book` with one axis more; `flows` of all windows in one, with
    `window` the row each belongs to.
    """

    def __init__(self, books: Sequence[Book]) -> None:
        self.books = books
        self.n = len(books)
        self.start = np.array([b.start for b in books], np.int64)
        self.revision = np.array([b.revision for b in books], np.int32)
        self.lasts_s = np.array([(b.end - b.start) * 1e-9 for b in books])
        columns: dict[str, Any] = {
            name: np.concatenate([getattr(b.flows, name) for b in books]) for name in COLUMNS
        }
        self.flows = Flows(**columns)
        self.window = np.repeat(np.arange(self.n), [len(b.flows) for b in books])

    def of(self, name: str) -> Array:
        """An array of the books, [windows, ...]."""
        return np.stack([getattr(b, name) for b in self.books])

    def total(
        self,
        values: Array,
        at: Ints,
        width: int,
        rows: Ints | slice = slice(None),
    ) -> Array:
        """Sums [windows, width] of `values` of flow rows by their place `at`."""
        place = self.window[rows] * width + at
        return np.asarray(
            np.bincount(place, values, self.n * width),
            np.float64,
        ).reshape(self.n, width)
