"""Newest values for the rules that must be early: by kind of subject and figure (`rules.watching.subjects`), as arrays in the order of the site."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from books.answers import Meter
from books.health import HealthOf
from engine.factors.registry import newest_year
from engine.now.now import Now
from plant.names import SourceKind
from plant.site import LineNode, MeterPoint, Site
from plant.standing import Standing
from rules.watching.subjects import NOW_POWER, NOW_STANDING, figures_of
from wattline.live import Live
from wattline.places import DataFolder

Floats: TypeAlias = npt.NDArray[np.float64]
Values: TypeAlias = Mapping[str, Mapping[str, Floats]]
Shown: TypeAlias = Mapping[str, float | None]
"""Figures of one subject; None where a figure is not known."""
LEAST_KW: Final = 1.0
"""Below it a power factor says nothing."""
PUSHED: Final = ("opcua", "mqtt")
"""In place of a profile: values of such meters come when they change."""
SECONDS_NS: Final = 1e-9


@dataclass(frozen=True, slots=True)
class NewestValues:
    """Asked by the host of the rules: event time and newest values, or None before live frames are cut."""

    live: Live
    health: HealthOf
    data: DataFolder
    standing: Callable[[], Sequence[Standing]]

    def __call__(self) -> tuple[int, Values] | None:
        picture = self.live.hub.latest["now"]
        since_ns = self.live.since_ns
        if picture is None or since_ns is None:
            return None
        at_ns = self.live.clock.now()
        journal = self.data.journal
        of_site = {
            "disk.used": disk_used(self.data.path),
            "journal.used": 100.0 * journal.bytes / journal.most_bytes,
            **standing_seconds(self.standing(), at_ns),
        }
        meters = self.health().meters
        return at_ns, sample(self.live.now, picture, meters, at_ns, since_ns, of_site)


def standing_seconds(standing: Sequence[Standing], at_ns: int) -> dict[str, float]:
    """For how long each host has stood still; a store beside counts under one name, as all of its kind do."""
    found = dict.fromkeys(NOW_STANDING, 0.0)
    for host in standing:
        name = f"standing.{host.who}"
        if name not in found:
            name = "standing.beside"
        found[name] = max(found[name], host.seconds(at_ns))
    return found


def sample(
    now: Now,
    picture: Mapping[str, Any],
    meters: Sequence[Meter],
    at_ns: int,
    since_ns: int,
    of_site: Mapping[str, float],
) -> Values:
    """`picture` is the newest NOW, `meters` those of data health, `of_site` figures of the program itself. A meter never heard of is silent since `since_ns`."""
    site = now.site
    lines = []
    for line in site.lines:
        shown = picture["lines"].get(line.id, {})
        lines.append(_shown(shown, _factor(now, _meters_of(line))))
    groups = [_shown(picture["lines"].get(group.id, {}), None) for group in site.groups]
    grid_meters = [source.meter for source in site.sources if source.kind == SourceKind.GRID]
    whole = {
        "power": {"electricity": picture["site"]["power_kw"]},
        "figures": picture["site"]["figures"],
        "final_kw": None,
    }
    of_whole = _columns([_shown(whole, _factor(now, grid_meters))])
    for name, value in {**of_site, "factor.newer": newer_factor(site)}.items():
        of_whole[name] = np.array([value])
    return {
        "line": _columns(lines),
        "group": _columns(groups),
        "meter": _meters(now, meters, at_ns, since_ns),
        "site": of_whole,
    }


def _shown(of: Mapping[str, Any], factor: float | None) -> dict[str, float | None]:
    """Figures of one line, group or the site. A line whose meters are silent has none."""
    if of.get("stale_since_ms"):
        return {}
    found: dict[str, float | None] = {}
    for carrier, power_kw in of.get("power", {}).items():
        found[f"power.{carrier}"] = power_kw
    found["power.final"] = of.get("final_kw")
    found |= of.get("figures", {})
    found["power_factor"] = factor
    return found


def _columns(shown: Sequence[Shown]) -> dict[str, Floats]:
    """One array a figure, over all subjects; NaN where it is not known."""
    of_line = [name for name in figures_of("line", "now") if not name.startswith("power")]
    columns: dict[str, Floats] = {}
    for name in (*NOW_POWER, *of_line):
        values = [one.get(name) for one in shown]
        columns[name] = np.array([np.nan if value is None else value for value in values])
    return columns


def _meters_of(line: LineNode) -> list[int]:
    return [meter for draw in line.draws for meter in draw.meters]


def _factor(now: Now, meters: Sequence[int]) -> float | None:
    """Power factor of some meters, weighted by their power; of meters that hardly carry anything there is none."""
    total_kw = 0.0
    weighted = 0.0
    for meter in meters:
        factor = _factor_of(now, now.site.meters[meter])
        if factor is not None:
            power_kw = abs(float(now.power[meter]))
            total_kw += power_kw
            weighted += power_kw * factor
    return weighted / total_kw if total_kw > LEAST_KW else None


def _factor_of(now: Now, meter: MeterPoint) -> float | None:
    """Mean over the phases whose factor was heard."""
    known = [now.power_factor[tag] for tag in meter.power_factor_tags if tag in now.power_factor]
    return sum(known) / len(known) if known else None


def _meters(now: Now, meters: Sequence[Meter], at_ns: int, since_ns: int) -> dict[str, Floats]:
    """How well each meter is heard. Silence is beyond its own period; a meter whose registers come on change has no silent register."""
    waited_s = max(at_ns - since_ns, 0) * SECONDS_NS
    lags = [waited_s if meter.lag_s is None else meter.lag_s for meter in meters]
    periods = [meter.period_s or 0.0 for meter in meters]
    silence = np.maximum(np.array(lags, float) - np.array(periods, float), 0.0)
    factors = []
    for index, meter_point in enumerate(now.site.meters):
        carries = abs(now.power[index]) > LEAST_KW
        factor = _factor_of(now, meter_point) if carries else None
        factors.append(np.nan if factor is None else factor)
    answers = [np.nan if meter.answer_s is None else meter.answer_s for meter in meters]
    refused = [float(len(meter.refused)) for meter in meters]
    of_registers = _register_silence(now, at_ns, since_ns)
    return {
        "power": np.where(now.at > 0, now.power, np.nan),
        "silence": silence,
        "clock_error": now.ahead_s.copy(),
        "answer": np.array(answers),
        "registers_refused": np.array(refused),
        # Of a meter that is silent as a whole, that is said and not its registers.
        "register_silence": np.where(silence > 0, 0.0, of_registers),
        "unmoved": _unmoved(now),
        "power_factor": np.array(factors),
    }


def _register_silence(now: Now, at_ns: int, since_ns: int) -> Floats:
    """Seconds beyond three periods since the oldest of the registers that the books need, of meters that are polled by a register map."""
    points = now.site.meters
    out = np.zeros(len(points))

    def note(meter: int, tag: int | None, every_s: float) -> None:
        if tag is None or points[meter].profile in PUSHED:
            return
        heard_ns = max(int(now.heard_at[tag]), since_ns)
        beyond_s = (at_ns - heard_ns) * SECONDS_NS - 3 * every_s
        out[meter] = max(out[meter], beyond_s)

    for index, point in enumerate(points):
        note(index, point.power_tag, point.power_every_s)
    for channel in now.site.channels:
        if channel.meter >= 0:
            note(channel.meter, channel.tag, points[channel.meter].energy_every_s)
    return np.maximum(out, 0.0)


def _unmoved(now: Now) -> Floats:
    """Register steps that the counters should have made since one of them last moved, by what the power says: a frozen meter shows both.

    A meter with tariffs has several counters, of which one moves.
    """
    points = now.site.meters
    moved_ns = np.zeros(len(points), np.int64)
    heard_ns = np.zeros(len(points), np.int64)
    step = np.zeros(len(points))
    for channel in now.site.channels:
        counts = channel.meter >= 0 and not channel.reverse and channel.kind == "counter"
        if not counts or not channel.step:
            continue
        meter = channel.meter
        moved_ns[meter] = max(moved_ns[meter], now.moved_at[channel.tag])
        heard_ns[meter] = max(heard_ns[meter], now.heard_at[channel.tag])
        step[meter] = max(step[meter], channel.step * channel.scale)
    every_s = np.array([point.energy_every_s for point in points])
    still_s = np.maximum((heard_ns - moved_ns) * SECONDS_NS - 3 * every_s, 0.0)
    known = (moved_ns > 0) & (step > 0)
    energy = np.maximum(now.power, 0.0) * still_s / 3600
    return np.where(known, energy / np.where(known, step, 1.0), 0.0)


def newer_factor(site: Site) -> float:
    """By how many years the newest published grid factor is newer than the one in force; 0 where there is none newer, or the factor is the plant's own."""
    newer = 0
    for source in site.properties:
        row = source.location
        newest = newest_year(row.region, row.kind) if row.year else None
        if newest is not None:
            newer = max(newer, newest - row.year)
    return float(newer)


def disk_used(folder: Path) -> float:
    """Share of the disk of the data folder that is in use, in per cent."""
    usage = shutil.disk_usage(folder)
    return 100.0 * usage.used / usage.total
