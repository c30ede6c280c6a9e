"""No setting is a dead promise: change any one in the plant
file, and something downstream changes.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import BaseModel

import plant.site
from collector.build import drivers
from collector.catalogue import load_catalogue
from collector.drivers.modbus import ModbusDriver
from collector.drivers.mqtt import MqttDriver
from collector.drivers.opcua import OpcUaDriver
from plant.clock import ManualClock
from plant.config import Influx, PlantFile, Rules
from plant.document import Document
from plant.load import load_plant_text
from plant.notify import Notify
from plant.ports import Driver
from plant.protocols import PROTOCOLS
from plant.site import Control, encode_control
from wattline.site_build import build_site

ROOT = Path(__file__).resolve().parents[3]
PRODUCT = ("collector", "engine", "store", "books", "rules", "api", "dashboards", "wattline")

PLANT = """
site:
  {id: works, timezone: Asia/Shanghai, grid: CN-ZJ, shifts: {early: "06:00-14:00"},
   plan: {electricity_per_day: 10 MWh, demand: 1 MW, intensity: 500}}
connections:
  hall: {modbus: "tcp://192.0.2.1:502"}
  spare: {modbus: "tcp://192.0.2.2:502"}
  plc:
    opcua: opc.tcp://192.0.2.3:4840
    user: reader
    password: {secret: plc}
    nodes: {good: i=1, scrap: i=2, order: i=3, state: i=4, other: i=5}
  broker:
    mqtt: mqtt://192.0.2.4
    user: reader
    password: {secret: broker}
    topics:
      gas: {filter: "gas/{meter}", value: $.total, flow: $.flow, time: $.at}
      more: {filter: "more/{meter}"}
meters:
  grid: {on: hall, unit: 1, profile: siemens_pac3220, ct: {ratio: 400/5, applied_by: wattline}}
  pv: {on: hall, unit: 2, profile: siemens_pac3220}
  cells:
    {on: hall, unit: 3, profile: siemens_pac3220, swaps: [{at: "2026-11-21T10:30:00+08:00"}]}
  bare: {on: hall, unit: 4, profile: siemens_pac3220}
  steam: {on: hall, unit: 5, profile: krohne_gfc300_gas_steam}
  gas: {on: broker, topic: gas, id: g1, unit: m3, reference: 0C}
  saw:
    {on: plc, nodes: {active_energy_import: i=11, active_energy_net: i=12, active_power: i=13}}
sources:
  grid: {carrier: electricity, meter: grid, into: board}
  pv: {carrier: electricity, kind: pv, meter: pv, into: board}
  gas: {carrier: natural_gas, meter: gas, into: gas_net}
storages:
  battery: {bus: board, meter: cells, capacity: 100 kWh}
buses:
  board: {carrier: electricity}
  gas_net: {carrier: natural_gas}
  steam_net: {carrier: steam}
  other: {carrier: electricity}
converters:
  boiler:
    {inputs: {gas_net: gas}, outputs: {steam_net: {efficiency: 0.9}}}
lines:
  press:
    draws: {board: bare, steam_net: steam}
    output: {good: plc.good, scrap: plc.scrap, order: plc.order}
    state: plc.state
  cutter: {draws: {board: saw}}
