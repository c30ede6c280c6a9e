"""Counter steps that were no plain ones, by window and meter, until the book of their window comes.

The step says of them before it closes the window, and says them once; a window that is corrected
later needs what was known of it before, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import msgspec
import numpy as np

from engine.outputs import UnusualSteps
from plant.site import Site
from rules.variables.columns import ODD_KINDS
from rules.watching.step import RuleState

Counts: TypeAlias = dict[tuple[str, int], int]
"""How many, by kind (unusual or wrapped) and index of the meter."""
_KINDS: Final = tuple(sorted(set(ODD_KINDS.values())))
_Row: TypeAlias = tuple[int, str, int, int]
"""Start of the window (ns), kind, meter, how many: as saved."""


@dataclass(slots=True)
class Waiting:
    """Those of windows that have no book yet, by the start of the window."""

    windows: dict[int, Counts] = field(default_factory=dict)

    def add(
        self,
        unusual: UnusualSteps,
        site: Site,
        window_ns: int,
    ) -> None:
        """Count the steps that rules can watch; those of
        channels that count backwards are left out.
        """
        for step in unusual.steps:
            channel = site.channels[step.channel]
            kind = ODD_KINDS.get(step.verdict)
            if kind is None or channel.meter < 0 or channel.reverse:
                continue

            start_ns = step.ts - step.ts % window_ns
            counts = self.windows.setdefault(start_ns, {})
            key = (kind, channel.meter)
            counts[key] = counts.get(key, 0) + 1

    def take(self, start_ns: int) -> Counts:
        """Those of a window whose book is here."""
        return self.windows.pop(start_ns, {})

    def forget_before(self, start_ns: int) -> None:
        """Let go of those of windows that never came."""
        self.windows = {
            window: counts for window, counts in self.windows.items() if window > start_ns
        }

    def encode(self) -> bytes:
        """As saved beside the state of the rules."""
        rows: list[_Row] = []
        for start_ns, counts in self.windows.items():
            for (kind, meter), count in counts.items():
                rows.append((start_ns, kind, meter, count))

        return msgspec.json.encode(rows)


def decode(body: bytes) -> Waiting:
    """From what was saved."""
    found = Waiting()
    for start_ns, kind, meter, count in msgspec.json.decode(body, type=list[_Row]):
        found.windows.setdefault(start_ns, {})[kind, meter] = count

    return found


def known_before(state: RuleState, start_ns: int) -> Counts:
    """What the rules already know of a window that is corrected now; nothing of one that is new."""
    view = state.views.get("meter")
    if view is None or start_ns > state.newest:
        return {}

    row = view.ring.row(start_ns)
    if not 0 <= row < len(view.ring.recent):
        return {}

    held = view.ring.recent[row]
    columns: Sequence[str] = view.measures.columns
    found: Counts = {}
    for kind in _KINDS:
        counts = np.nan_to_num(held[columns.index(kind)])
        for meter in np.flatnonzero(counts).tolist():
            found[kind, meter] = int(counts[meter])

    return found


def together(one: Counts, other: Counts) -> Counts:
    """The sum of two counts."""
    found = dict(one)
    for key, count in other.items():
        found[key] = found.get(key, 0) + count

    return found
