"""From readings to energies: verdicts, curves and powers of all
meters of a site, and what they say about a window.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from engine.counting.along import Floats, Ints, group_starts
from engine.counting.counters import LEAST_NS, RATE_MARGIN, Judged, Limits, Track, judge
from engine.counting.curves import (
    ANCHOR_NS,
    ANCHOR_STEPS,
    Mark,
    Marks,
    Points,
    Reading,
    anchors,
    read,
)
from engine.counting.power import Powers, Samples
from plant.frame import Batch, Frame, Quality, Tags
from plant.names import Verdict
from plant.site import Site

# a counter that is read again within this is seen: its
# energy is exact, and one-minute history is no gap
LEAST_GAP_S = 90.0
# what filled a gap is held for an hour after the last late reading: more may come between
FILLING_NS = 3_600_000_000_000


@dataclass(slots=True)
class Unusual:
    """A counter step that was not normal, or a gap.

    Amounts in the canonical unit of the counter.
    """

    channel: int
    ts: int
    verdict: Verdict
    amount: float
    bound: float
    since: int = 0


@dataclass(frozen=True, slots=True)
class Span:
    """From when until when the curve of a channel has changed, ns.

    `until` is `ONWARD` where all that follows has.
    """

    channel: int
    since: int
    until: int


ONWARD = 2**62


@dataclass(slots=True)
class Late:
    """Readings of one channel that are older than its newest,
    by time; `x` are the power integrals then.
    """

    ts: Ints
    value: Floats
    x: Floats


@dataclass(slots=True)
class Absorbed:
    """What readings led to: unusual steps, the power integrals at the boundaries [m, meters, 2],
    changes of windows already closed, late readings by channel.
    """

    unusual: list[Unusual]
    x: Floats
    changed: list[Span]
    late: dict[int, Late]


@dataclass(slots=True)
class Layout:
    """Look-up arrays of a site: tag to channel and to power meter, limits by channel."""

    site: Site
    channel_of: Ints = field(init=False)
    power_of: Ints = field(init=False)
    used: np.ndarray = field(init=False)
    meter: Ints = field(init=False)
    reverse: np.ndarray = field(init=False)
    scale: Floats = field(init=False)
    gap_ns: Ints = field(init=False)
    stepped: np.ndarray = field(init=False)
    by_power: np.ndarray = field(init=False)
    limits: list[Limits] = field(init=False)
    most_rate: Floats = field(init=False)
    step: Floats = field(init=False)
    float32: np.ndarray = field(init=False)
    power_scale: Floats = field(init=False)
    summing: Floats = field(init=False)
    first_channel: Ints = field(init=False)
    measured: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        site = self.site
        channels = self.site.channels
        size = (
            max(
                [counter.tag for counter in channels]
                + [meter.power_tag or 0 for meter in site.meters]
                + [0]
            )
            + 2
        )
        self.channel_of = np.full(size, -1)
        self.power_of = np.full(size, -1)
        for i, counter in enumerate(channels):
            if counter.kind != "power":
                self.channel_of[counter.tag] = i

        for i, meter in enumerate(site.meters):
            if meter.power_tag is not None:
                self.power_of[meter.power_tag] = i

        self.used = (self.channel_of >= 0) | (self.power_of >= 0)
        self.meter = np.array([counter.meter for counter in channels], np.int64)
        self.reverse = np.array([counter.reverse for counter in channels], bool)
        self.scale = np.array([counter.scale for counter in channels])
        self.stepped = np.array([counter.kind == "count" for counter in channels], bool)
        self.by_power = np.array([counter.kind == "power" for counter in channels], bool)
        self.float32 = np.array([counter.float32 for counter in channels], bool)
        self.step = np.array([counter.step for counter in channels])
        periods = [_period(site, i) for i in range(len(channels))]
        self.gap_ns = (np.maximum(np.array(periods) * 3.5, LEAST_GAP_S) * 1e9).astype(np.int64)
        self._sum_up()
        self.limits = [
            Limits(
                _most(site, place),
                channel.step,
                channel.wraps_at,
                channel.swaps,
            )
            for place, channel in enumerate(channels)
        ]
        self.most_rate = np.array(
            [np.inf if shape.max_per_hour is None else shape.max_per_hour for shape in self.limits]
        )
        self.power_scale = np.array([meter.power_scale for meter in site.meters])

    def _sum_up(self) -> None:
        """Which channels make which meter: a summing matrix [channels,
        meters * 2], and each meter's first channel.
        """
        meters = len(self.site.meters)
        self.summing = np.zeros((len(self.meter), meters * 2))
        self.first_channel = np.zeros(meters, np.int64)
        for counter in range(len(self.meter) - 1, -1, -1):
            if self.meter[counter] >= 0:
                self.summing[counter, self.meter[counter] * 2 + int(self.reverse[counter])] = 1.0
                self.first_channel[self.meter[counter]] = counter

        self.measured = np.isin(np.arange(meters), self.meter)

    def swapped(
        self,
        channel: Ints,
        since: Ints,
        until: Ints,
    ) -> np.ndarray:
        """Which steps of counters, each from one reading to the
        next, have a declared swap in them.
        """
        found = np.zeros(len(channel), bool)
        for place, node in enumerate(self.site.channels):
            for swap in node.swaps:
                found |= (channel == place) & (since < swap.at) & (swap.at <= until)

        return found


def _period(site: Site, channel: int) -> float:
    counter = site.channels[channel]
    if counter.meter < 0:
        return 3600.0

    meter = site.meters[counter.meter]
    return meter.power_every_s if counter.kind == "power" else meter.energy_every_s


def _most(site: Site, channel: int) -> float | None:
    counter = site.channels[channel]
    if counter.meter < 0 or site.meters[counter.meter].max_per_hour is None:
        return None

    most = site.meters[counter.meter].max_per_hour
    return most / counter.scale if most is not None else None


@dataclass(slots=True)
class Meters:
    """State of all channels.

    `newest` are each channel's last accepted point: ts, total, x, seen, estimated, last anchor.
    """

    layout: Layout
    tracks: list[Track]
    points: Points
    powers: Powers
    filled: Ints  # by channel: when a late reading was last taken
    late: int = 0
    refused: int = 0

    @classmethod
    def start(cls, site: Site) -> Meters:
        count = len(site.channels)
        powers = Powers.empty(len(site.meters))
        return cls(
            Layout(site),
            [Track() for _ in range(count)],
            Points.empty(),
            powers,
            np.zeros(count, np.int64),
        )

    def of_use(self, frame: Frame) -> Batch:
        """The readings that the books are made of: a meter may
        be read for much that is only stored.
        """
        used = self.layout.used
        mine = used[np.minimum(frame.tag, len(used) - 1)]
        rows = slice(None) if mine.all() else mine
        return Batch(
            frame.ts[rows],
            frame.received[rows],
            frame.tag[rows],
            frame.value[rows],
            frame.quality[rows],
            frame.events,
        )

    def absorb(
        self,
        times: Ints,
        tag: Tags,
        value: Floats,
        quality: np.ndarray,
        boundaries: Ints,
        closed: int,
    ) -> Absorbed:
        """Take readings up to a moment; windows up to `closed` were given out before.

        `boundaries` are the ends of those that close now.
        """
        layout = self.layout
        good = (quality != Quality.BAD) & np.isfinite(value) & (tag < len(layout.channel_of))
        times = times[good]
        tag = tag[good]
        value = value[good]
        meter = layout.power_of[tag]
        rows = meter >= 0
        samples = self.powers.take(
            meter[rows],
            times[rows],
            value[rows] * layout.power_scale[meter[rows]],
        )
        channel = layout.channel_of[tag]
        rows = channel >= 0
        out = Absorbed(
            [],
            np.empty(0),
            [],
            {},
        )
        self._count(
            samples,
            channel[rows],
            times[rows],
            value[rows],
            closed,
            out,
        )
        self._integrate(samples, closed, out)
        meters = len(layout.site.meters)
        at = samples.at(
            np.tile(np.arange(meters), len(boundaries)),
            np.repeat(boundaries, meters),
        )
        out.x = np.stack(at, 1).reshape(len(boundaries), meters, 2)
        return out

    def _count(
        self,
        samples: Samples,
        channel: Ints,
        times: Ints,
        value: Floats,
        closed: int,
        out: Absorbed,
    ) -> None:
        order = np.lexsort((times, channel))
        channel = channel[order]
        times = times[order]
        value = value[order]
        shape = self._shape(samples, channel, times)
        done = self._count_normal(
            channel,
            times,
            value,
            shape,
            closed,
            out,
        )
        for counter in np.unique(channel[~done]):
            rows = (channel == counter) & ~done
            self._count_one(
                int(counter),
                times[rows],
                value[rows],
                shape[rows],
                closed,
                out,
            )

    def _shape(
        self,
        samples: Samples,
        channel: Ints,
        times: Ints,
    ) -> Floats:
        meter = self.layout.meter[channel]
        forward, reverse = samples.at(np.maximum(meter, 0), times)
        return np.where(
            meter < 0,
            np.nan,
            np.where(self.layout.reverse[channel], reverse, forward),
        )

    def _count_normal(
        self,
        channel: Ints,
        times: Ints,
        value: Floats,
        shape: Floats,
        closed: int,
        out: Absorbed,
    ) -> np.ndarray:
        """The common case for all channels at once: known, no gap, every step plausible, every
        point an anchor. Returns rows done.
        """
        layout = self.layout
        count = len(times)
        if not count:
            return np.zeros(0, bool)

        last = self._last()
        prev_ts = last[0][channel].copy()
        prev_value = last[1][channel].copy()
        inner = ~group_starts(channel)
        prev_ts[inner] = times[:-1][inner[1:]]
        prev_value[inner] = value[:-1][inner[1:]]
        delta = value - prev_value
        elapsed = times - prev_ts
        most = (
            layout.most_rate[channel] * RATE_MARGIN * np.maximum(elapsed, LEAST_NS) / 3.6e12
            + 2 * layout.step[channel]
        )
        fine = (
            (delta >= 0)
            & (delta <= most)
            & (elapsed > 0)
            & (elapsed <= layout.gap_ns[channel])
            & last[2][channel]
            & ~layout.swapped(channel, prev_ts, times)
        )
        step = np.where(
            layout.float32[channel],
            np.maximum(np.abs(value) * 1.2e-7, layout.step[channel]),
            layout.step[channel],
        )
        coarse = (delta < ANCHOR_STEPS * step) & ~layout.stepped[channel]
        bad = np.unique(channel[~fine])
        done = ~np.isin(channel, bad)
        for row in np.flatnonzero(done & ~inner & (times <= closed)):
            out.changed.append(Span(int(channel[row]), int(prev_ts[row]), ONWARD))

        self._append(
            channel[done],
            times[done],
            value[done],
            shape[done],
            np.asarray(elapsed[done] * 1e-9, np.float64),
            coarse[done],
            ANCHOR_STEPS * step[done],
        )
        return done

    def _last(self) -> tuple[Ints, Floats, np.ndarray]:
        tracks = self.tracks
        return (
            np.array([track.ts for track in tracks], np.int64),
            np.array([track.value for track in tracks]),
            np.array([track.known and not track.holding for track in tracks], bool),
        )

    def _append(
        self,
        channel: Ints,
        times: Ints,
        value: Floats,
        shape: Floats,
        seconds: Floats,
        coarse: np.ndarray,
        span: Floats,
    ) -> None:
        """Points of channels whose steps are all normal."""
        if not len(times):
            return

        offset = np.array([t.offset for t in self.tracks])
        seen, estimated = self._running()
        starts = group_starts(channel)
        first = np.flatnonzero(starts)
        run = np.cumsum(seconds)
        base = np.repeat(
            np.concatenate(([0.0], run))[first],
            np.diff(np.append(first, len(times))),
        )
        total = value + offset[channel]
        anchor = self._anchored(
            channel,
            times,
            total,
            coarse,
            span,
        )
        self.points = self.points.with_rows(
            Points(
                channel,
                times,
                total,
                shape,
                seen[channel] + run - base,
                estimated[channel],
                anchor,
                _read(len(times)),
            )
        )
        for row in np.append(first[1:] - 1, len(times) - 1):
            track = self.tracks[channel[row]]
            track.ts = int(times[row])
            track.value = float(value[row])

    def _anchored(
        self,
        channel: Ints,
        times: Ints,
        total: Floats,
        coarse: np.ndarray,
        span: Floats,
    ) -> np.ndarray:
        """Which points size the energy: all of fine counters; of coarse
        ones those 200 steps or 15 minutes after the last.
        """
        anchor = np.ones(len(times), bool)
        if coarse.any():
            rows = self.points.pick(self.points.anchor)
            last = (
                np.flatnonzero(np.append(group_starts(rows.channel)[1:], True))
                if len(rows.ts)
                else np.empty(0, np.intp)
            )
            held = {
                int(rows.channel[place]): (int(rows.ts[place]), float(rows.total[place]))
                for place in last
            }
            for place in np.flatnonzero(np.isin(channel, channel[coarse])):
                at, value = held.get(int(channel[place]), (0, -np.inf))
                anchor[place] = (
                    times[place] - at >= ANCHOR_NS or total[place] - value >= span[place]
                )
                if anchor[place]:
                    held[int(channel[place])] = (int(times[place]), float(total[place]))

        return anchor

    def _running(self) -> tuple[Floats, Floats]:
        """Seconds seen and amount estimated so far, by channel."""
        seen = np.zeros(len(self.tracks))
        estimated = np.zeros(len(self.tracks))
        if len(self.points.ts):
            newest = np.append(group_starts(self.points.channel)[1:], True)
            at = self.points.channel[newest]
            seen[at] = self.points.seen[newest]
            estimated[at] = self.points.estimated[newest]

        return seen, estimated

    def _count_one(
        self,
        counter: int,
        times: Ints,
        value: Floats,
        shape: Floats,
        closed: int,
        out: Absorbed,
    ) -> None:
        """One channel in full: gaps, verdicts, coarse counters.

        Late readings are set aside: they go where windows are corrected (`engine.counting.late`).
        """
        track = self.tracks[counter]
        limits = self.limits(counter)
        accepted: list[tuple[Judged, float]] = []
        late = np.full(len(times), track.known) & (times <= track.ts)
        if late.any():
            self.late += int(late.sum())
            out.late[counter] = Late(times[late], value[late], shape[late])

        for place in np.flatnonzero(~late):
            if track.known and times[place] <= track.ts:  # twice in one frame
                self.late += 1
                continue

            for judged in judge(
                track,
                limits,
                int(times[place]),
                float(value[place]),
            ):
                if judged.verdict is Verdict.GLITCH:
                    self.refused += 1
                else:
                    accepted.append(
                        (judged, float(shape[place]) if judged.ts == times[place] else float("nan"))
                    )

                if judged.verdict is not Verdict.NORMAL:
                    out.unusual.append(
                        Unusual(
                            counter,
                            judged.ts,
                            judged.verdict,
                            judged.amount,
                            judged.bound,
                        )
                    )

        self._extend(
            counter,
            accepted,
            closed,
            out,
        )

    def limits(self, counter: int) -> Limits:
        """Limits of a channel; the step of a float32 counter grows with what it stands at."""
        limits = self.layout.limits[counter]
        if self.layout.float32[counter]:
            step = max(abs(self.tracks[counter].value) * 1.2e-7, limits.step)
            return replace(limits, step=step)

        return limits

    def _extend(
        self,
        counter: int,
        accepted: list[tuple[Judged, float]],
        closed: int,
        out: Absorbed,
    ) -> None:
        if not accepted:
            return

        mine = np.flatnonzero(self.points.channel == counter)
        has = len(mine) > 0
        newest = int(mine[-1]) if has else -1
        before_ts = int(self.points.ts[newest]) if has else accepted[0][0].ts
        before_total = float(self.points.total[newest]) if has else accepted[0][0].total
        times = np.array([judged.ts for judged, _ in accepted], np.int64)
        total = np.array([judged.total for judged, _ in accepted])
        elapsed = np.diff(times, prepend=before_ts)
        steps = np.diff(total, prepend=before_total)
        gap = elapsed > self.layout.gap_ns[counter]
        doubted = np.array(
            [judged.verdict not in (Verdict.NORMAL, Verdict.WRAP) for judged, _ in accepted]
        )
        odd = doubted | gap
        anchored = np.flatnonzero((self.points.channel == counter) & self.points.anchor)
        from_ts, from_total = (
            (int(self.points.ts[anchored[-1]]), float(self.points.total[anchored[-1]]))
            if len(anchored)
            else (0, -np.inf)
        )
        if odd.any() and has:
            self.points.anchor[newest] = True

        chosen = anchors(
            total,
            times,
            self.limits(counter).step,
            from_total,
            from_ts,
            odd | self.layout.stepped[counter] | np.roll(odd, -1),
        )
        seen0 = float(self.points.seen[newest]) if has else 0.0
        estimated0 = float(self.points.estimated[newest]) if has else 0.0
        seen = seen0 + np.cumsum(np.where(gap, 0, elapsed)) * 1e-9
        estimated = estimated0 + np.cumsum(np.where(odd, np.abs(steps), 0.0))
        shape = np.array([shape for _, shape in accepted])
        mark = np.where(doubted, Mark.DOUBTED, Mark.READ).astype(np.int8)
        self.points = self.points.with_rows(
            Points(
                np.full(len(times), counter),
                times,
                total,
                shape,
                seen,
                estimated,
                chosen,
                mark,
            )
        )
        for place in np.flatnonzero(gap):
            since = int(times[place] - elapsed[place])
            bound = self.limits(counter).most(int(elapsed[place]))
            out.unusual.append(
                Unusual(
                    counter,
                    int(times[place]),
                    Verdict.GAP,
                    float(steps[place]),
                    bound,
                    since,
                )
            )

        changed = np.flatnonzero(odd | (times <= closed))
        if has and len(changed):
            out.changed.append(Span(counter, int((times - elapsed)[changed[0]]), ONWARD))

    def _integrate(
        self,
        samples: Samples,
        closed: int,
        out: Absorbed,
    ) -> None:
        """Channels without a counter: their total is the integral of power itself."""
        for counter in np.flatnonzero(self.layout.by_power):
            rows = (samples.meter == self.layout.meter[counter]) & samples.fresh
            if not rows.any():
                continue

            times = samples.ts[rows]
            total = (samples.reverse if self.layout.reverse[counter] else samples.forward)[rows]
            mine = np.flatnonzero(self.points.channel == counter)
            before = int(self.points.ts[mine[-1]]) if len(mine) else int(times[0])
            seen0 = float(self.points.seen[mine[-1]]) if len(mine) else 0.0
            elapsed = np.diff(times, prepend=before)
            seen = (
                seen0
                + np.cumsum(np.where(elapsed <= self.layout.gap_ns[counter], elapsed, 0)) * 1e-9
            )
            new = Points(
                np.full(len(times), counter),
                times,
                total,
                np.full(len(times), np.nan),
                seen,
                np.zeros(len(times)),
                np.ones(len(times), bool),
                _read(len(times)),
            )
            self.points = self.points.with_rows(new)
            if len(mine) and times[0] <= closed:
                out.changed.append(Span(int(counter), before, ONWARD))

    def totals(
        self,
        boundaries: Ints,
        x_at: Floats,
        channel: int | None = None,
    ) -> Reading:
        """Totals of the channels, or of one, at `boundaries`; `x_at` [m, meters, 2] are the power
        integrals there. NaN where nothing is known.
        """
        layout = self.layout
        which = np.arange(len(layout.meter)) if channel is None else np.array([channel])
        points = self.points if channel is None else self.points.pick(self.points.of(channel))
        shape = x_at[:, np.maximum(layout.meter[which], 0), layout.reverse[which].astype(int)]
        return read(
            points,
            which,
            boundaries,
            shape,
            layout.stepped[which],
        )

    def read_between(self) -> tuple[Ints, Ints]:
        """First and last reading of each channel that is still held,
        ns; nothing lies between where there is none.
        """
        count = len(self.layout.meter)
        first = np.full(count, 2**62)
        last = np.zeros(count, np.int64)
        np.minimum.at(first, self.points.channel, self.points.ts)
        np.maximum.at(last, self.points.channel, self.points.ts)
        return first, last

    def trim(
        self,
        before: int,
        since: int,
        now: int,
    ) -> None:
        """Forget points older than `before`, but what a gap that ended
        after `since` still needs when it is filled late.
        """
        bound = np.where(self.layout.by_power, ONWARD, self.layout.gap_ns)
        window = round(self.layout.site.window_s * 1e9)
        held = self.points.around_gaps(
            bound,
            window,
            since,
            self.filled > now - FILLING_NS,
        )
        self.points = self.points.trimmed(before, held)


def _read(count: int) -> Marks:
    return np.zeros(count, np.int8)
