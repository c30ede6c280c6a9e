"""The simulator's file, PLANT.sim.yaml: what the plant file must
not know (archetypes, sun, tariffs, events, faults).

Strict like the plant file. `load_sim` reads the file beside a plant
file; a plant without one still simulates with defaults.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, model_validator

from plant.config import PlantFile
from plant.document import Document
from plant.errors import ConfigError
from plant.hints import suggestion
from plant.load import load_text, read_text
from plant.strict import Id, Seconds, Strict
from simulator.archetypes import ARCHETYPES

Span = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]|24):[0-5]\d$")]
Fraction = Annotated[float, Field(ge=0, le=1)]
Kind = Literal[
    "cloud",
    "idle",
    "unloaded",
    "silent",
    "reset",
    "wrap",
    "preset",
    "bad_register",
    "frozen",
    "late",
]
PHYSICAL = frozenset({"cloud", "idle", "unloaded"})


class Changeover(Strict):
    """Change of product: every so often, for so long; the line draws less and makes nothing."""

    every: Seconds = 10_800.0
    lasts: Seconds = 1_200.0


class Cycle(Strict):
    """Batch machines on one bus: full draw for `on` of each `period`,
    then `hold` of it; the mean stays the archetype's.
    """

    period: Seconds = 25_200.0
    on: Seconds = 2_400.0
    hold: Fraction = 0.15
    machines: int = Field(6, ge=1, le=50)


class LineSim(Strict):
    """How a line behaves.

    Draws at full rate come from the archetype unless `full` gives them per bus.
    """

    archetype: str | None = Field(None, description="one of A1p A1 A2 A2e A3c A3m A4 A5 A6e A6r")
    rate: float | None = Field(None, gt=0, description="units per hour at full speed")
    pattern: Literal["continuous", "two_shift", "one_shift"] = "continuous"
    weekend: bool = Field(True, description="runs on Saturday and Sunday")
    availability: Fraction = 0.97
    performance: Fraction = 0.98
    scrap: Fraction = 0.015
    changeover: Changeover | None = None
    warmup: Seconds = 1_500.0
    via: dict[Id, Fraction] = Field(
        {},
        description="share of the archetype's electricity that reaches the line as air or cold",
    )
    full: dict[Id, float] = Field(
        {}, description="draw at full rate in bus units per hour, such as kW or Nm3/h"
    )
    base: Fraction | None = None
    cycle: dict[Id, Cycle] = Field({})
    power_factor: float | None = Field(None, gt=0, le=1)
    noise: Fraction = 0.02


class PvSim(Strict):
    """A roof of modules without tilt."""

    kwp: float = Field(gt=0)
    performance_ratio: Fraction = 0.84
    clear: Fraction = Field(0.6, description="mean clearness of the days, 1 is always blue sky")


class BatterySim(Strict):
    """Cycles by tariff: local hours of charging and discharging."""

    power: float = Field(gt=0, description="greatest power in kW")
    charge: list[Span] = Field([])
    discharge: list[Span] = Field([])
    soc: tuple[Fraction, Fraction] = (0.1, 0.9)
    start: Fraction = 0.5


class ConverterSim(Strict):
    """Input per hour = no_load + out x specific + out^2 x quadratic / rated.

    Units: those of the input and output bus.
    """

    rated: float | None = Field(None, gt=0)
    no_load: float = Field(0.0, ge=0)
    specific: float | None = Field(None, gt=0)
    quadratic: float = Field(0.0, ge=0)
    weight: float = Field(
        1.0, gt=0, description="share among the converters that feed the same bus"
    )
    unloaded: float = Field(
        0.28, ge=0, description="input while running unloaded, of the input at rated output"
    )


class SourceSim(Strict):
    """A bought supply that gives at most `up_to` bus units per hour; converters cover the rest."""

    up_to: float | None = Field(None, gt=0)


class BusSim(Strict):
    """Unmetered use of a bus: a share of what is metered, and a constant (leaks)."""

    unmetered: Fraction = 0.03
    constant: float = Field(0.0, ge=0, description="bus units per hour")
    volts: float = Field(400.0, gt=0, description="line to line")


class EventSim(Strict):
    """One thing that happens `at` a time after the start, `for` so long."""

    at: Seconds
    kind: Kind
    meter: Id | None = None
    line: Id | None = None
    source: Id | None = None
    converter: Id | None = None
    lasts: Seconds = Field(60.0, alias="for")
    depth: Fraction = Field(0.7, description="cloud: share of the sun taken away")
    delay_ms: float = Field(400.0, ge=0, description="late: real milliseconds until the answer")
    value: float = Field(0.0, description="preset: what the counters show, in row units")
    every: Seconds | None = Field(None, description="comes again after this time")

    def targets(self) -> dict[str, str]:
        """What it happens to, by kind of thing."""
        named = {
            "meter": self.meter,
            "line": self.line,
            "source": self.source,
            "converter": self.converter,
        }
        return {what: target for what, target in named.items() if target is not None}

    @model_validator(mode="after")
    def _target(self) -> EventSim:
        needs = {
            "cloud": "source",
            "idle": "line",
            "unloaded": "converter",
        }.get(self.kind, "meter")
        if getattr(self, needs) is None:
            raise ValueError(f"needs {needs}: {self.kind} happens to a {needs}")

        return self


class Outage(Strict):
    """Background outages of every Modbus meter: seldom and
    short, each meter at times of its own.
    """

    every: Seconds
    lasts: Seconds = Field(30.0, alias="for")


class Faults(Strict):
    """Faults that come by themselves."""

    outage: Outage | None = None


class Replay(Strict):
    """A recorded series in place of the model for the edge of one meter."""

    file: str
    column: str
    time_column: str = "time"
    time_format: str | None = Field(None, description="strptime pattern; default: ISO 8601")
    timezone: str = "UTC"
    unit: str = Field("kW", description="power (kW, W, Nm3/h) or energy per row (kWh, Wh, Nm3)")
    label_at_end: bool = Field(False, description="the time of a row is the end of its interval")


class SimConfig(Strict):
    """The whole file."""

    seed: int = Field(1, ge=0)
    latitude: float = Field(30.75, ge=-90, le=90)
    longitude: float = Field(120.75, ge=-180, le=180)
    lines: dict[Id, LineSim] = Field({})
    pv: dict[Id, PvSim] = Field({})
    batteries: dict[Id, BatterySim] = Field({})
    converters: dict[Id, ConverterSim] = Field({})
    sources: dict[Id, SourceSim] = Field({})
    buses: dict[Id, BusSim] = Field({})
    events: list[EventSim] = Field([])
    faults: Faults = Faults()
    replay: dict[Id, Replay] = Field({})


def sim_path(plant_path: Path) -> Path:
    """Where the simulator's file of a plant file stands: works.yaml -> works.sim.yaml."""
    return plant_path.with_name(
        plant_path.name.removesuffix(".yml").removesuffix(".yaml") + ".sim.yaml"
    )


