"""Newest values for the rules that must be early: by kind of subject and figure (`rules.watching.subjects`), as arrays in the order of the site."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from books.answers import Meter
from engine.factors.registry import newest_year
from engine.now.now import Now
from plant.names import SourceKind
from plant.site import LineNode, MeterPoint, Site
from rules.watching.subjects import NOW_POWER, figures_of

Floats = Any
Values = Mapping[str, Mapping[str, Floats]]
_LINE_FIGURES = [f for f in figures_of("line", "now") if not f.startswith("power")]


def sample(
    now: Now,
    picture: Mapping[str, Any],
    meters: Sequence[Meter],
    at_ns: int,
    since_ns: int,
    used: Mapping[str, float],
) -> Values:
    """`picture` is the newest NOW, `meters` those of data health, `used` shares of disk and journal in per cent. A meter never heard of is silent since `since_ns`."""
    site = now.site
    lines = [
        _shown(picture["lines"].get(n.id, {}), _factor(now, _meters_of(n))) for n in site.lines
    ]
    groups = [_shown(picture["lines"].get(g.id, {}), None) for g in site.groups]
    grid = [s.meter for s in site.sources if s.kind == SourceKind.GRID]
    whole = {
        "power": {"electricity": picture["site"]["power_kw"]},
        "figures": picture["site"]["figures"],
        "final_kw": None,
    }
    return {
        "line": _columns(lines),
        "group": _columns(groups),
        "meter": _meters(now, meters, at_ns, since_ns),
        "site": {
            **_columns([_shown(whole, _factor(now, grid))]),
            **{k: np.array([v]) for k, v in {**used, "factor.newer": newer_factor(site)}.items()},
        },
    }


def _shown(of: Mapping[str, Any], factor: float | None) -> dict[str, float | None]:
    """Figures of one line, group or the site. A line whose meters are silent has none."""
    if of.get("stale_since_ms"):
        return {}
    power = {f"power.{carrier}": kw for carrier, kw in of.get("power", {}).items()}
    return {
        **power,
        "power.final": of.get("final_kw"),
        **of.get("figures", {}),
        "power_factor": factor,
    }


def _columns(shown: Sequence[Mapping[str, float | None]]) -> dict[str, Floats]:
    names = [*NOW_POWER, *_LINE_FIGURES]
    return {
        name: np.array([np.nan if (v := one.get(name)) is None else v for one in shown])
        for name in names
    }


def _meters_of(line: LineNode) -> list[int]:
    return [m for d in line.draws for m in d.meters]


def _factor(now: Now, meters: Sequence[int]) -> float | None:
    """Power factor of some meters, weighted by their power; of meters that hardly carry anything there is none."""
    found = [
        (abs(float(now.power[m])), pf)
        for m in meters
        if (pf := _factor_of(now, now.site.meters[m])) is not None
    ]
    total = sum(kw for kw, _ in found)
    return sum(kw * pf for kw, pf in found) / total if total > LEAST_KW else None


LEAST_KW = 1.0
PUSHED = ("opcua", "mqtt")
"""In place of a profile: values of such meters come when they change."""


def _factor_of(now: Now, meter: MeterPoint) -> float | None:
    known = [now.power_factor[t] for t in meter.power_factor_tags if t in now.power_factor]
    return sum(known) / len(known) if known else None


def _meters(now: Now, meters: Sequence[Meter], at_ns: int, since_ns: int) -> dict[str, Floats]:
    """How well each meter is heard. Silence is beyond its own period; a meter whose registers come on change has no silent register."""
    waited = max(at_ns - since_ns, 0) * 1e-9
    period = np.array([m.period_s or 0.0 for m in meters], float)
    silence = np.maximum(
        np.array([waited if m.lag_s is None else m.lag_s for m in meters], float) - period,
        0.0,
    )
    factor = [
        _factor_of(now, m) if abs(now.power[i]) > LEAST_KW else None
        for i, m in enumerate(now.site.meters)
    ]
    return {
        "power": np.where(now.at > 0, now.power, np.nan),
        "silence": silence,
        "clock_error": now.ahead_s.copy(),
        "answer": np.array([np.nan if m.answer_s is None else m.answer_s for m in meters]),
        "registers_refused": np.array([float(len(m.refused)) for m in meters]),
        "register_silence": np.where(silence > 0, 0.0, _register_silence(now, at_ns, since_ns)),
        "unmoved": _unmoved(now),
        "power_factor": np.array([np.nan if f is None else f for f in factor]),
    }


def _register_silence(now: Now, at_ns: int, since_ns: int) -> Floats:
    """Seconds beyond three periods since the oldest of the registers that the books need, of meters that are polled by a register map."""
    out = np.zeros(len(now.site.meters))
    tags = [
        (i, m.power_tag, m.power_every_s)
        for i, m in enumerate(now.site.meters)
        if m.power_tag is not None
    ]
    tags += [
        (c.meter, c.tag, now.site.meters[c.meter].energy_every_s)
        for c in now.site.channels
        if c.meter >= 0
    ]
    for meter, tag, every_s in tags:
        if tag is not None and now.site.meters[meter].profile not in PUSHED:
            out[meter] = max(
                out[meter], (at_ns - max(int(now.heard_at[tag]), since_ns)) * 1e-9 - 3 * every_s
            )
    return np.maximum(out, 0.0)


def _unmoved(now: Now) -> Floats:
    """Register steps that the counters should have made since one of them last moved, by what the power says: a frozen meter shows both.

    A meter with tariffs has several counters, of which one moves.
    """
    points = now.site.meters
    counters = [
        c
        for c in now.site.channels
        if c.meter >= 0 and not c.reverse and c.kind == "counter" and c.step
    ]
    meter = np.array([c.meter for c in counters], np.int64)
    tag = np.array([c.tag for c in counters], np.int64)
    moved = np.zeros(len(points), np.int64)
    heard = np.zeros(len(points), np.int64)
    step = np.zeros(len(points))
    np.maximum.at(moved, meter, now.moved_at[tag])
    np.maximum.at(heard, meter, now.heard_at[tag])
    np.maximum.at(step, meter, np.array([c.step * c.scale for c in counters]))
    away_s = np.maximum(
        (heard - moved) * 1e-9 - 3 * np.array([m.energy_every_s for m in points]), 0.0
    )
    some = (moved > 0) & (step > 0)
    return np.where(
        some, np.maximum(now.power, 0.0) * away_s / 3600 / np.where(some, step, 1.0), 0.0
    )


def newer_factor(site: Site) -> float:
    """By how many years the newest published grid factor is newer than the one in force; 0 where there is none newer, or the factor is the plant's own."""
    years = [
        (p.location, newest_year(p.location.region, p.location.kind))
        for p in site.properties
        if p.location.year
    ]
    return float(
        max(
            [
                newest - row.year
                for row, newest in years
                if newest is not None and newest > row.year
            ],
            default=0,
        )
    )


def disk_used(folder: Path) -> float:
    """Share of the disk of the data folder that is in use, in per cent."""
    usage = shutil.disk_usage(folder)
    return 100.0 * usage.used / usage.total