groups: {hall: {}, yard: {}}
contracts: {green: {source: grid, share: 0.5}}
compare: {pair: {lines: [press, cutter], figure: per_good.carbon}}
"""

# Model.field -> where it stands in the file above, and another value for it
SWAPPED = {"at": "2026-11-21T10:30:00+08:00"}

CHANGES: dict[str, tuple[str, object]] = {
    "SiteConfig.id": ("site.id", "other"),
    "SiteConfig.name": ("site.name", "Works"),
    "SiteConfig.timezone": ("site.timezone", "Europe/Berlin"),
    "SiteConfig.grid": ("site.grid", "CN-JS"),
    "SiteConfig.method": ("site.method", "GHGP"),
    "SiteConfig.day_starts": ("site.day_starts", "06:00"),
    "SiteConfig.shifts": ("site.shifts", {"late": "14:00-22:00"}),
    "SiteConfig.plan": ("site.plan", {}),
    "SiteConfig.window": ("site.window", "5m"),
    "SiteConfig.grace": ("site.grace", "30s"),
    "SiteConfig.factors_year": ("site.factors_year", 2022),
    "SiteConfig.factors": ("site.factors", {"grid": 0.4}),
    "Plan.electricity_per_day": ("site.plan.electricity_per_day", "11 MWh"),
    "Plan.demand": ("site.plan.demand", "2 MW"),
    "Plan.intensity": ("site.plan.intensity", 400),
    "ModbusConnection.modbus": ("connections.hall.modbus", "tcp://192.0.2.9:1502"),
    "ModbusConnection.timeout": ("connections.hall.timeout", "2s"),
    "OpcUaConnection.opcua": ("connections.plc.opcua", "opc.tcp://192.0.2.9:4840"),
    "OpcUaConnection.timeout": ("connections.plc.timeout", "2s"),
    "OpcUaConnection.user": ("connections.plc.user", "writer"),
    "OpcUaConnection.password": ("connections.plc.password", {"secret": "another"}),
    "OpcUaConnection.nodes": ("connections.plc.nodes.other", "i=6"),
    "MqttConnection.mqtt": ("connections.broker.mqtt", "mqtts://192.0.2.4"),
    "MqttConnection.timeout": ("connections.broker.timeout", "2s"),
    "MqttConnection.user": ("connections.broker.user", "writer"),
    "MqttConnection.password": ("connections.broker.password", {"secret": "another"}),
    "MqttConnection.topics": ("connections.broker.topics.third", {"filter": "third/{meter}"}),
    "TopicConfig.filter": ("connections.broker.topics.gas.filter", "else/{meter}"),
    "TopicConfig.value": ("connections.broker.topics.gas.value", "$.sum"),
    "TopicConfig.flow": ("connections.broker.topics.gas.flow", None),
    "TopicConfig.time": ("connections.broker.topics.gas.time", None),
    "ModbusMeter.on": ("meters.bare.on", "spare"),
    "ModbusMeter.name": ("meters.bare.name", "Bare"),
    "ModbusMeter.step": ("meters.bare.step", 0.5),
    "DeclaredSwap.at": ("meters.cells.swaps", [{"at": "2026-11-21T10:30:00Z"}]),
    "DeclaredSwap.starts_at": ("meters.cells.swaps", [SWAPPED | {"starts_at": 5}]),
    "DeclaredSwap.export_starts_at": ("meters.cells.swaps", [SWAPPED | {"export_starts_at": 5}]),
    "ModbusMeter.swaps": ("meters.bare.swaps", [SWAPPED]),
    "OpcUaMeter.swaps": ("meters.saw.swaps", [SWAPPED]),
    "MqttMeter.swaps": ("meters.gas.swaps", [SWAPPED]),
    "ModbusMeter.wraps_at": ("meters.bare.wraps_at", 1000),
    "ModbusMeter.accuracy_class": ("meters.bare.class", "0.5S"),
    "ModbusMeter.every": ("meters.bare.every", {"power": "5s"}),
    "ModbusMeter.max": ("meters.bare.max", "12 MW"),
    "ModbusMeter.enthalpy": ("meters.steam.enthalpy", 2500),
    "ModbusMeter.reference": ("meters.gas.reference", "20C"),
    "ModbusMeter.ct": ("meters.grid.ct", None),
    "ModbusMeter.reverse": ("meters.bare.reverse", True),
    "ModbusMeter.counter": ("meters.bare.counter", "reactive_energy_import"),
    "ModbusMeter.profile": ("meters.bare.profile", "eastron_sdm630"),
    "ModbusMeter.unit": ("meters.bare.unit", 9),
    "ModbusMeter.address": ("meters.bare.address", 100),
    "ModbusMeter.read": ("meters.bare.read", "all"),
    "Ct.ratio": ("meters.grid.ct.ratio", "600/5"),
    "Ct.applied_by": ("meters.grid.ct.applied_by", "meter"),
    "Every.power": ("meters.bare.every", {"power": "5s"}),
    "Every.energy": ("meters.bare.every", {"energy": "30s"}),
    "OpcUaMeter.name": ("meters.saw.name", "Saw"),
    "OpcUaMeter.step": ("meters.saw.step", 0.5),
    "OpcUaMeter.wraps_at": ("meters.saw.wraps_at", 1000),
    "OpcUaMeter.accuracy_class": ("meters.saw.class", 2),
    "OpcUaMeter.every": ("meters.saw.every", {"power": "5s"}),
    "OpcUaMeter.max": ("meters.saw.max", "12 MW"),
    "OpcUaMeter.ct": ("meters.saw.ct", {"ratio": "400/5", "applied_by": "wattline"}),
    "OpcUaMeter.reverse": ("meters.saw.reverse", True),
    "OpcUaMeter.counter": ("meters.saw.counter", "active_energy_net"),
    "OpcUaMeter.nodes": ("meters.saw.nodes.voltage", "i=14"),
    "OpcUaMeter.unit": ("meters.saw.unit", "MWh"),
    "MqttMeter.name": ("meters.gas.name", "Gas"),
    "MqttMeter.step": ("meters.gas.step", 0.5),
    "MqttMeter.wraps_at": ("meters.gas.wraps_at", 1000),
    "MqttMeter.accuracy_class": ("meters.gas.class", 2),
    "MqttMeter.every": ("meters.gas.every", {"power": "5s"}),
    "MqttMeter.max": ("meters.gas.max", "12 m3/h"),
    "MqttMeter.reference": ("meters.gas.reference", "15C"),
    "MqttMeter.topic": ("meters.gas.topic", "more"),
    "MqttMeter.id": ("meters.gas.id", "g2"),
    "MqttMeter.unit": ("meters.gas.unit", "l"),
    "Source.name": ("sources.grid.name", "Grid"),
    "Source.carrier": ("sources.pv", {"carrier": "natural_gas", "meter": "gas", "into": "gas_net"}),
    "Source.kind": ("sources.pv.kind", "wind"),
    "Source.meter": ("sources.pv.meter", "bare"),
    "Source.shape": ("sources.pv.shape", ["bare"]),
    "Source.into": ("sources.pv.into", "other"),
    "Source.exports": ("sources.grid.exports", True),
    "Source.owner": ("sources.pv.owner", "third_party"),
    "Storage.name": ("storages.battery.name", "Battery"),
    "Storage.bus": ("storages.battery.bus", "other"),
    "Storage.meter": ("storages.battery.meter", "pv"),
    "Storage.capacity": ("storages.battery.capacity", "1 MWh"),
    "Storage.charge_efficiency": ("storages.battery.charge_efficiency", 0.9),
    "Storage.discharge_efficiency": ("storages.battery.discharge_efficiency", 0.9),
    "Storage.account": ("storages.battery.account", "well_mixed"),
    "Storage.opening": ("storages.battery.opening", "10 kWh"),
    "Bus.name": ("buses.board.name", "Board"),
    "Bus.carrier": ("buses.other.carrier", "compressed_air"),
    "Bus.unit": ("buses.gas_net.unit", "m3"),
    "Bus.mix_over": ("buses.steam_net.mix_over", "1h"),
    "Bus.holds": ("buses.board.holds", "2h"),
    "Converter.name": ("converters.boiler.name", "Boiler"),
    "Converter.inputs": ("converters.boiler.inputs", {"gas": "gas"}),
    "Converter.outputs": ("converters.boiler.outputs", {"other": {"efficiency": 0.9}}),
    "Converter.split": ("converters.boiler.split", "energy_content"),
    "Converter.two_way": ("converters.boiler.two_way", True),
    "Converter.supply_c": ("converters.boiler.supply_c", 150),
    "Converter.ambient_c": ("converters.boiler.ambient_c", 10),
    "Output.meter": ("converters.boiler.outputs.steam_net.meter", "steam"),
    "Output.efficiency": ("converters.boiler.outputs.steam_net.efficiency", 0.8),
    "Output.basis": ("converters.boiler.outputs.steam_net.basis", "gross"),
    "Line.name": ("lines.press.name", "Press"),
    "Line.group": ("lines.press.group", "hall"),
    "Line.draws": ("lines.press.draws", {"board": "bare"}),
    "Line.output": ("lines.press.output", None),
    "Line.state": ("lines.press.state", None),
    "Line.feeds_back": ("lines.press.feeds_back", True),
    "LineOutput.good": ("lines.press.output.good", "plc.other"),
    "LineOutput.scrap": ("lines.press.output.scrap", "plc.other"),
    "LineOutput.order": ("lines.press.output.order", "plc.other"),
    "LineOutput.unit": ("lines.press.output.unit", "panel"),
    "Group.name": ("groups.hall.name", "Hall"),
    "Contract.source": ("contracts.green.source", "pv"),
    "Contract.share": ("contracts.green.share", 0.25),
    "Contract.factor": ("contracts.green.factor", 0.01),
    "Comparison.name": ("compare.pair.name", "Pair"),
    "Comparison.lines": ("compare.pair.lines", ["cutter", "press"]),
    "Comparison.figure": ("compare.pair.figure", "per_good.energy"),
    "PlantFile.groups": ("groups.third", {}),
}

# Description only: shown nowhere, or only where something else is told of it.
DESCRIPTION_ONLY = {
    "Contract.name": "tells people who read the file what the contract is",
}

# The rest of a section is changed by the settings in it.
SECTIONS = {
    f"PlantFile.{name}" for name in PlantFile.model_fields if name not in ("groups", "notify")
}

# Settings that the same setting of another model shows: a meter is a meter.
SHOWN_ELSEWHERE = {
    "OpcUaMeter.on": "ModbusMeter.on",
    "MqttMeter.on": "ModbusMeter.on",
    "OpcUaMeter.enthalpy": "ModbusMeter.enthalpy",
    "MqttMeter.enthalpy": "ModbusMeter.enthalpy",
    "OpcUaMeter.reference": "ModbusMeter.reference",
}

# What is refused at every other value, with a sentence.
ONE_VALUE_ONLY = {"OpcUaConnection.security"}

# Read by parts of their own, see `test_every_setting_of_a_service_is_read`.
SERVICES: dict[type[BaseModel], tuple[str, ...]] = {
    Influx: ("wattline",),
    Rules: ("wattline", "rules"),
    Notify: ("rules/notify", "wattline"),
}

# Fields of the resolved site that nobody reads yet.
UNREAD_IN_SITE: set[str] = set()


class Tags:
    """Registry in memory."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], int] = {}

    def tag(self, meter: str, quantity: str) -> int:
        return self.known.setdefault((meter, quantity), len(self.known))

    def names(self) -> dict[int, tuple[str, str]]:
        return {tag: name for name, tag in self.known.items()}


