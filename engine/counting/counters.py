"""Counter steps get a verdict here, in one place: normal, wrap,
reset, swap, glitch, unknown (design, section 1).

The running total of a channel is `value + offset`; a wrap, reset or swap moves the offset. Energies
are in the canonical unit of the counter. A step that cannot be true is held back until the next
reading says which of the two was wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

from plant.names import Verdict
from plant.site import Swap

RATE_MARGIN = 1.25  # a meter may read this much above its stated maximum before a step is doubted
SLACK_STEPS = 2.0
# a value may have stood repeated for this long (subscriptions, slow devices) before it moves on
LEAST_NS = 90_000_000_000


@dataclass(slots=True)
class Judged:
    """One judged reading: its total, what kind of step led to it, how uncertain that step is."""

    ts: int
    total: float
    verdict: Verdict
    bound: float = 0.0
    amount: float = 0.0


@dataclass(slots=True)
class Track:
    """What is remembered of one counter between readings.

    `held` is a doubted reading waiting for its successor.
    """

    ts: int = 0
    value: float = 0.0
    offset: float = 0.0
    known: bool = False
    held_ts: int = 0
    held_value: float = 0.0
    holding: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """`max_per_hour`, `step`, `wraps_at` in the unit of the counter; None where not known.

    Swaps are declared ones.
    """

    max_per_hour: float | None
    step: float
    wraps_at: float | None
    swaps: tuple[Swap, ...] = ()

    def swap_between(self, since: int, until: int) -> Swap | None:
        """The newest swap after one reading and not after the
        next; what came between was never read.
        """
        between = [swap for swap in self.swaps if since < swap.at <= until]
        return max(
            between,
            key=lambda swap: swap.at,
            default=None,
        )

    def most(self, ns: int) -> float:
        """Most the counter can have moved in `ns`."""
        if self.max_per_hour is None:
            return float("inf")

        return (
            self.max_per_hour * RATE_MARGIN * max(ns, LEAST_NS) / 3.6e12 + SLACK_STEPS * self.step
        )


def judge(
    track: Track,
    limits: Limits,
    at: int,
    value: float,
) -> list[Judged]:
    """Judge one reading of a counter, moving `track`.

    Empty: nothing accepted yet. Readings older than the last are refused by the caller.
    """
    if not track.known:
        track.ts = at
        track.value = value
        track.known = True
        return [Judged(at, value + track.offset, Verdict.NORMAL)]

    swap = limits.swap_between(track.ts, at)
    if swap is not None:
        return [
            _swapped(
                track,
                limits,
                swap,
                at,
                value,
            )
        ]

    if track.holding:
        return _second_look(
            track,
            limits,
            at,
            value,
        )

    return _first_look(
        track,
        limits,
        at,
        value,
    )


def _accept(
    track: Track,
    at: int,
    value: float,
    verdict: Verdict,
    amount: float,
    bound: float,
) -> Judged:
    track.offset += track.value + amount - value
    if verdict is Verdict.NORMAL:
        track.offset = round(track.offset, 12) if abs(track.offset) < 1e-9 else track.offset

    track.ts = at
    track.value = value
    track.holding = False
    return Judged(
        at,
        value + track.offset,
        verdict,
        bound,
        amount,
    )


def _first_look(
    track: Track,
    limits: Limits,
    at: int,
    value: float,
) -> list[Judged]:
    elapsed = at - track.ts
    delta = value - track.value
    most = limits.most(elapsed)
    if 0.0 <= delta <= most:
        track.ts = at
        track.value = value
        return [
            Judged(
                at,
                value + track.offset,
                Verdict.NORMAL,
                0.0,
                delta,
            )
        ]

    if delta < 0.0 and abs(delta) <= limits.step * 1.001:  # float32 counters may read one step back
        return []

    if (
        delta < 0.0
        and limits.wraps_at is not None
        and 0.0 <= delta + limits.wraps_at <= min(most, limits.wraps_at / 2)
    ):
        return [
            _accept(
                track,
                at,
                value,
                Verdict.WRAP,
                delta + limits.wraps_at,
                0.0,
            )
        ]

    track.holding = True
    track.held_ts = at
    track.held_value = value
    return []


def _second_look(
    track: Track,
    limits: Limits,
    at: int,
    value: float,
) -> list[Judged]:
    """The held reading was a glitch if the new one continues from before it; else it was real."""
    if 0.0 <= value - track.value <= limits.most(at - track.ts):
        glitch = Judged(
            track.held_ts,
            track.value + track.offset,
            Verdict.GLITCH,
        )
        return [
            glitch,
            _accept(
                track,
                at,
                value,
                Verdict.NORMAL,
                value - track.value,
                0.0,
            ),
        ]

    if not 0.0 <= value - track.held_value <= limits.most(at - track.held_ts):
        lost = Judged(
            track.held_ts,
            track.value + track.offset,
            Verdict.GLITCH,
        )
        track.held_ts = at
        track.held_value = value
        return [lost]

    held_ts = track.held_ts
    held_value = track.held_value
    elapsed = held_ts - track.ts
    bound = limits.most(elapsed) if limits.max_per_hour is not None else float("nan")
    from_zero = (
        held_value <= limits.most(elapsed)
        if limits.max_per_hour is not None
        else held_value < 0.1 * track.value
    )
    if held_value < track.value and from_zero:
        first = _accept(
            track,
            held_ts,
            held_value,
            Verdict.RESET,
            held_value,
            bound,
        )
    else:
        first = _accept(
            track,
            held_ts,
            held_value,
            Verdict.UNKNOWN,
            0.0,
            bound,
        )

    return [
        first,
        _accept(
            track,
            at,
            value,
            Verdict.NORMAL,
            value - held_value,
            0.0,
        ),
    ]


def _swapped(
    track: Track,
    limits: Limits,
    swap: Swap,
    at: int,
    value: float,
) -> Judged:
    """A declared swap: what the new counter shows above its start is
    certain, what the old one still counted is bounded.
    """
    amount = max(value - swap.starts_at, 0.0)
    bound = limits.most(swap.at - track.ts) if limits.max_per_hour is not None else 0.0
    return _accept(
        track,
        at,
        value,
        Verdict.SWAP,
        amount,
        bound,
    )