def load_sim(plant_path: Path, plant: PlantFile) -> SimConfig:
    """The file beside `plant_path`, or defaults where there is none;
    ConfigError carries every mistake as file:line.
    """
    path = sim_path(plant_path)
    return load_sim_text(str(path), read_text(path), plant) if path.exists() else SimConfig()


def load_sim_text(
    name: str,
    text: str,
    plant: PlantFile,
) -> SimConfig:
    """Like `load_sim`, from text."""
    sim, document = load_text(name, text, SimConfig)
    found = [*_known(sim, plant), *_targets(sim, plant)]
    if found:
        raise ConfigError([document.mistake(each.path, each.message) for each in found])

    return sim


class Finding(NamedTuple):
    """A mistake: where in the document, and what is wrong."""

    path: tuple[str | int, ...]
    message: str


def _unknown(
    word: str,
    known: Iterable[str],
    what: str,
) -> str:
    return f"there is no {what} '{word}' in the plant file" + suggestion(word, list(known))


def _known(sim: SimConfig, plant: PlantFile) -> Iterator[Finding]:
    """Keys that name nothing of the plant file, and archetypes that do not exist."""
    sections: dict[str, tuple[Collection[str], Collection[str]]] = {
        "lines": (sim.lines, plant.lines),
        "pv": (sim.pv, plant.sources),
        "batteries": (sim.batteries, plant.storages),
        "converters": (sim.converters, plant.converters),
        "sources": (sim.sources, plant.sources),
        "buses": (sim.buses, plant.buses),
        "replay": (sim.replay, plant.meters),
    }
    for section, (keys, known) in sections.items():
        for key in keys:
            if key not in known:
                message = _unknown(key, known, section.rstrip("s"))
                yield Finding((section, key), message)

    for key, line in sim.lines.items():
        if line.archetype is not None and line.archetype not in ARCHETYPES:
            hint = suggestion(line.archetype, list(ARCHETYPES))
            message = f"there is no archetype '{line.archetype}'{hint}"
            yield Finding(("lines", key, "archetype"), message)


def _targets(sim: SimConfig, plant: PlantFile) -> Iterator[Finding]:
    """Events that happen to nothing."""
    known: dict[str, Collection[str]] = {
        "meter": plant.meters,
        "line": plant.lines,
        "source": plant.sources,
        "converter": plant.converters,
    }
    for index, event in enumerate(sim.events):
        for what, target in event.targets().items():
            if target not in known[what]:
                message = _unknown(target, known[what], what)
                yield Finding(("events", index, what), message)


__all__ = [
    "PHYSICAL",
    "BatterySim",
    "BusSim",
    "ConverterSim",
    "Cycle",
    "Document",
    "EventSim",
    "LineSim",
    "PvSim",
    "Replay",
    "SimConfig",
    "load_sim",
    "load_sim_text",
    "sim_path",
]
