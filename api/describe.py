"""The plant in the words of docs/api.md."""

from __future__ import annotations

from typing import Any

from api.context import Context
from books.history import factor_row
from plant.site import ComparisonNode, LineNode, Site


def site(context: Context) -> dict[str, Any]:
    s = context.site
    return {
        "id": s.id,
        "name": s.name,
        "version": context.version,
        "simulated": s.simulated,
        "timezone": s.timezone,
        "grid": s.grid,
        "method": s.method,
        "window_s": s.window_s,
        "day_starts": s.day_starts,
        "shifts": s.shifts,
        "gas_basis": context.history.gas_basis(),
        "plan_kwh_per_day": s.plan_kwh_per_day,
        "sources": [
            {"id": x.id, "name": x.name, "kind": x.kind, "carrier": x.carrier, "unit": x.unit}
            for x in s.sources
        ],
        "storages": [
            {"id": x.id, "name": x.name, "capacity_kwh": x.capacity_kwh}
            for x in s.storages
            if x.line is None
        ],
        "buses": [
            {"id": x.id, "name": x.name, "carrier": x.carrier, "unit": x.unit} for x in s.buses
        ],
        "converters": [
            {
                "id": c.id,
                "name": c.name,
                "from": [_feed(s, i.kind, i.index) for i in c.inputs],
                "to": [s.buses[o.bus].id for o in c.outputs],
            }
            for c in s.converters
        ],
        "lines": lines(s),
        "groups": [
            {"id": g.id, "name": g.name, "lines": [x.id for x in s.lines if x.group == g.id]}
            for g in s.groups
        ],
        "comparisons": [_comparison(s, node) for node in s.comparisons],
    }


def _comparison(site: Site, node: ComparisonNode) -> dict[str, Any]:
    """A configured comparison, its lines by id."""
    return {
        "id": node.id,
        "name": node.name,
        "lines": [site.lines[index].id for index in node.lines],
        "figure": node.figure,
    }


def _feed(s: Site, kind: str, index: int) -> str:
    return {"bus": lambda: s.buses[index].id, "source": lambda: s.sources[index].id}.get(
        kind, lambda: "ambient"
    )()


def lines(s: Site) -> list[dict[str, Any]]:
    return [_line(s, x) for x in s.lines]


def _line(s: Site, x: LineNode) -> dict[str, Any]:
    meters = [s.meters[m].id for d in x.draws for m in d.meters]
    return {
        "id": x.id,
        "name": x.name,
        "group": x.group,
        "carriers": [s.buses[d.bus].carrier for d in x.draws],
        "output_unit": x.unit,
        "meters": meters,
    }


def meters_of(s: Site, of: str) -> list[str]:
    """Meters behind a line or group; all for the site."""
    if of == "site":
        return [m.id for m in s.meters if m.books]
    return [m for x in lines(s) if of in (x["id"], x["group"]) for m in x["meters"]]


def factors(s: Site) -> list[dict[str, Any]]:
    """Factors in force by source."""
    return [
        {
            "source": p.source,
            "scope": p.scope,
            "contract_share": p.contract_share,
            "kwh_per_unit": p.kwh,
            "kgce_per_unit": p.kgce,
            "location": factor_row(p.location),
            "market": factor_row(p.market),
        }
        for p in s.properties
    ]
