"""Alerts in front of the built page: recorded answers of a demo, and the states made of them.

`python -m tests.e2e.alert_rig http://127.0.0.1:8080` records a few of what a running demo with a
week of history answers into alert_answers.json.
"""

from __future__ import annotations

import copy
import json
import sys
from pathlib import Path
from typing import Any

from tests.e2e.page_rig import fetched, recorded, short

ANSWERS = Path(__file__).with_name("alert_answers.json")
BACKTEST = "/api/v1/rules/idle_load/backtest?from=-7d&known=now&level=1"
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
Answers = dict[str, Any]


def answers() -> Answers:
    """All that the page asks for, nothing open."""
    own = json.loads(ANSWERS.read_text(encoding="utf-8"))
    found = recorded() | own
    found["/api/v1/alerts"] = {
        **own["/api/v1/alerts?state=all"],
        "open": [],
        "chattering": [],
        "past": [],
    }
    found["/api/v1/silences"] = []
    found["/api/v1/notify"] = {"outbox": {}, "channels": []}
    return _with(found, [], [])


def rule(found: Answers, name: str) -> dict[str, Any]:
    """A rule in force."""
    return next(r for r in found["/api/v1/rules"] if r["id"] == name)


def past(found: Answers, name: str = "idle_load") -> dict[str, Any]:
    """A recorded alert of a rule."""
    return next(a for a in found["/api/v1/alerts?state=all"]["past"] if a["rule"] == name)


def opened(found: Answers, name: str, ident: str, minutes: int, **more: Any) -> dict[str, Any]:
    """An alert of `name` that fired so many minutes ago, as the API tells it."""
    of, at = rule(found, name), found["/api/v1/alerts"]["at_ms"]
    made = copy.deepcopy(past(found)) | {
        "id": ident, "rule": name, "title": of["title"], "severity": of["severity"], "state": "firing", "do": of["do"],
        "since_ms": at - minutes * MINUTE, "fired_ms": at - minutes * MINUTE, "resolved_ms": None, "acknowledged": None, "quiet": None, "cause": None,
    }  # fmt: skip
    return made | more


def _said(en: str, zh: str, de: str) -> dict[str, str]:
    return {"en": en, "zh": zh, "de": de}


def _with(found: Answers, steady: list[Any], chattering: list[Any]) -> Answers:
    for key in ("/api/v1/alerts", "/api/v1/alerts?state=all"):
        found[key] |= {"open": steady, "chattering": chattering}
    return found


