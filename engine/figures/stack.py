"""Books of one site laid on top of each other, so that products are made for many windows at once.

Axis 0 is the window.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.book import Book
from engine.tracing.flow import Flows
from plant.arrays import Floats, Ints
from plant.units import SECOND_NS


class Stack:
    """Attributes are those of `Book` with one axis more; `flows` of all windows in one, with
    `window` the row each belongs to.
    """

    def __init__(self, books: Sequence[Book]) -> None:
        """By window: when it starts (ns UTC), its revision, and how many seconds it lasts."""
        starts_ns = [book.start for book in books]
        revisions = [book.revision for book in books]
        durations_s = [(book.end - book.start) / SECOND_NS for book in books]
        self.books = books
        self.windows = len(books)
        self.start = np.array(starts_ns, np.int64)
        self.revision = np.array(revisions, np.int32)
        self.lasts_s = np.array(durations_s)

        flows = [book.flows for book in books]
        rows_of_each = [len(of_window) for of_window in flows]
        self.flows = _beneath_each_other(flows)
        self.window = np.repeat(np.arange(self.windows), rows_of_each)

    def of(self, name: str) -> Floats:
        """The array that each book has under a name of `Book`, as one [windows, ...]."""
        of_each = [getattr(book, name) for book in self.books]
        return np.stack(of_each)

    def total(
        self,
        values: Floats,
        place: Ints,
        width: int,
        rows: Ints | slice = slice(None),
    ) -> Floats:
        """Sums [windows, width] of `values` of flow rows by their `place`, which is below `width`.

        `rows` are the flow rows that values and places are of, all of them unless told.
        """
        # Each pair of window and place gets a number of its own, and one count sums them all.
        first_of_window = self.window[rows] * width
        sums = np.bincount(
            first_of_window + place,
            weights=values,
            minlength=self.windows * width,
        )
        return np.asarray(sums, np.float64).reshape(self.windows, width)


def _beneath_each_other(flows: Sequence[Flows]) -> Flows:
    """The tables of flows of all windows as one, that of the first window on top."""
    return Flows(
        kind=np.concatenate([table.kind for table in flows]),
        node=np.concatenate([table.node for table in flows]),
        source=np.concatenate([table.source for table in flows]),
        via=np.concatenate([table.via for table in flows]),
        origin=np.concatenate([table.origin for table in flows]),
        amount=np.concatenate([table.amount for table in flows]),
    )


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
    first_of_window = np.arange(windows)[:, None] * width
    at = first_of_window + place
    sums = np.bincount(
        at.ravel(),
        weights=values.ravel(),
        minlength=windows * width,
    )
    return np.asarray(sums.reshape(windows, width), np.float64)
