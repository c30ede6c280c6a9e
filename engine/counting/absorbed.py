"""What readings led to: the values that counting hands on to the closing of windows."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from engine.counting.along import NEVER
from plant.arrays import Floats, Ints
from plant.names import Verdict

ONWARD = NEVER
"""Until of a change after which nothing is as it was."""


@dataclass(slots=True)
class Unusual:
    """A counter step that was not normal, or a gap.

    `ts` and, for a gap, `since` are its ends in ns UTC; `amount` and `bound` are in the canonical
    unit of the counter.
    """

    channel: int
    ts: int
    verdict: Verdict
    amount: float
    bound: float
    since: int = 0


@dataclass(frozen=True, slots=True)
class Span:
    """From when until when the curve of a channel has changed, ns UTC.

    `until` is `ONWARD` where all that follows has.
    """

    channel: int
    since: int
    until: int


@dataclass(slots=True)
class Late:
    """Readings of one channel that are older than its newest, sorted by time.

    `integral` is that of power then, NaN where it is not known.
    """

    channel: int
    ts: Ints
    value: Floats
    integral: Floats


@dataclass(slots=True)
class Absorbed:
    """What readings led to; windows that ended before `closed`, ns, were given out already.

    `unusual` steps; changes of windows that are closed; late readings, a value a channel; and the
    `integrals` of power at the ends of the windows that close now [windows, meters, 2].
    """

    closed: int
    unusual: list[Unusual] = field(default_factory=list)
    changed: list[Span] = field(default_factory=list)
    late: list[Late] = field(default_factory=list)
    integrals: Floats = field(default_factory=lambda: np.empty(0))
