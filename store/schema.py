"""What queries and dashboards find in either store: measurements with their tags and fields.
Frozen: a change is a new version.

A point stands for one window in one revision. Its time is the start of the window plus the number
of the revision in nanoseconds, so a corrected window is a new point and nothing is ever
overwritten; a reader takes the last point of each window and set of tags, and sums over those. All
fields are floats. A field whose value is not known has no value in that point. Energy is kWh, mass
kg, time s; `amount`, `given`, `taken` and `remainder` are in the unit of the carrier's books.

`meter` holds raw readings, one point per poll: its fields are quantities such as
`active_power.total`, as far as the meter has them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DIRECT: Final = "direct"
"""Tag `via` of a flow that came through no store."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """`tags` in their order; `fields` is empty where they depend on the plant."""

    tags: tuple[str, ...]
    fields: tuple[str, ...]


LINE_FIELDS: Final = (
    "electricity_kwh",
    "electricity_unmetered_kwh",
    "electricity_converters_kwh",
    "electric_behind_kwh",
    "final_kwh",
    "scope1_kg",
    "scope2_location_kg",
    "scope2_market_kg",
    "electric_location_kg",
    "electric_market_kg",
    "traced_electric",
    "traced_renewable",
    "traced_claimed",
    "traced_on_site",
    "traced_kwh",
    "traced_electric_source_kwh",
    "traced_final_electric_kwh",
    "kgce",
    "kgce_electric_source",
    "final_kgce",
    "electric_kgce",
    "good",
    "scrap",
    "seen_s",
    "due_s",
    "estimated_kwh",
    "idle_kwh",
    "nonrun_kwh",
    "idle_kg",
    "nonrun_kg",
    "remainder_kwh",
    "on_site_kwh",
    "exported_on_site_kwh",
    "delivered_natural_gas",
    "delivered_steam",
    "delivered_heat",
    "delivered_compressed_air",
    "delivered_chilled_water",
    "delivered_water",
    "seconds_off",
    "seconds_standby",
    "seconds_warmup",
    "seconds_idle",
    "seconds_run",
    "seconds_changeover",
    "seconds_fault",
    "seconds_unknown",
)
SCHEMA: Final = {
    "line": Measurement(("site", "line"), LINE_FIELDS),
    "flow": Measurement(
        ("site", "line", "carrier", "source", "via"), ("amount", "kwh", "location_kg", "market_kg")
    ),
    "bus": Measurement(("site", "bus"), ("remainder",)),
    "source": Measurement(("site", "source"), ("given", "taken", "held_kwh", "held_kg")),
    "meter": Measurement(("site", "meter"), ()),
}
