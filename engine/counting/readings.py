"""Readings of counters, as they are judged."""

from __future__ import annotations

from dataclasses import dataclass

from plant.arrays import Floats, Ints, Mask


@dataclass(frozen=True, slots=True)
class Readings:
    """Readings of counters as columns, sorted by (channel, ts).

    `value` in the canonical unit of the counter; `integral` is that of its meter's power then, NaN
    where it is not known.
    """

    channel: Ints
    ts: Ints
    value: Floats
    integral: Floats

    def __len__(self) -> int:
        """How many readings, of all channels."""
        return len(self.ts)

    def pick(self, rows: Mask | slice) -> Readings:
        """Some of the rows."""
        return Readings(
            channel=self.channel[rows],
            ts=self.ts[rows],
            value=self.value[rows],
            integral=self.integral[rows],
        )
