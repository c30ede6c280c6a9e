"""`wattline demo --verify`: the books against what truly flowed, and every reading accounted for.

Per meter: booked energy between first and last accepted reading equals the counter difference. Per line: it equals what the simulated
registers truly counted between the same readings, within a register step and the bound of each verdict. Per bus: the remainder equals the
true losses within its uncertainty (k = 3). Per meter: every due poll is answered, refused with a reason, or missed and counted; every
reading stored was served, and every reading served and due is stored or counted.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from collector.catalogue import load_catalogue
from engine.figures.uncertainty import meters_of_bus, standard
from plant.clock import ScaledClock
from plant.load import load_plant
from plant.profile import Profile
from plant.site import Channel
from wattline.demo.demo import Devices, ask, plant_path
from wattline.demo.served import Ask, Matched, matched
from wattline.runtime import Options, Runtime

Row = dict[str, Any]
Catalogue = Mapping[str, Profile]


def run_verify(*, speed: float, seconds: float, as_json: bool, plant: Path | None = None) -> int:
    """Run, compare, print; 0 if all holds."""
    path = plant or plant_path()
    with tempfile.TemporaryDirectory(prefix="wattline-verify-") as folder:
        rows = _run(path, Path(folder), speed, seconds)
    good = all(r["ok"] for r in rows)
    print(
        json.dumps({"ok": good, "speed": speed, "seconds": seconds, "checks": rows}, indent=1)
        if as_json
        else _table(rows, good)
    )
    return 0 if good else 1


def _run(path: Path, folder: Path, speed: float, seconds: float) -> list[Row]:
    catalogue = load_catalogue()
    parsed = load_plant(path, frozenset(catalogue))
    devices = Devices(path, folder, speed, None, None)
    try:
        endpoints = devices.wait()
        clock = ScaledClock(**endpoints["clock"])
        runtime = Runtime(
            parsed,
            catalogue,
            clock,
            Options(folder / "data", simulated=True, endpoints=endpoints["connections"]),
        )
        try:
            asyncio.run(_collect(runtime, seconds))
            return compare(runtime, catalogue, partial(ask, endpoints["control"]))
        finally:
            runtime.close()
    finally:
        devices.stop()


async def _collect(runtime: Runtime, seconds: float) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, stop.set)
    await runtime.run(stop, None, serve=False)
    # The tail: nothing more comes, so the watermark moves on and closes what is open.
    site = runtime.site
    runtime.sequencer.cut(runtime.clock.now() + round((site.window_s + site.grace_s) * 1e9))
    host = runtime.host
    while host.turn():
        pass


def compare(runtime: Runtime, catalogue: Catalogue, ask: Ask) -> list[Row]:
    """All checks of a finished run. `ask` puts a command to the simulation's control port."""
    site = runtime.site
    host = runtime.host
    found = {
        c: matched(runtime, catalogue, ask, c)
        for c, n in enumerate(site.channels)
        if n.kind == "counter"
    }
    counters = {c: m for c, m in found.items() if m is not None}
    reports: dict[str, Any] = {
        m: r for driver in runtime.drivers for m, r in driver.health()["meters"].items()
    }
    rows = [r for i in range(len(site.meters)) for r in _meter(runtime, i)]
    rows += _lines(runtime, counters)
    rows += _remainders(runtime, ask)
    rows += [_polls(report, meter) for meter, report in reports.items()]
    until = max((int(m.received.max()) for m in counters.values()), default=0)
    rows += [
        r for c, m in counters.items() for r in _readings_served(runtime, c, m, reports, until)
    ]
    return [
        *rows,
        _row("balance", "each source", host.imbalance, 0.0, 1e-9),
        _row("balance", "carbon", host.imbalance_kg, 0.0, 1e-9),
    ]


def _readings(runtime: Runtime, tag: int) -> tuple[np.ndarray, np.ndarray]:
    got = runtime.store.query(
        "SELECT ts, value FROM reading WHERE tag = ? AND quality < 3 ORDER BY ts", [tag]
    )
    return got["ts"], got["value"]


