"""Counter steps get a verdict here, in one place: normal, wrap, reset, swap, glitch, unknown.

The running total of a channel is `value + offset`; a wrap, reset or swap moves the offset. Energies
are in the canonical unit of the counter, times in ns UTC. A step that cannot be true is held back
until the next reading says which of the two was wrong (design, section 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from plant.names import Verdict
from plant.site import Swap
from plant.units import HOUR_NS, SECOND_NS

RATE_MARGIN = 1.25
"""A meter may read this much above its stated maximum before a step is doubted."""

SLACK_STEPS = 2.0
"""Rounding of the register at both ends of a step."""

LEAST_NS = 90 * SECOND_NS
"""A value may have stood repeated for this long before it
moves on (subscriptions, slow devices).
"""

RESET_BELOW = 0.1
"""Where no maximum is known, a counter that falls below this part of what it showed was reset."""

ONE_STEP = 1.001
"""One step of the register, and what adding binary fractions makes of it."""

TINY_OFFSET = 1e-9
OFFSET_DIGITS = 12


class Shown(NamedTuple):
    """What a counter shows at a moment."""

    ts: int
    value: float


class Counted(NamedTuple):
    """What an accepted reading adds to the total, and the most that it may hide."""

    amount: float
    bound: float = 0.0


@dataclass(slots=True)
class Judged:
    """One judged reading: its total, what kind of step led to it, how uncertain that step is.

    `amount` is what the step adds to the total, `bound` the most that it may hide.
    """

    ts: int
    total: float
    verdict: Verdict
    bound: float = 0.0
    amount: float = 0.0


@dataclass(slots=True)
class Track:
    """What is remembered of one counter between readings.

    `held` is a doubted reading that waits for its successor.
    """

    ts: int = 0
    value: float = 0.0
    offset: float = 0.0
    known: bool = False
    held_ts: int = 0
    held_value: float = 0.0
    holding: bool = False

    @property
    def total(self) -> float:
        """Running total at the last accepted reading."""
        return self.value + self.offset

    @property
    def held(self) -> Shown:
        """The doubted reading; of meaning while `holding`."""
        return Shown(self.held_ts, self.held_value)

    def stand(self, shown: Shown) -> None:
        """Remember the reading that was accepted last."""
        self.ts = shown.ts
        self.value = shown.value

    def hold(self, shown: Shown) -> None:
        """Keep a doubted reading until the next one is there."""
        self.holding = True
        self.held_ts = shown.ts
        self.held_value = shown.value


@dataclass(frozen=True, slots=True)
class Limits:
    """What is known of a counter: `max_per_hour`, `step` and `wraps_at`, in its canonical unit.

    None where it is not known. Swaps are declared ones.
    """

    max_per_hour: float | None
    step: float
    wraps_at: float | None
    swaps: tuple[Swap, ...] = ()

    def swap_between(self, since: int, until: int) -> Swap | None:
        """The newest swap after one reading and not after the next.

        What came between two swaps was never read.
        """
        newest = None
        for swap in self.swaps:
            if since < swap.at <= until and (newest is None or swap.at > newest.at):
                newest = swap

        return newest

    def most(self, elapsed_ns: int) -> float:
        """Most that the counter can have moved in this time."""
        if self.max_per_hour is None:
            return float("inf")

        rounding = SLACK_STEPS * self.step
        return self.max_per_hour * RATE_MARGIN * max(elapsed_ns, LEAST_NS) / HOUR_NS + rounding

    def allows(self, delta: float, elapsed_ns: int) -> bool:
        """Whether a running counter may have moved by `delta` in this time."""
        return 0.0 <= delta <= self.most(elapsed_ns)


def judge(
    track: Track,
    limits: Limits,
    at: int,
    value: float,
) -> list[Judged]:
    """Judge one reading of a counter, moving `track`.

    Empty: nothing accepted yet. Readings older than the last are refused by the caller.
    """
    shown = Shown(at, value)
    if not track.known:
        track.known = True
        track.stand(shown)
        return [Judged(at, track.total, Verdict.NORMAL)]

    swap = limits.swap_between(track.ts, at)
    if swap is not None:
        return [
            _swapped(
                track,
                limits,
                swap,
                shown,
            )
        ]

    if track.holding:
        return _second_look(track, limits, shown)

    return _first_look(track, limits, shown)


def _first_look(
    track: Track,
    limits: Limits,
    shown: Shown,
) -> list[Judged]:
    """Accept what a running counter may show, and a wrap; else hold the reading."""
    elapsed = shown.ts - track.ts
    delta = shown.value - track.value
    if limits.allows(delta, elapsed):
        # The offset stays as it is: adding what is equal to it would only add rounding.
        track.stand(shown)
        return [
            Judged(
                shown.ts,
                track.total,
                Verdict.NORMAL,
                amount=delta,
            )
        ]

    one_step_back = delta < 0.0 and abs(delta) <= limits.step * ONE_STEP
    if one_step_back:  # float32 counters may read one step back
        return []

    if delta < 0.0 and limits.wraps_at is not None:
        over_the_end = delta + limits.wraps_at
        # More than half of the range is no wrap: then the counter was more likely set back.
        most = min(limits.most(elapsed), limits.wraps_at / 2)
        if 0.0 <= over_the_end <= most:
            return [
                _accept(
                    track,
                    shown,
                    Verdict.WRAP,
                    Counted(over_the_end),
                )
            ]

    track.hold(shown)
    return []


def _second_look(
    track: Track,
    limits: Limits,
    shown: Shown,
) -> list[Judged]:
    """The held reading was a glitch if the new one goes on from before it; else it was real."""
    held = track.held
    since_last = shown.value - track.value
    if limits.allows(since_last, shown.ts - track.ts):
        glitch = Judged(held.ts, track.total, Verdict.GLITCH)
        return [
            glitch,
            _accept(
                track,
                shown,
                Verdict.NORMAL,
                Counted(since_last),
            ),
        ]

    since_held = shown.value - held.value
    if not limits.allows(since_held, shown.ts - held.ts):
        # Neither goes on: the new one is doubted now, and the held one was nothing.
        lost = Judged(held.ts, track.total, Verdict.GLITCH)
        track.hold(shown)
        return [lost]

    return [
        _jumped(track, limits, held),
        _accept(
            track,
            shown,
            Verdict.NORMAL,
            Counted(since_held),
        ),
    ]


def _jumped(
    track: Track,
    limits: Limits,
    held: Shown,
) -> Judged:
    """The counter really went to the held reading.

    After a reset it has counted since zero, which is certain. After any other jump nobody knows
    what it counted: nothing is added, and the bound says how much that may be.
    """
    most = limits.most(held.ts - track.ts)
    if limits.max_per_hour is None:
        bound = float("nan")
        from_zero = held.value < RESET_BELOW * track.value
    else:
        bound = most
        from_zero = held.value <= most

    if held.value < track.value and from_zero:
        return _accept(
            track,
            held,
            Verdict.RESET,
            Counted(held.value, bound),
        )

    return _accept(
        track,
        held,
        Verdict.UNKNOWN,
        Counted(0.0, bound),
    )


def _swapped(
    track: Track,
    limits: Limits,
    swap: Swap,
    shown: Shown,
) -> Judged:
    """A declared swap.

    What the new counter shows above its start is certain, what the old one still counted is
    bounded.
    """
    counted = max(shown.value - swap.starts_at, 0.0)
    bound = 0.0
    if limits.max_per_hour is not None:
        bound = limits.most(swap.at - track.ts)

    return _accept(
        track,
        shown,
        Verdict.SWAP,
        Counted(counted, bound),
    )


def _accept(
    track: Track,
    shown: Shown,
    verdict: Verdict,
    counted: Counted,
) -> Judged:
    """Go on from this reading; the offset takes up what the counter did not count itself."""
    track.offset += track.value + counted.amount - shown.value
    if verdict is Verdict.NORMAL and abs(track.offset) < TINY_OFFSET:
        # Only the rounding of the sum above: an offset of nothing stays nothing.
        track.offset = round(track.offset, OFFSET_DIGITS)

    track.stand(shown)
    track.holding = False
    return Judged(
        ts=shown.ts,
        total=track.total,
        verdict=verdict,
        bound=counted.bound,
        amount=counted.amount,
    )