def downstream(text: str) -> list[object]:
    """What a plant file is turned into: the site with its factors, the tags, and every driver."""
    parsed = load_plant_text("plant.yaml", text, load_catalogue())
    tags = Tags()
    site = build_site(parsed, load_catalogue(), tags)
    made = drivers(parsed, load_catalogue(), tags, ManualClock(), secrets=lambda name: name)
    told = [_driver(driver) for driver in made]
    return [encode_control(Control(site=site)), told, tags.known]


def _driver(driver: Driver) -> object:
    if isinstance(driver, ModbusDriver):
        requests = []
        for unit in driver.units:
            for job in unit.jobs:
                blocks = [(r.block, r.question) for r in job.requests]
                requests.append((unit.id, job.grid.period, job.tags.tolist(), blocks))
        return driver.link.endpoint, driver.timeout, requests
    if isinstance(driver, MqttDriver):
        session = driver.session
        password = session.password() if session.password else ""
        plain = (session.client_id, session.timeout, session.user, password)
        router = driver.router
        return (
            driver.link.endpoint,
            plain,
            [each.point for each in router._targets],
            router.subscriptions,
        )
    assert isinstance(driver, OpcUaDriver)
    password = driver._password() if driver._password else ""
    plain = (driver.link.endpoint, driver.timeout, driver._user or "", password)
    return plain, driver.cache.signals