def _accepted(runtime: Runtime, channel: int) -> tuple[float, float, int, int]:
    """Booked amount, and counter difference by the verdicts, between first and last accepted reading (edge unit)."""
    running = runtime.host.state.running
    assert running is not None
    node = runtime.site.channels[channel]
    points = running.meters.points
    mine = points.channel == channel
    if not mine.any():
        return 0.0, 0.0, 0, 0
    ts, _ = _readings(runtime, node.tag)
    booked = runtime.store.query(
        f"SELECT sum({'reverse' if node.reverse else 'forward'}) AS e FROM meter WHERE meter = ?",
        [runtime.store.code(runtime.site.meters[node.meter].id)],
    )
    return (
        float(booked["e"][0]),
        float(points.total[mine][-1]),
        int(ts[0]),
        int(points.ts[mine][-1]),
    )


def _meter(runtime: Runtime, index: int) -> list[Row]:
    """Booked energy of one meter against its counters."""
    site = runtime.site
    out = []
    for reverse in (False, True):
        channels = [
            c
            for c, node in enumerate(site.channels)
            if node.meter == index and node.reverse is reverse and node.kind == "counter"
        ]
        if not channels:
            continue
        booked = difference = 0.0
        for c in channels:
            node = site.channels[c]
            _, value = _readings(runtime, node.tag)
            if not len(value):
                continue
            booked, total, _, _ = _accepted(runtime, c)
            difference += (total - float(value[0])) * node.scale
        within = max(1e-9 * abs(difference), 1e-6)
        name = site.meters[index].id + (" (export)" if reverse else "")
        out.append(_row("meter books = counter", name, booked, difference, within))
    return out


def _row(check: str, of: str, value: float, expected: float, within: float) -> Row:
    return {
        "check": check,
        "of": of,
        "value": value,
        "expected": expected,
        "within": within,
        "ok": bool(abs(value - expected) <= within),
    }


