"""What needs attention on the Site page: parts of Wattline that stand still, silent meters, unusual counters, idle lines, unloaded converters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from plant.site import Site
from plant.standing import Standing

IDLE_MS = 10 * 60_000
UNLOADED_MS = 2 * 60_000
SILENT_S = 30.0


def attention(
    site: Site,
    at_ns: int,
    now: dict[str, Any] | None,
    meters: list[dict[str, Any]],
    verdicts: list[dict[str, Any]],
    standing: Sequence[Standing] = (),
) -> list[dict[str, Any]]:
    """Items of docs/api.md, most urgent first, seven at most."""
    found = [
        *_standing(standing),
        *_silent(site, meters),
        *_counters(verdicts),
        *_unloaded(now),
        *_gaps(site, verdicts),
        *_idle(site, now),
    ]
    return found[:7]


def _item(code: str, severity: str, since_ms: int, **more: Any) -> dict[str, Any]:
    return {
        "code": code,
        "severity": severity,
        "since_ms": since_ms,
        "until_ms": None,
        "meter": None,
        "line": None,
        "params": {},
        **more,
    }


def _standing(standing: Sequence[Standing]) -> list[dict[str, Any]]:
    """Hosts that do not go on. They try again by themselves; the cause says what somebody can do."""
    return [
        _item(
            "host_stands",
            "critical",
            host.since_ns // 1_000_000,
            params={"host": host.who, "cause": host.cause},
        )
        for host in standing
    ]


def _line_of(site: Site, meter: str) -> str | None:
    index = next((i for i, m in enumerate(site.meters) if m.id == meter), None)
    return next((line.id for line in site.lines for d in line.draws if index in d.meters), None)


def _silent(site: Site, meters: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Meters that gave nothing for half a minute; those that never did are commissioning, not a fault."""
    return [
        _item(
            "meter_silent",
            "warning",
            m["last_ms"],
            meter=m["id"],
            line=_line_of(site, m["id"]),
            params={"seconds": round(m["lag_s"])},
        )
        for m in meters
        if m["lag_s"] is not None and m["state"] in ("late", "silent") and m["lag_s"] > SILENT_S
    ]


def _counters(verdicts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    codes = {"reset": "counter_reset", "unknown": "counter_unknown"}
    return [
        _item(
            codes[v["verdict"]],
            "info",
            v["at_ms"],
            meter=v["meter"],
            params={"amount": v["amount"], "bound": v["bound"]},
        )
        for v in verdicts
        if v["verdict"] in codes
    ]


def _gaps(site: Site, verdicts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Silences that are over: their energy is kept, its shape estimated."""
    found = []
    for v in verdicts:
        if v["verdict"] == "gap" and (line := _line_of(site, v["meter"])) is not None:
            seconds = (v["at_ms"] - v["from_ms"]) // 1000
            found.append(
                {
                    **_item(
                        "meter_silent",
                        "info",
                        v["from_ms"],
                        meter=v["meter"],
                        line=line,
                        params={"seconds": seconds},
                    ),
                    "until_ms": v["at_ms"],
                }
            )
    return found


def _idle(site: Site, now: dict[str, Any] | None) -> list[dict[str, Any]]:
    found = []
    for line in site.lines if now else []:
        shown = now["lines"].get(line.id, {}) if now else {}
        since = shown.get("state_since_ms")
        if now and shown.get("state") == "IDLE" and since and now["at_ms"] - since > IDLE_MS:
            minutes = round((now["at_ms"] - since) / 60_000)
            found.append(
                _item(
                    "line_idle",
                    "info",
                    since,
                    line=line.id,
                    params={"minutes": minutes, "kw": shown["final_kw"]},
                )
            )
    return found


def _unloaded(now: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Compressors, boilers and chillers that take energy and give none."""
    found = []
    for name, shown in now["converters"].items() if now else []:
        since = shown["unloaded_since_ms"]
        if now and since and now["at_ms"] - since > UNLOADED_MS:
            params = {
                "converter": name,
                "minutes": round((now["at_ms"] - since) / 60_000),
                "kw": shown["taken"],
            }
            found.append(_item("converter_unloaded", "warning", since, params=params))
    return found
