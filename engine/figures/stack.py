"""Books of one site laid on top of each other, so that products are made for many windows at once.

Axis 0 is the window.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.book import Book
from engine.tracing.flow import COLUMNS, Flows
from plant.arrays import Floats, Ints
from plant.units import SECOND_NS


class Stack:
    """Attributes are those of `Book` with one axis more; `flows` of all windows in one, with
    `window` the row each belongs to.
    """

    def __init__(self, books: Sequence[Book]) -> None:
        self.books = books
        self.windows = len(books)
        self.start = np.array([book.start for book in books], np.int64)
        self.revision = np.array([book.revision for book in books], np.int32)
        self.lasts_s = np.array([(book.end - book.start) / SECOND_NS for book in books])
        columns: dict[str, Any] = {}
        for name in COLUMNS:
            columns[name] = np.concatenate([getattr(book.flows, name) for book in books])

        self.flows = Flows(**columns)
        rows_of_each = [len(book.flows) for book in books]
        self.window = np.repeat(np.arange(self.windows), rows_of_each)

    def of(self, name: str) -> Floats:
        """An array of the books, [windows, ...]."""
        return np.stack([getattr(book, name) for book in self.books])

    def total(
        self,
        values: Floats,
        place: Ints,
        width: int,
        rows: Ints | slice = slice(None),
    ) -> Floats:
        """Sums [windows, width] of `values` of flow rows by their `place`."""
        at = self.window[rows] * width + place
        sums = np.bincount(at, values, self.windows * width)
        return np.asarray(sums, np.float64).reshape(self.windows, width)


def summed(
    values: Floats,
    place: Ints,
    width: int,
) -> Floats:
    """Sums [windows, width] of the columns of `values` [windows, n] by their `place` [n].

    Each window is summed on its own, so that its figures are the same to the last digit whatever
    windows are worked on together; a matrix product does not promise that.
    """
    windows = len(values)
    at = np.arange(windows)[:, None] * width + place
    sums = np.bincount(at.ravel(), values.ravel(), windows * width)
    return np.asarray(sums.reshape(windows, width), np.float64)
