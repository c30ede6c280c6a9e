"""Drivers of a plant file: one per connection that has something to read."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from collector.drivers.modbus import ModbusDriver
from collector.drivers.mqtt import MqttDriver, TopicPoint
from collector.drivers.opcua import OpcUaDriver, Point
from plant import units
from plant.clock import Clock
from plant.config import Connection, Meter, PlantFile
from plant.ports import Driver, Tags
from plant.profile import Profile

Secrets = Callable[[str], str]


def drivers(plant: PlantFile, catalogue: Mapping[str, Profile], tags: Tags, clock: Clock, endpoints: Mapping[str, str], secrets: Secrets) -> list[Driver]:
    """`endpoints` replace the addresses of connections by id (simulated devices)."""
    built: list[Driver] = []
    for key, connection in plant.connections.items():
        meters = {m: meter for m, meter in plant.meters.items() if meter.on == key}
        endpoint = endpoints.get(key, connection.endpoint)
        password = secrets(connection.password.secret) if connection.password else None
        if connection.protocol == "modbus" and meters:
            built.append(ModbusDriver(key, connection, endpoint, meters, dict(catalogue), tags, clock))
        elif connection.protocol == "opcua" and (points := _points(plant, key, connection, meters, tags)):
            built.append(OpcUaDriver(key, connection, endpoint, points, clock, password))
        elif connection.protocol == "mqtt" and meters:
            topics = [_topic(m, meter, connection, tags) for m, meter in meters.items()]
            built.append(MqttDriver(key, connection, endpoint, topics, clock, password))
    return built


def _points(plant: PlantFile, key: str, connection: Connection, meters: Mapping[str, Meter], tags: Tags) -> list[Point]:
    points = []
    for meter_id, meter in meters.items():
        for quantity, node in meter.nodes.items():
            every = meter.every.energy if "energy" in quantity else meter.every.power
            factor = units.to_canonical(str(meter.unit))[1] if meter.unit and "energy" in quantity else 1.0
            points.append(Point(node, tags.tag(meter_id, f"{quantity}.total"), False, factor, meter_id, every))
    texts = {signal for line in plant.lines.values() for signal in (line.state, line.output.order if line.output else None) if signal}
    for name, node in connection.nodes.items():
        points.append(Point(node, tags.tag(key, name), f"{key}.{name}" in texts, 1.0, "", 10.0))
    return points


def _topic(key: str, meter: Meter, connection: Connection, tags: Tags) -> TopicPoint:
    topic = connection.topics[str(meter.topic)]
    factor = units.to_canonical(str(meter.unit))[1]
    flow = tags.tag(key, "flow.total") if topic.flow else None
    return TopicPoint(key, topic.filter.replace("{meter}", str(meter.id)), tags.tag(key, "counter.total"), flow, topic.value, topic.flow, topic.time, factor)
