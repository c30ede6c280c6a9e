"""What was booked lately, window by window, so that a late
reading or a closed gap can correct it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from plant.arrays import Floats, Ints


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
        row = (ts - self.first) // self.window
        return max(min(row, len(self) - 1), 0)

    def rows_between(self, since: int, until: int) -> range:
        """Rows of the windows that a span of time touches, clamped to what is kept."""
        return range(
            self.row(max(since, self.first)),
            self.row(until - 1) + 1,
        )

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

    def extend(self, windows: int, integrals: Floats) -> None:
        """Add empty windows; `integrals` [windows, meters, 2] are those at their ends."""
        channels = self.amount.shape[1]
        nothing = np.zeros((windows, channels))
        unknown = np.full((windows, channels), np.nan)
        self.amount = np.concatenate((self.amount, nothing))
        self.seen = np.concatenate((self.seen, nothing))
        self.estimated = np.concatenate((self.estimated, nothing))
        self.integrals = np.concatenate((self.integrals, integrals))
        self.total = np.concatenate((self.total, unknown))
        self.digests += [b""] * windows
        self.revisions += [-1] * windows

    def forget(self, rows: int) -> None:
        """Drop the oldest `rows`."""
        if rows <= 0:
            return

        self.first = self.start_of(rows)
        self.amount = self.amount[rows:]
        self.seen = self.seen[rows:]
        self.estimated = self.estimated[rows:]
        self.integrals = self.integrals[rows:]
        self.total = self.total[rows:]
        del self.digests[:rows]
        del self.revisions[:rows]
