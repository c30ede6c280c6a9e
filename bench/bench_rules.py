"""`make bench-rules`:

CPU of judging one window, 2,000 rules over 500 lines; beside a loop over rules and lines in plain
Python, as an alert engine with one object per series does it.
"""

from __future__ import annotations

import statistics
import time

import numpy as np

from bench.record import figure, record
from rules.language.config import Rule
from rules.variables.over_time import STATE_COLUMNS, machine_state
from rules.variables.table import KEPT, place
from rules.watching.measures import BookMeasures
from rules.watching.ring import Ring
from rules.watching.ruleset import Calendar, Subjects, build, looked_at
from rules.watching.step import RuleState, RuleWindow, start, step
from rules.watching.view import View

LINES, RULES, WINDOWS, WARM = 500, 2000, 40, 75
MINUTE = 60_000_000_000
CONDITIONS = (
    "mean(10m) > {level} kW", "mean(5m) > {level} kW and state == 'idle'", "value > {level} kW or mean(1h) > {level} kW",
    "mean(intensity.electricity, 15m) > {level} g/kWh", "mean(coverage.time, 15m) < 50 %", "max(30m) > {level} kW and mean(1h) > 2 kW",
)  # fmt: skip


def rules() -> list[Rule]:
    """Rules of six shapes, each with a level of its own."""
    found = []
    for i in range(RULES):
        when = CONDITIONS[i % len(CONDITIONS)].format(level=300 + i % 97)
        found.append(
            Rule.model_validate(
                {
                    "id": f"r{i}",
                    "on": {
                        "figure": "power.electricity",
                        "per": "line",
                    },
                    "when": when,
                    "for": "5m",
                    "severity": "warning",
                }
            )
        )

    return found


def state() -> RuleState:
    """All rules on all lines, before the first window."""
    made, names = rules(), tuple(f"line_{i}" for i in range(LINES))
    looked = looked_at(made, "line", 60.0)
    found = [place("line").find(name) for name in looked.names]
    measures = BookMeasures(
        [row for row in found if row is not None],
        KEPT["line"],
    )
    view = View(
        names,
        measures,
        Ring(
            MINUTE,
            len(measures.columns),
            LINES,
            looked.long,
        ),
        over_time={"state": machine_state},
    )
    return start(
        build(
            made,
            {"line": Subjects(names)},
            Calendar("UTC", {}),
            60.0,
        ),
        {"line": view},
        MINUTE,
    )


def windows(found: RuleState, count: int) -> list[RuleWindow]:
    """Lines whose power wanders; about one in fifty is over some level."""
    chance = np.random.default_rng(1)
    columns = found.views["line"].measures.columns
    level = chance.uniform(50, 310, LINES)
    out = []
    for k in range(count):
        rows = dict.fromkeys(columns, np.zeros(LINES))
        power = level * chance.uniform(0.95, 1.05, LINES)
        rows |= {
            "electricity_kwh": power / 60,
            "hours": np.full(LINES, 1 / 60),
            "seen_s": np.full(LINES, 60.0),
            "due_s": np.full(LINES, 60.0),
        }
        rows |= dict.fromkeys(STATE_COLUMNS, np.zeros(LINES)) | {
            "seconds_run": np.full(LINES, 60.0)
        }
        rows |= {
            "electric_location_kg": power / 60 * 0.2,
            "electric_behind_kwh": np.zeros(LINES),
        }
        out.append(
            RuleWindow(
                k * MINUTE + MINUTE,
                {"line": np.stack([rows[c] for c in columns])},
            )
        )

    return out


def plain(count: int) -> float:
    """CPU seconds of one window in a loop: a comparison and a state for
    each rule and line, means kept up to date elsewhere.
    """
    means = [100.0 + i % 300 for i in range(LINES)]
    since: list[int] = [0] * (count * LINES)
    began = time.process_time()
    at = 0
    for rule in range(count):
        level = 300 + rule % 97
        for line in range(LINES):
            if means[line] > level:
                since[at] = since[at] or 1
            elif since[at]:
                since[at] = 0

            at += 1

    return time.process_time() - began


def main() -> None:
    found = state()
    times = []
    for k, window in enumerate(windows(found, WARM + WINDOWS)):
        began = time.process_time()
        step(found, window)
        if k >= WARM:
            times.append(1e3 * (time.process_time() - began))

    loop = 1e3 * statistics.median(plain(RULES // 10) for _ in range(5)) * 10
    record("rules", [
        figure("CPU per window, 2,000 rules x 500 lines, median of 40", statistics.median(times), "ms", 50.0,),
        figure("CPU per window, the slowest of 40", max(times), "ms", None,),
        figure("the same as a loop in plain Python (a tenth of it, times ten)", loop, "ms", None,),
        figure("rules and lines judged", float(found.rules.size), "instances", None,),
    ],)  # fmt: skip


if __name__ == "__main__":
    main()
