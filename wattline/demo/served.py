"""What the devices served, beside what was stored: every counter reading is found again in the ledger by its value.

Time alone cannot tell which reading is which, for one may be served before and stored after the next; the value of a counter can.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from collector.decode import tag_name, unit_factor
from plant.meter import Meter
from plant.profile import Profile
from plant.quantity import Wiring
from plant.units import to_canonical
from wattline.runtime import Runtime

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Ask = Callable[[dict[str, Any]], dict[str, Any]]
_EQUAL = 1e-9
_LOOK_BACK = 400


@dataclass(slots=True)
class Matched:
    """One counter. Readings by event time: `ts`, `received` (ns), `value` (canonical). Served, in order: `served_ts`, `served` (canonical),
    `registered` (canonical, without jumps and wraps). `place[i]`: which served value reading i is; -1 if it was never served."""

    ts: Ints
    received: Ints
    value: Floats
    served_ts: Ints
    served: Floats
    registered: Floats
    place: Ints

    def between(self, first: int, last: int) -> float | None:
        """What the register truly counted between the readings of two event times; None if one was never served."""
        ends = [int(self.place[int(np.searchsorted(self.ts, at))]) for at in (first, last)]
        return None if min(ends) < 0 else float(self.registered[ends[1]] - self.registered[ends[0]])

    def lost(self, period_ns: int, until: int) -> int:
        """Values served since the first reading and before `until` that were due (none stored within a period before) and are not stored."""
        kept = np.unique(self.place[self.place >= 0])
        if not len(kept):
            return len(self.served)
        missing = np.setdiff1d(np.arange(kept[0], np.searchsorted(self.served_ts, until)), kept)
        missing = missing[~np.isin(self.served[missing], self.served[kept])]
        before = np.searchsorted(self.served_ts[kept], self.served_ts[missing]) - 1
        since = self.served_ts[missing] - self.served_ts[kept[np.maximum(before, 0)]]
        return int(((before < 0) | (since >= period_ns)).sum())


def matched(
    runtime: Runtime, catalogue: Mapping[str, Profile], ask: Ask, channel: int
) -> Matched | None:
    """The readings of a channel and what was served of it; None where there are fewer than two readings."""
    node = runtime.site.channels[channel]
    got = runtime.store.query(
        "SELECT ts, received, value FROM reading WHERE tag = ? AND quality < 3 ORDER BY ts",
        [node.tag],
    )
    if len(got["ts"]) < 2:
        return None
    meter = runtime.site.meters[node.meter].id
    counters = ask({"cmd": "ledger", "meter": meter})["counters"]
    found = [
        _find(got, served, unit)
        for served, unit in _served(runtime, catalogue, meter, node.tag, counters)
    ]
    return max(found, key=lambda m: int((m.place >= 0).sum()), default=None)


def _served(
    runtime: Runtime,
    catalogue: Mapping[str, Profile],
    meter: str,
    tag: int,
    counters: Mapping[str, dict[str, Any]],
) -> list[tuple[dict[str, Any], float]]:
    """Columns of the ledger that may stand behind a tag (a register and its coarser twins), each with canonical per served unit."""
    name = runtime.journal.names()[tag][1]
    config = runtime.plant.meters[meter]
    profile = catalogue.get(config.register_map)
    rows = _names(config, profile) if profile else {name: to_canonical(config.counter_unit)[1]}
    return [
        (served, unit)
        for key, served in counters.items()
        for row, unit in rows.items()
        if row == name and key.partition("@")[0] in (name, _turned(config, profile, name))
    ]


def _names(config: Meter, profile: Profile) -> dict[str, float]:
    """Canonical per served unit by the name under which a row travels."""
    straight = Wiring(ratio=config.wiring.ratio)
    return {tag_name(row, config.wiring): unit_factor(row, straight) for row in profile.registers}


def _turned(config: Meter, profile: Profile | None, name: str) -> str:
    """Name of the register behind a tag, where the meter is wired the other way round."""
    rows = profile.registers if profile else ()
    return next((row.name for row in rows if tag_name(row, config.wiring) == name), name)


def _find(got: Mapping[str, Any], served: Mapping[str, Any], unit: float) -> Matched:
    served_ts = np.array(served["ts"], np.int64)
    values = np.array(served["value"]) * unit
    newest = np.searchsorted(served_ts, got["received"], "right") - 1
    place = np.array(
        [_place(values, int(k), float(v)) for k, v in zip(newest, got["value"], strict=True)],
        np.int64,
    )
    registered = np.array(served["registered"]) * unit
    return Matched(got["ts"], got["received"], got["value"], served_ts, values, registered, place)


def _place(values: Floats, newest: int, value: float) -> int:
    """The latest of the values served until then that is `value`."""
    low = max(0, newest - _LOOK_BACK)
    same = np.flatnonzero(np.abs(values[low : newest + 1] - value) <= _EQUAL * max(1.0, abs(value)))
    return low + int(same[-1]) if len(same) else -1
