"""What the devices served, beside what was stored: every counter
reading is found again in the ledger by its value.

Time alone cannot tell which reading is which, for one may be served before and stored after the
next; the value of a counter can.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from books.accounts import Readings, readings
from collector.decode import tag_name, unit_factor
from plant.arrays import Floats, Ints
from plant.meter import Meter
from plant.profile import Profile
from plant.quantity import Wiring
from plant.units import to_canonical
from wattline.demo.devices import Ask
from wattline.runtime import Runtime

EQUAL: Final = 1e-9
LOOK_BACK: Final = 400
"""Values served before the newest one among which a reading is looked for."""


class ServedColumn(NamedTuple):
    """A column of the ledger that may stand behind a tag, and canonical units per served unit."""

    served: Mapping[str, Any]
    unit: float


@dataclass(slots=True)
class Matched:
    """One counter.

    Readings by event time: `ts`, `received` (ns), `value` (canonical). Served, in order:
    `served_ts` (ns), `served` (canonical), `registered` (canonical, without jumps and wraps).
    `place[i]`: which served value reading i is; -1 if it was never served.
    """

    ts: Ints
    received: Ints
    value: Floats
    served_ts: Ints
    served: Floats
    registered: Floats
    place: Ints

    def between(self, first: int, last: int) -> float | None:
        """What the register truly counted between the readings of two
        event times; None if one was never served.
        """
        first_place = int(self.place[int(np.searchsorted(self.ts, first))])
        last_place = int(self.place[int(np.searchsorted(self.ts, last))])
        if first_place < 0 or last_place < 0:
            return None

        return float(self.registered[last_place] - self.registered[first_place])

    def lost(self, period_ns: int, until: int) -> int:
        """Values served since the first reading and before `until` that were due (none stored
        within a period before) and are not stored.
        """
        kept = np.unique(self.place[self.place >= 0])
        if not len(kept):
            return len(self.served)

        served_until = np.searchsorted(self.served_ts, until)
        missing = np.setdiff1d(np.arange(kept[0], served_until), kept)
        # The same value served again is the same reading.
        missing = missing[~np.isin(self.served[missing], self.served[kept])]
        kept_before = (
            np.searchsorted(
                self.served_ts[kept],
                self.served_ts[missing],
            )
            - 1
        )
        newest_kept = self.served_ts[kept[np.maximum(kept_before, 0)]]
        is_due = self.served_ts[missing] - newest_kept >= period_ns
        return int(((kept_before < 0) | is_due).sum())

    def found(self) -> int:
        """How many readings were found among what was served."""
        return int((self.place >= 0).sum())


def matched(
    runtime: Runtime,
    catalogue: Mapping[str, Profile],
    ask: Ask,
    channel: int,
) -> Matched | None:
    """The readings of a channel and what was served of it; None
    where there are fewer than two readings.
    """
    node = runtime.parts.site.channels[channel]
    stored = readings(runtime.parts.store, node.tag)
    if len(stored.ts) < 2:
        return None

    meter = runtime.parts.site.meters[node.meter].id
    ledger = ask(
        {
            "cmd": "ledger",
            "meter": meter,
        }
    )
    columns = _columns(
        runtime,
        catalogue,
        meter,
        node.tag,
        ledger["counters"],
    )
    found = [_find(stored, column) for column in columns]
    return max(
        found,
        key=Matched.found,
        default=None,
    )


def _columns(
    runtime: Runtime,
    catalogue: Mapping[str, Profile],
    meter: str,
    tag: int,
    counters: Mapping[str, Mapping[str, Any]],
) -> list[ServedColumn]:
    """Columns of the ledger that may stand behind a tag: a register and its coarser twins."""
    name = runtime.parts.journal.names()[tag][1]
    config = runtime.parts.plant.meters[meter]
    profile = catalogue.get(config.register_map)
    if profile is None:
        units = {name: to_canonical(config.counter_unit)[1]}
    else:
        units = _units(config, profile)

    unit = units.get(name)
    if unit is None:
        return []

    names = (name, _turned(config, profile, name))
    return [
        ServedColumn(served, unit)
        for key, served in counters.items()
        if key.partition("@")[0] in names
    ]


def _units(config: Meter, profile: Profile) -> dict[str, float]:
    """Canonical per served unit by the name under which a row travels."""
    straight = Wiring(ratio=config.wiring.ratio)
    return {tag_name(row, config.wiring): unit_factor(row, straight) for row in profile.registers}


def _turned(
    config: Meter,
    profile: Profile | None,
    name: str,
) -> str:
    """Name of the register behind a tag, where the meter is wired the other way round."""
    for row in profile.registers if profile else ():
        if tag_name(row, config.wiring) == name:
            return row.name

    return name


def _find(stored: Readings, column: ServedColumn) -> Matched:
    """Look for each reading among the values of a column."""
    served_ts = np.array(column.served["ts"], np.int64)
    served = np.array(column.served["value"]) * column.unit
    newest = np.searchsorted(served_ts, stored.received, "right") - 1
    places = [
        _place(served, int(until), float(value))
        for until, value in zip(
            newest,
            stored.value,
            strict=True,
        )
    ]
    return Matched(
        ts=stored.ts,
        received=stored.received,
        value=stored.value,
        served_ts=served_ts,
        served=served,
        registered=np.array(column.served["registered"]) * column.unit,
        place=np.array(places, np.int64),
    )


def _place(
    values: Floats,
    newest: int,
    value: float,
) -> int:
    """The latest of the values served until then that is `value`; -1 if none is."""
    oldest = max(0, newest - LOOK_BACK)
    near = EQUAL * max(1.0, abs(value))
    same = np.flatnonzero(np.abs(values[oldest : newest + 1] - value) <= near)
    return oldest + int(same[-1]) if len(same) else -1