def changed(path: str, value: object) -> str:
    """The file with another value at a place; None takes it away."""
    document = Document("plant.yaml", PLANT).value
    *parents, last = path.split(".")
    inner: Any = document
    for part in parents:
        inner = inner.setdefault(part, {})
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return json.dumps(document)


@pytest.mark.parametrize("setting", sorted(CHANGES))
def test_a_setting_changes_something(setting: str) -> None:
    path, value = CHANGES[setting]
    assert downstream(changed(path, value)) != downstream(PLANT)


def models(annotation: object) -> Iterator[type[BaseModel]]:
    """Every model of the grammar below an annotation, those of the protocols included."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from models(field.annotation)
    for argument in getattr(annotation, "__args__", ()):
        yield from models(argument)


def of_services() -> set[str]:
    """Settings of the sections that a service of its own reads."""
    return {
        f"{model.__name__}.{field}"
        for service in SERVICES
        for model in models(service)
        for field in model.model_fields
    }


def test_every_setting_is_listed() -> None:
    found: set[str] = set()
    for model in models(PlantFile):
        found |= {f"{model.__name__}.{field}" for field in model.model_fields}
    for entry in PROTOCOLS.values():
        for top in (entry.connection, entry.meter):
            for model in models(top):
                found |= {f"{model.__name__}.{field}" for field in model.model_fields}
    # The bases of connections and meters stand for those of the protocols.
    found -= {name for name in found if name.split(".")[0] in ("Connection", "Meter")}
    listed = {
        *CHANGES,
        *DESCRIPTION_ONLY,
        *SECTIONS,
        *SHOWN_ELSEWHERE,
        *ONE_VALUE_ONLY,
        *of_services(),
        "PlantFile.notify",
    }
    assert found - listed == set(), "give each a change in CHANGES, or say why it needs none"
    assert listed - found == set(), "listed, and not there any more"


def names_read(*folders: str) -> set[str]:
    """Every attribute that the code of these folders reads, and every word it looks up by name."""
    found: set[str] = set()
    for folder in folders:
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Attribute):
                    found.add(node.attr)
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.add(node.value)
    return found


@pytest.mark.parametrize("service", SERVICES, ids=lambda model: model.__name__)
def test_every_setting_of_a_service_is_read(service: type[BaseModel]) -> None:
    read = names_read(*SERVICES[service], "plant")
    for model in models(service):
        assert set(model.model_fields) <= read, model.__name__


def test_every_field_of_the_site_is_read() -> None:
    read = names_read(*PRODUCT)
    unread: set[str] = set()
    for name, struct in vars(plant.site).items():
        if isinstance(struct, type) and issubclass(struct, msgspec.Struct):
            fields = [field.name for field in msgspec.structs.fields(struct)]
            unread |= {f"{name}.{field}" for field in fields if field not in read}
    assert unread == UNREAD_IN_SITE
