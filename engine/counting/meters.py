"""What is remembered of all counters and powers of a site, and what it says about windows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engine.counting.absorbed import ONWARD
from engine.counting.along import NEVER
from engine.counting.counters import Limits, Track
from engine.counting.curves import Points
from engine.counting.layout import Layout
from engine.counting.power import Powers
from engine.counting.totals import Asked, Totals, totals_at
from engine.counting.trimming import Correctable, trimmed
from plant.arrays import Floats, Index, Ints
from plant.frame import Batch, Frame
from plant.site import Site
from plant.units import HOUR_NS

FILLING_NS = HOUR_NS
"""What filled a gap is held for an hour after the last late reading: more may come between."""

FLOAT32_STEP = 1.2e-7
"""The step of a float32, as a part of what it stands at: it keeps about seven digits."""


@dataclass(slots=True)
class Meters:
    """State of all channels and meters of a site.

    `tracks` remember the last reading of each counter, `points` the curves, `powers` the last
    sample of each meter. `filled` says by channel when a late reading was last taken, ns.
    `late` and `refused` count readings that came late and that were not believed.
    """

    layout: Layout
    tracks: list[Track]
    points: Points
    powers: Powers
    filled: Ints
    late: int = 0
    refused: int = 0

    @classmethod
    def start(cls, site: Site) -> Meters:
        """Before the first reading of a site."""
        channels = len(site.channels)
        return cls(
            layout=Layout.of(site),
            tracks=[Track() for _ in range(channels)],
            points=Points.empty(),
            powers=Powers.empty(len(site.meters)),
            filled=np.zeros(channels, np.int64),
        )

    def of_use(self, frame: Frame) -> Batch:
        """The readings that the books are made of; of what else is read, much is only stored."""
        used = self.layout.used
        # The last row stands for every tag that is higher than those of the site.
        tag = np.minimum(frame.tag, len(used) - 1)
        is_used = used[tag]
        rows = slice(None) if is_used.all() else is_used
        return Batch(
            ts=frame.ts[rows],
            received=frame.received[rows],
            tag=frame.tag[rows],
            value=frame.value[rows],
            quality=frame.quality[rows],
            events=frame.events,
        )

    def newest_points(self) -> Index:
        """The rows of the newest points of all channels that have any."""
        return np.flatnonzero(self.points.newest())

    def limits(self, channel: int) -> Limits:
        """Limits of a channel; the step of a float32 counter grows with what it stands at."""
        limits = self.layout.limits[channel]
        if not self.layout.float32[channel]:
            return limits

        stands_at = abs(self.tracks[channel].value)
        digit = stands_at * FLOAT32_STEP
        return replace(limits, step=max(digit, limits.step))

    def totals(
        self,
        boundaries: Ints,
        integrals: Floats,
        channels: Ints,
    ) -> Totals:
        """Totals of some channels at `boundaries`, ns UTC. NaN where nothing is known.

        `integrals` [boundaries, meters, 2] are those of power then, forward and reverse.
        """
        layout = self.layout
        points = self.points
        if len(channels) < len(layout.meter):
            is_asked = np.zeros(len(layout.meter), bool)
            is_asked[channels] = True
            points = points.pick(is_asked[points.channel])

        # Pieces belong to no meter: any meter's power will do for them, as they are stepped.
        meter = np.maximum(layout.meter[channels], 0)
        direction = layout.reverse[channels].astype(int)
        asked = Asked(
            channels=channels,
            times=boundaries,
            integral=integrals[:, meter, direction],
            stepped=layout.stepped[channels],
        )
        return totals_at(points, asked)

    def read_between(self) -> tuple[Ints, Ints]:
        """First and last reading of each channel that is still held, ns UTC.

        Nothing lies between the two where there is none.
        """
        points = self.points
        channels = len(self.layout.meter)
        first = np.full(channels, NEVER)
        last = np.zeros(channels, np.int64)
        np.minimum.at(first, points.channel, points.ts)
        np.maximum.at(last, points.channel, points.ts)
        return first, last

    def trim(
        self,
        before: int,
        since: int,
        now: int,
    ) -> None:
        """Forget points older than `before`, ns.

        What a gap that ended after `since` still needs when it is filled late is kept; `now` is the
        end of the newest window.
        """
        layout = self.layout
        # A channel without a counter has no gap to be filled: power that comes late is left out.
        bound = np.where(layout.by_power, ONWARD, layout.gap_ns)
        correctable = Correctable(
            since=since,
            window=layout.window_ns,
            bound=bound,
            filling=self.filled > now - FILLING_NS,
        )
        self.points = trimmed(self.points, before, correctable)
