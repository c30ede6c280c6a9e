"""Counter steps that were not normal, and silences that are over, as the engine noted them."""

from __future__ import annotations

import numpy as np

from books.answers import OddStep
from plant.names import Verdict
from plant.ports import Store

MOST = 200
MILLISECOND = 1_000_000


def verdicts(store: Store, since_ns: int) -> list[OddStep]:
    """Unusual counter steps and gaps since a moment, newest first, at most 200."""
    rows = store.query(
        "SELECT ts, since, meter, verdict, amount, bound FROM verdict "
        f"WHERE ts >= ? AND NOT reverse ORDER BY ts DESC LIMIT {MOST}",
        [since_ns],
    )
    text = store.text()
    columns = (rows[name] for name in ("ts", "since", "meter", "verdict", "amount", "bound"))
    return [
        OddStep(
            at_ms=int(at) // MILLISECOND,
            from_ms=int(since) // MILLISECOND,
            meter=text[int(meter)],
            verdict=Verdict(verdict),
            amount=_number(amount),
            bound=_number(bound),
        )
        for at, since, meter, verdict, amount, bound in zip(*columns, strict=True)
    ]


def _number(value: float) -> float | None:
    """None for what is not known, or without bound."""
    return float(value) if np.isfinite(value) else None
