"""The true energy between two times, for a verifier that compares books with what really flowed. In bus units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simulator.world import World


def between(world: World, t0_ns: int, t1_ns: int) -> dict[str, Any]:
    """Lines, sources, converters, storages and buses; a bus has `in`, `out` (metered) and `remainder` with in = out +
    remainder.
    """
    (f0, r0) = world.all_energies(t0_ns)
    (f1, r1) = world.all_energies(t1_ns)
    plus = f1 - f0
    minus = r1 - r0
    out: dict[str, Any] = {
        "from": t0_ns,
        "to": t1_ns,
        "lines": {},
        "sources": {},
        "converters": {},
        "storages": {},
        "shape": {},
        "output": {},
    }
    buses = {bus: {"in": 0.0, "out": 0.0, "remainder": 0.0} for bus in world.plant.buses}
    for (kind, owner, other), column in world.layout.index.items():
        a = float(plus[column])
        b = float(minus[column])
        if kind == "draw":
            out["lines"].setdefault(owner, {})[other] = a - b
        elif kind in ("good", "scrap"):
            out["output"].setdefault(owner, {})[kind] = a
        elif kind == "source":
            out["sources"][owner] = {"import": a, "export": b}
        elif kind == "store":
            out["storages"][owner] = {"charge": a, "discharge": b}
        elif kind == "shape":
            out["shape"][other] = a
        elif kind in ("in", "out"):
            sides = out["converters"].setdefault(owner, {"in": {}, "out": {}})
            sides[kind][other] = {"forward": a, "reverse": b}
        _book(world, buses, kind, owner, other, a, b)
    return {**out, "buses": buses}


def _book(
    world: World,
    buses: dict[str, dict[str, float]],
    kind: str,
    owner: str,
    other: str,
    plus: float,
    minus: float,
) -> None:
    """Put an edge on its bus. Reverse flow of a source or output leaves the bus, that of a store or input enters it."""
    bus = (
        world.plant.sources[other].into if kind == "in" and other in world.plant.sources else other
    )
    if bus not in buses:
        return
    if kind in ("source", "out"):
        buses[bus]["in"] += plus
        buses[bus]["out"] += minus
    elif kind in ("draw", "store", "in"):
        buses[bus]["out"] += plus
        buses[bus]["in"] += minus
    elif kind == "rest":
        buses[bus]["remainder"] += plus - minus