def busy() -> Answers:
    """One of each: critical, taken, shelved, a connection with what
    hangs on it, standing, chattering, and a silence.
    """
    found = answers()
    at = found["/api/v1/alerts"]["at_ms"]
    peak = opened(
        found, "demand_peak", "a1", 4, per="site", subject="site", subject_name=_said("Jiaxing works", "嘉兴工厂", "Werk Jiaxing"), value=26120.0, limit=25000.0, unit="kW",
        say=_said("This quarter of an hour is heading for 26120 kW; agreed are 25000 kW", "本刻钟预计达到 26120 kW，约定值 25000 kW", "Diese Viertelstunde läuft auf 26120 kW zu; vereinbart sind 25000 kW"),
    )  # fmt: skip
    meters = ["smt_1_el", "smt_2_el", "smt_3_el"]
    gateway = opened(
        found, "meter_silent", "a2", 22, per="connection", subject="gateway_hall_2", subject_name=_said(*["gateway_hall_2"] * 3), value=3.0, limit=None, unit="1", do=rule(found, "meter_silent")["do"],
        members=[{"subject": m, "subject_name": _said(*[m] * 3)} for m in meters],
        say=_said("3 of 4 meters behind gateway_hall_2 are silent", "gateway_hall_2 下的 4 台表计中有 3 台无数据", "3 von 4 Zählern hinter gateway_hall_2 schweigen"),
    )  # fmt: skip
    below = opened(
        found, "coverage_low", "a3", 12, cause="a2", subject="smt_1", subject_name=_said("SMT line 1", "SMT 1 线", "SMT-Linie 1"), value=61.0, limit=90.0, unit="%",
        say=_said("SMT line 1 was seen for 61 % of the last half hour", "过去半小时 SMT 1 线 的数据覆盖率为 61 %", "SMT-Linie 1 war in der letzten halben Stunde zu 61 % zu sehen"),
    )  # fmt: skip
    idle = opened(found, "idle_load", "a4", 35)
    taken = opened(
        found, "remainder_negative", "a5", 95, per="bus", subject="board", subject_name=_said("10 kV board", "10 kV 母线", "10-kV-Schiene"), value=-41.0, limit=-12.0, unit="kWh",
        say=_said("10 kV board: -41 kWh more left than entered in six hours; the meters allow -12 kWh", "10 kV 母线：六小时内流出与流入差 -41 kWh，表计允许 -12 kWh", "10-kV-Schiene: in sechs Stunden -41 kWh Differenz; die Zähler erlauben -12 kWh"),
        acknowledged={"by": "Li Wei", "at_ms": at - 80 * MINUTE, "note": "checking the meter of T2"}, late=True,
    )  # fmt: skip
    shelved = opened(
        found,
        "energy_per_good",
        "a6",
        180,
        unit="kWh",
        value=2.31,
        limit=1.9,
        say=past(found, "energy_per_good")["say"],
        quiet=_quiet("q1", "shelve", at, alert="a6"),
    )
    standing = opened(
        found, "factor_newer", "a7", 3 * 1440, per="site", subject="site", subject_name=_said("Jiaxing works", "嘉兴工厂", "Werk Jiaxing"), value=1.0, limit=0.0, unit="1",
        say=_said("The grid factor in force is older than the newest published one", "所用电网因子早于最新公布值", "Der geltende Netzfaktor ist älter als der neueste veröffentlichte"),
    )  # fmt: skip
    flutter = opened(
        found, "meter_clock", "a8", 2, per="meter", subject="comp_1_el", subject_name=_said("Compressor 1", "1 号空压机", "Kompressor 1"), value=7.2, limit=5.0, unit="s",
        say=_said("The clock of Compressor 1 is 7.2 s ahead", "1 号空压机 的时钟偏差 7.2 s", "Die Uhr von Kompressor 1 geht 7.2 s vor"),
    )  # fmt: skip
    found["/api/v1/silences"] = [
        _quiet("q1", "shelve", at, alert="a6"),
        _quiet("q2", "maintenance", at + 2 * HOUR, rule="idle_load", subject="smt_4"),
    ]
    _with(found, [peak, gateway, taken, below, idle, shelved, standing], [flutter])
    for one in (peak, gateway, idle, taken, shelved):
        found[f"/api/v1/alerts/{one['id']}"] = detail(found, one)
    return found


def _quiet(ident: str, kind: str, from_ms: int, **what: str) -> dict[str, Any]:
    quiet = {
        "id": ident,
        "kind": kind,
        "by": "Anna Berg",
        "reason": "retooling until noon",
        "from_ms": from_ms,
        "until_ms": from_ms + 3 * HOUR,
        "rule": None,
        "subject": None,
        "alert": None,
    }
    return quiet | what


def detail(found: Answers, of: dict[str, Any]) -> dict[str, Any]:
    """The answer for one alert: a curve where its figure is stored."""
    one: dict[str, Any] = copy.deepcopy(found[f"/api/v1/alerts/{past(found)['id']}"])
    own = of["rule"] == "idle_load"
    moves = [
        (of["fired_ms"], "wattline", "fired", ""),
        (of["fired_ms"] + MINUTE, "wattline", "told (fired)", "k|1"),
    ]
    if taken := of["acknowledged"]:
        moves.append((taken["at_ms"], taken["by"], "acknowledged", taken["note"]))
    trail = [dict(zip(("at_ms", "actor", "action", "detail"), m, strict=True)) for m in moves]
    return one | {
        "alert": of,
        "rule": rule(found, of["rule"]),
        "chart": one["chart"] if own else None,
        "trail": trail,
    }


def record(base: str) -> None:
    """A few past alerts of each rule, one alert, and one back-test, thinned."""
    everything = fetched(f"{base}/api/v1/alerts?state=all")
    by_rule: dict[str, list[Any]] = {}
    for one in everything["past"]:
        by_rule.setdefault(one["rule"], []).append(one)
    everything["past"] = sorted(
        (a for all_of in by_rule.values() for a in all_of[-6:]), key=lambda a: -a["fired_ms"]
    )
    one = f"/api/v1/alerts/{past({'/api/v1/alerts?state=all': everything})['id']}"
    trial = fetched(base + BACKTEST)
    trial["spans"] = trial["spans"][-20:]
    trial["chart"] |= {k: trial["chart"][k][::6] for k in ("start_ms", "value", "limit")}
    found = {"/api/v1/alerts?state=all": everything, BACKTEST: trial}
    found |= {
        path: fetched(base + path) for path in ("/api/v1/rules", "/api/v1/rules/noisiest", one)
    }
    ANSWERS.write_text(
        json.dumps(short(found), separators=(",", ":"), ensure_ascii=False) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    record(sys.argv[1])