def _truth_span(runtime: Runtime) -> tuple[int, int]:
    """Whole windows in which every meter was read: from the second window, and the first readings of all, to the one before the last readings."""
    running = runtime.host.state.running
    window = round(runtime.site.window_s * 1e9)
    assert running is not None
    meters = running.meters
    counters = [c for c, n in enumerate(runtime.site.channels) if n.meter >= 0]
    last = min(
        int(meters.points.ts[meters.points.channel == c].max(initial=0)) or 2**62 for c in counters
    )
    got = runtime.store.query("SELECT min(start) AS a FROM closed")
    tags = {runtime.site.channels[c].tag for c in counters}
    read = runtime.store.query(
        "SELECT tag, min(ts) AS ts FROM reading WHERE quality < 3 GROUP BY tag"
    )
    first = max(
        (int(ts) for tag, ts in zip(read["tag"], read["ts"], strict=True) if int(tag) in tags),
        default=0,
    )
    return max(
        int(got["a"][0]) + 2 * window, -(-first // window) * window + window
    ), last // window * window


def _bounds(runtime: Runtime) -> dict[str, float]:
    """Sum of the bounds of unusual verdicts by meter."""
    got = runtime.store.query(
        "SELECT meter, sum(bound) AS bound FROM verdict WHERE verdict NOT IN ('gap', 'wrap', 'glitch') AND NOT reverse GROUP BY meter"
    )
    text = runtime.store.text()
    return {text[int(m)]: float(b) for m, b in zip(got["meter"], got["bound"], strict=True)}


def _lines(runtime: Runtime, counters: Mapping[int, Matched]) -> list[Row]:
    """Each draw against what its registers truly counted between the same two readings."""
    site = runtime.site
    bounds = _bounds(runtime)
    out = []
    for line in site.lines:
        for draw in line.draws:
            parts = [_registered(runtime, counters, m, bounds) for m in draw.meters]
            booked, expected, within = (sum(column) for column in zip(*parts, strict=True))
            name = f"{line.id} from {site.buses[draw.bus].id}"
            out.append(_row("line = registered truth", name, booked, expected, within))
    return out


def _registered(
    runtime: Runtime, counters: Mapping[int, Matched], meter: int, bounds: Mapping[str, float]
) -> tuple[float, float, float]:
    """Booked, truly registered, and one register step plus the bounds of verdicts, for one meter over its accepted readings."""
    channel = next(
        (
            c
            for c in counters
            if runtime.site.channels[c].meter == meter and not _node(runtime, c).reverse
        ),
        None,
    )
    if channel is None:
        return 0.0, 0.0, 0.0
    node = _node(runtime, channel)
    match = counters[channel]
    booked, _, first, last = _accepted(runtime, channel)
    registered = match.between(first, last)
    step = (
        max(node.step, abs(float(match.value[-1])) * 1.2e-7 if node.float32 else 0.0) * node.scale
    )
    within = step + 1e-6 * abs(booked) + bounds.get(runtime.site.meters[meter].id, 0.0)
    return booked, float("nan") if registered is None else registered * node.scale, within


def _node(runtime: Runtime, channel: int) -> Channel:
    return runtime.site.channels[channel]


def _readings_served(
    runtime: Runtime, channel: int, match: Matched, reports: Mapping[str, Row], until: int
) -> list[Row]:
    """Nothing is stored that was not served; nothing served and due is missing beyond what was counted (one may be on its way at the end)."""
    point = runtime.site.meters[_node(runtime, channel).meter]
    name = point.id + (" (export)" if _node(runtime, channel).reverse else "")
    report = reports.get(point.id, {})
    counted = sum(report.get("failed", {}).values()) + report.get("skipped", 0)
    lost = match.lost(round(point.energy_every_s * 1e9), until)
    return [
        _row("stored readings were served", name, float((match.place < 0).sum()), 0.0, 0.0),
        _row("served readings are stored", name, float(lost), 0.0, counted + 1.0),
    ]


def _remainders(runtime: Runtime, ask: Ask) -> list[Row]:
    """Each bus's remainder against its true losses, within k = 3 of its uncertainty."""
    start, end = _truth_span(runtime)
    truth = ask({"cmd": "truth", "from": start, "to": end})["truth"]["buses"]
    got = runtime.store.query(
        "SELECT bus, sum(remainder) AS r FROM bus WHERE start >= ? AND start < ? GROUP BY bus",
        [start, end],
    )
    text = runtime.store.text()
    out = []
    measured = {text[int(b)]: float(r) for b, r in zip(got["bus"], got["r"], strict=True)}
    for index, bus in enumerate(runtime.site.buses):
        sigma = uncertainty(runtime, index)
        out.append(
            _row(
                "remainder = true losses",
                bus.id,
                measured.get(bus.id, 0.0),
                float(truth[bus.id]["remainder"]),
                3 * sigma + 0.5,
            )
        )
    return out


def uncertainty(runtime: Runtime, bus: int) -> float:
    """Standard uncertainty of a bus's remainder: that of the method, and what the edges of the span may cut off at this speed."""
    site = runtime.site
    running = runtime.host.state.running
    assert running is not None
    graph = running.graph
    energy = {}
    edges = 0.0
    for m in meters_of_bus(graph, bus):
        got = runtime.store.query(
            "SELECT sum(forward) + sum(reverse) AS e FROM meter WHERE meter = ?",
            [runtime.store.code(site.meters[m].id)],
        )
        energy[m] = got["e"]
        edges += (
            2.0
            * (site.meters[m].max_per_hour or 0.0)
            * 0.05
            * max(runtime.clock.speed, 1.0)
            / 3600.0
        ) ** 2
    return float(np.hypot(standard(site, energy, {})[0], np.sqrt(edges)))


def _polls(report: dict[str, Any], meter: str) -> Row:
    """Every due poll answered, failed with a reason, or skipped and counted."""
    failed = sum(report["failed"].values())
    accounted = report["answered"] + failed + report["skipped"]
    return {
        "check": "polls accounted",
        "of": meter,
        "value": accounted,
        "expected": report["due"],
        "within": 2,
        "ok": abs(accounted - report["due"]) <= 2,
        "effective_period_s": report["effective_period_s"],
        "failed": report["failed"],
        "skipped": report["skipped"],
    }


def _table(rows: list[Row], good: bool) -> str:
    lines = [f"{'check':26} {'of':34} {'value':>16} {'expected':>16} {'within':>12}  "]
    lines += [
        f"{r['check']:26} {r['of']:34} {r['value']:16.6f} {r['expected']:16.6f} {r['within']:12.6f}  {'ok' if r['ok'] else 'DIFFERS'}"
        for r in rows
    ]
    periods = {r["of"]: r["effective_period_s"] for r in rows if r.get("effective_period_s")}
    if periods:
        lines.append(
            f"effective period: {min(periods.values()):.1f} to {max(periods.values()):.1f} event seconds"
        )
    lines.append("all hold" if good else f"{sum(not r['ok'] for r in rows)} differ")
    return "\n".join(lines)
