"""What was booked lately, window by window, so that a late
reading or a closed gap can correct it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from engine.tracing.graph import Array


@dataclass(slots=True)
class History:
    """Rows of the last windows: amounts, seconds seen and estimates of channels [n, channels],
    power integrals [n + 1, meters, 2].

    `first` is the start of row 0; `digests` and `revisions` are what was given out for each window.
    """

    first: int
    window: int
    amount: Array
    seen: Array
    estimated: Array
    x: Array
    total: (
        Array  # [n + 1, channels]: what each counter stood at, as booked, at the window boundaries
    )
    digests: list[bytes] = field(default_factory=list)
    revisions: list[int] = field(default_factory=list)

    @classmethod
    def start(
        cls,
        first: int,
        window: int,
        channels: int,
        shape: Array,
    ) -> History:
        none = np.zeros((0, channels))
        return cls(
            first,
            window,
            none,
            none.copy(),
            none.copy(),
            shape,
            np.full((1, channels), np.nan),
        )

    @property
    def end(self) -> int:
        return self.first + len(self.revisions) * self.window

    def row(self, ts: int) -> int:
        """Row of the window that holds `ts`, clamped to what is kept."""
        return int(
            np.clip(
                (ts - self.first) // self.window,
                0,
                max(len(self.revisions) - 1, 0),
            )
        )

    def start_of(self, row: int) -> int:
        """Start of the window of a row."""
        return self.first + row * self.window

    def boundaries(self, from_row: int, to_row: int) -> np.ndarray:
        """Starts of the windows of rows `lo` to `hi`, and the end of the last."""
        return (
            self.first
            + np.arange(
                from_row,
                to_row + 1,
                dtype=np.int64,
            )
            * self.window
        )

    def extend(self, windows: int, shape: Array) -> None:
        """Add empty windows; `x` [windows, meters, 2] at their ends."""
        blank = np.zeros((windows, self.amount.shape[1]))
        unknown = np.full((windows, self.amount.shape[1]), np.nan)
        self.amount = np.concatenate((self.amount, blank))
        self.seen = np.concatenate((self.seen, blank))
        self.estimated = np.concatenate((self.estimated, blank))
        self.x = np.concatenate((self.x, shape))
        self.total = np.concatenate((self.total, unknown))
        self.digests += [b""] * windows
        self.revisions += [-1] * windows

    def forget(self, rows: int) -> None:
        """Drop the oldest `rows`."""
        if rows <= 0:
            return

        for name in ("amount", "seen", "estimated", "x", "total"):
            setattr(self, name, getattr(self, name)[rows:])

        self.first += rows * self.window
        del self.digests[:rows], self.revisions[:rows]
