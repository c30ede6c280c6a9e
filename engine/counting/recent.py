"""What was booked lately by window, so that a late reading or a closed gap can correct it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from plant.arrays import Floats, Ints

NOT_GIVEN = b""
"""The digest of a window of which nothing was given out yet."""

NO_REVISION = -1
"""The revision of such a window: the first that is given out is 0."""


@dataclass(slots=True)
class History:
    """The last windows, one row each; `first` is the start of row 0, `window` their length, ns.

    Of channels [windows, channels]: the `amount` of energy in edge unit, the seconds `seen`, and
    how much of the amount is `estimated`. At the boundaries of the windows [windows + 1, ...]: the
    `integrals` of power of each meter, forward and reverse, and the `total` that each counter stood
    at, as booked. `digests` and `revisions` tell what was given out of each window.
    """

    first: int
    window: int
    amount: Floats
    seen: Floats
    estimated: Floats
    integrals: Floats
    total: Floats
    digests: list[bytes] = field(default_factory=list)
    revisions: list[int] = field(default_factory=list)

    @classmethod
    def start(
        cls,
        first: int,
        window: int,
        channels: int,
        meters: int,
    ) -> History:
        """No window yet; at its beginning neither power nor totals are known."""
        return cls(
            first=first,
            window=window,
            amount=np.zeros((0, channels)),
            seen=np.zeros((0, channels)),
            estimated=np.zeros((0, channels)),
            integrals=np.full((1, meters, 2), np.nan),
            total=np.full((1, channels), np.nan),
        )

    def __len__(self) -> int:
        """How many windows are kept."""
        return len(self.revisions)

    @property
    def end(self) -> int:
        """End of the newest window, ns UTC."""
        return self.start_of(len(self))

    def row(self, ts: int) -> int:
        """Row of the window that holds `ts`, clamped to what is kept."""
        elapsed = ts - self.first
        row = elapsed // self.window
        newest = len(self) - 1
        if row > newest:
            row = newest

        return max(row, 0)

    def rows_between(self, since: int, until: int) -> range:
        """Rows of the windows that a span of time touches, clamped to what is kept."""
        kept_since = max(since, self.first)
        first_row = self.row(kept_since)
        last_row = self.row(until - 1)
        return range(first_row, last_row + 1)

    def start_of(self, row: int) -> int:
        """Start of the window of a row, ns UTC."""
        return self.first + row * self.window

    def boundaries(self, rows: range) -> Ints:
        """Starts of the windows of these rows, and the end of the last."""
        places = np.arange(
            rows.start,
            rows.stop + 1,
            dtype=np.int64,
        )
        return self.first + places * self.window

    def integral_of(self, meter: int, *, reverse: bool) -> Floats:
        """Integral of one meter's power in one direction, at all boundaries [windows + 1].

        In the unit of the meter's edge; NaN where power is not known.
        """
        direction = int(reverse)
        return self.integrals[:, meter, direction]

    def extend(self, windows: int, integrals: Floats) -> None:
        """Add empty windows; `integrals` [windows, meters, 2] are those at their ends.

        Nothing is booked of them yet, and nothing was given out.
        """
        channels = self.amount.shape[1]
        nothing = np.zeros((windows, channels))
        unknown = np.full((windows, channels), np.nan)
        self.amount = _below(self.amount, nothing)
        self.seen = _below(self.seen, nothing)
        self.estimated = _below(self.estimated, nothing)
        self.integrals = _below(self.integrals, integrals)
        self.total = _below(self.total, unknown)
        for _ in range(windows):
            self.digests.append(NOT_GIVEN)
            self.revisions.append(NO_REVISION)

    def forget(self, rows: int) -> None:
        """Drop the oldest `rows`."""
        if rows <= 0:
            return

        self.first = self.start_of(rows)
        kept = slice(rows, None)
        self.amount = self.amount[kept]
        self.seen = self.seen[kept]
        self.estimated = self.estimated[kept]
        self.integrals = self.integrals[kept]
        self.total = self.total[kept]
        del self.digests[:rows]
        del self.revisions[:rows]


def _below(table: Floats, rows: Floats) -> Floats:
    """A table with more rows at its end."""
    return np.concatenate((table, rows))
