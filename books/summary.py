"""BOOKS and data health, in the words of docs/api.md."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from books.attention import attention
from books.history import History, day_start, shift_at
from engine.figures.figures import value
from plant.ports import Driver
from plant.site import Site
from plant.standing import Standing
from store.duck import DuckStore
from store.journal import SqliteJournal

WEEK = 7 * 86_400_000_000_000


def books(
    site: Site,
    history: History,
    closed_ns: int,
    now: dict[str, Any] | None,
    meters: list[dict[str, Any]],
    *,
    standing: Sequence[Standing] = (),
    late: bool = False,
) -> dict[str, Any]:
    """Sums of closed windows up to `closed_ns`: today, the shift so far, what needs attention."""
    last = closed_ns - 1
    day = day_start(site, last)
    (shift, since) = shift_at(site, last)
    today = history.one("site", day, closed_ns)
    week = _like_for_like(history, day, closed_ns)
    kwh = today["energy.electricity"]
    plan = (
        None
        if site.plan_kwh_per_day is None
        else site.plan_kwh_per_day * (closed_ns - day) / 86_400e9
    )
    names = [line.id for line in site.lines] + [g.id for g in site.groups]
    wanted = (
        "per_good.carbon",
        "per_good.energy",
        "output.good",
        "coverage.time",
        "estimated",
        "energy.final",
        "electrification.calorific@final",
        "intensity.final",
    )
    lines = {}
    for name in names:
        sums = history.sums(name, np.array([since, closed_ns], np.int64))
        lines[name] = {f: _number(value(f, sums)[0]) for f in wanted}
    return {
        "to_ms": closed_ns // 1_000_000,
        "late": late,
        "shift": {"id": shift, "from_ms": since // 1_000_000},
        "today": {
            "from_ms": day // 1_000_000,
            "electricity_kwh": kwh,
            "plan_kwh": plan,
            "gas_basis": history.gas_basis(),
            "coverage": today["coverage.time"],
            "estimated": today["estimated"],
            "carbon_kg": {
                k: today[f"carbon.{k}"]
                for k in ("total_location", "total_market", "scope1", "scope2_location")
            },
        },
        "last_week": {
            "electricity_pct": None if not week or kwh is None else 100.0 * (kwh - week) / week
        },
        "lines": lines,
        "attention": attention(
            site,
            closed_ns,
            now,
            meters,
            verdicts(history.store, closed_ns - 3_600_000_000_000),
            standing,
        ),
    }


def _like_for_like(history: History, day: int, closed_ns: int) -> float | None:
    """Electricity of the same hours a week ago; None unless as much of them was booked as of today."""
    edges = [
        np.array([a, b], np.int64) for a, b in ((day, closed_ns), (day - WEEK, closed_ns - WEEK))
    ]
    today, week = (history.sums("site", e) for e in edges)
    return (
        float(week["electricity_kwh"][0]) if week["due_s"][0] >= 0.98 * today["due_s"][0] else None
    )


def _number(x: Any) -> float | None:
    return float(x) if np.isfinite(x) else None


def verdicts(store: DuckStore, since_ns: int) -> list[dict[str, Any]]:
    """Unusual counter steps and gaps since a moment, newest first."""
    rows = store.query(
        "SELECT ts, since, meter, verdict, amount, bound FROM verdict WHERE ts >= ? AND NOT reverse ORDER BY ts DESC LIMIT 200",
        [since_ns],
    )
    text = store.text()
    return [
        {
            "at_ms": int(t) // 1_000_000,
            "from_ms": int(s) // 1_000_000,
            "meter": text[int(m)],
            "verdict": str(v),
            "amount": _number(float(a)),
            "bound": _number(float(b)),
        }
        for t, s, m, v, a, b in zip(
            rows["ts"],
            rows["since"],
            rows["meter"],
            rows["verdict"],
            rows["amount"],
            rows["bound"],
            strict=True,
        )
    ]


class Health:
    """Data health of a running plant; asked each few seconds, kept for one."""

    def __init__(
        self,
        site: Site,
        drivers: list[Driver],
        store: DuckStore,
        journal: SqliteJournal,
        now_ns: Callable[[], int],
        places: Callable[[], dict[str, int]],
        last: Callable[[], dict[str, tuple[float, float]]],
        stores: Callable[[], list[dict[str, Any]]],
    ) -> None:
        self.stores = stores
        self.site = site
        self.drivers = drivers
        self.store = store
        self.journal = journal
        self.now_ns = now_ns
        self.places = places
        self.last = last
        self._kept: tuple[float, dict[str, Any]] = (0.0, {})

    def __call__(self) -> dict[str, Any]:
        if time.monotonic() - self._kept[0] > 1.0:
            self._kept = (time.monotonic(), self._look())
        return self._kept[1]

    def _look(self) -> dict[str, Any]:
        now = self.now_ns()
        reports: list[Any] = [d.health() for d in self.drivers]
        counted = {meter: m for r in reports for meter, m in r["meters"].items()}
        values = self.last()
        found = verdicts(self.store, now - 86_400_000_000_000)
        return {
            "connections": [r["connection"] for r in reports],
            "meters": [
                self._meter(m, counted.get(m.id, {}), values.get(m.id), now)
                for m in self.site.meters
            ],
            "verdicts": [v for v in found if v["verdict"] != "gap"],
            "gaps": [
                {
                    **v,
                    "to_ms": v["at_ms"],
                    "unit": self._unit(v["meter"]),
                    "shaped_by": "power, siblings, the day before or a straight line",
                }
                for v in found
                if v["verdict"] == "gap"
            ],
            "journal": {
                "frames": self.journal.last(),
                "bytes": self.journal.bytes,
                "behind_s": max(now - self.journal.last_wm(), 0) * 1e-9,
                "consumers": self.places(),
            },
            "stores": self.stores(),
        }

    def _unit(self, meter: str) -> str:
        return next((m.unit for m in self.site.meters if m.id == meter), "")

    def _meter(
        self, point: Any, counted: dict[str, Any], last: tuple[float, float] | None, now: int
    ) -> dict[str, Any]:
        last_ns = int(counted.get("last_ms") or 0) * 1_000_000
        lag = (now - last_ns) * 1e-9 if last_ns else None
        limit = 3.5 * max(point.power_every_s, counted.get("effective_period_s") or 1.0) + 5.0
        state = (
            "never"
            if lag is None
            else "ok"
            if lag <= limit
            else "late"
            if lag <= 3 * limit
            else "silent"
        )
        return {
            "id": point.id,
            "name": point.name,
            "connection": point.connection,
            "profile": point.profile,
            "class_limit": point.class_limit,
            "state": state,
            "last_ms": last_ns // 1_000_000 or None,
            "lag_s": lag,
            "period_s": counted.get("period_s"),
            "effective_period_s": counted.get("effective_period_s"),
            "answer_s": counted.get("answer_s"),
            "refused": counted.get("refused", []),
            "due": counted.get("due", 0),
            "answered": counted.get("answered", 0),
            "failed": counted.get("failed", {}),
            "skipped": counted.get("skipped", 0),
            "power": None if last is None else last[0],
            "power_unit": {"kWh": "kW"}.get(point.unit, f"{point.unit}/h"),
            "counter_unit": point.unit,
        }
