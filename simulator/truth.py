"""The true energy between two times, for a verifier that compares books with what really flowed.

In bus units.
"""

from __future__ import annotations

from typing import TypedDict

from plant.config import PlantFile
from simulator.layout import Key
from simulator.world import World

BusTruth = TypedDict("BusTruth", {"in": float, "out": float, "remainder": float})
SourceTruth = TypedDict("SourceTruth", {"import": float, "export": float})
ConverterTruth = TypedDict(
    "ConverterTruth",
    {"in": dict[str, "Both"], "out": dict[str, "Both"]},
)


class Both(TypedDict):
    """Energy in the two directions of an edge."""

    forward: float
    reverse: float


class StorageTruth(TypedDict):
    """What went into a storage and came out of it, at its bus."""

    charge: float
    discharge: float


Truth = TypedDict(
    "Truth",
    {
        "from": int,
        "to": int,
        "lines": dict[str, dict[str, float]],
        "sources": dict[str, SourceTruth],
        "converters": dict[str, ConverterTruth],
        "storages": dict[str, StorageTruth],
        "shape": dict[str, float],
        "output": dict[str, dict[str, float]],
        "buses": dict[str, BusTruth],
    },
)


def between(
    world: World,
    from_ns: int,
    to_ns: int,
) -> Truth:
    """Lines, sources, converters, storages and buses between two times.

    A bus has `in`, `out` (metered) and `remainder`, with in = out + remainder.
    """
    before = world.energies(from_ns)
    after = world.energies(to_ns)
    forward = after.forward - before.forward
    reverse = after.reverse - before.reverse
    truth: Truth = {
        "from": from_ns,
        "to": to_ns,
        "lines": {},
        "sources": {},
        "converters": {},
        "storages": {},
        "shape": {},
        "output": {},
        "buses": {
            bus: {
                "in": 0.0,
                "out": 0.0,
                "remainder": 0.0,
            }
            for bus in world.plant.buses
        },
    }
    for key, column in world.layout.index.items():
        energy: Both = {
            "forward": float(forward[column]),
            "reverse": float(reverse[column]),
        }
        _note(truth, key, energy)
        _book(
            world.plant,
            truth["buses"],
            key,
            energy,
        )

    return truth


def _note(
    truth: Truth,
    key: Key,
    energy: Both,
) -> None:
    """Put an edge under the name of whom it belongs to."""
    kind, owner, other = key
    forward = energy["forward"]
    reverse = energy["reverse"]
    if kind == "draw":
        truth["lines"].setdefault(owner, {})[other] = forward - reverse
    elif kind in ("good", "scrap"):
        truth["output"].setdefault(owner, {})[kind] = forward
    elif kind == "source":
        truth["sources"][owner] = {
            "import": forward,
            "export": reverse,
        }
    elif kind == "store":
        truth["storages"][owner] = {
            "charge": forward,
            "discharge": reverse,
        }
    elif kind == "shape":
        truth["shape"][other] = forward
    elif kind == "in":
        truth["converters"].setdefault(
            owner,
            {
                "in": {},
                "out": {},
            },
        )["in"][other] = energy
    elif kind == "out":
        truth["converters"].setdefault(
            owner,
            {
                "in": {},
                "out": {},
            },
        )["out"][other] = energy


def _book(
    plant: PlantFile,
    buses: dict[str, BusTruth],
    key: Key,
    energy: Both,
) -> None:
    """Put an edge on its bus.

    Reverse flow of a source or output leaves the bus, that of a storage or input enters it.
    """
    kind, _, other = key
    from_source = kind == "in" and other in plant.sources
    bus = buses.get(plant.sources[other].into if from_source else other)
    if bus is None:
        return

    if kind in ("source", "out"):
        bus["in"] += energy["forward"]
        bus["out"] += energy["reverse"]
    elif kind in ("draw", "store", "in"):
        bus["out"] += energy["forward"]
        bus["in"] += energy["reverse"]
    elif kind == "rest":
        bus["remainder"] += energy["forward"] - energy["reverse"]
