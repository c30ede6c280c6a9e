"""Drivers of a plant: one per connection that has something to read."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from collector.drivers.modbus import ModbusDriver
from collector.drivers.modbus_meter import ModbusMeter, add_jobs
from collector.drivers.mqtt import MqttDriver
from collector.drivers.mqtt_payload import Point, Router, parse_path, subscription
from collector.drivers.opcua import OpcUaDriver
from collector.drivers.opcua_cache import Signal
from collector.health import LinkHealth
from plant.clock import Clock
from plant.config import Connection, Meter, PlantFile
from plant.ports import Driver, Tags
from plant.profile import Profile
from plant.quantity import QUANTITIES
from plant.units import to_canonical

Secrets = Callable[[str], str]


def drivers(
    plant: PlantFile,
    catalogue: Mapping[str, Profile],
    tags: Tags,
    clock: Clock,
    endpoints: Mapping[str, str] | None = None,
    secrets: Secrets = lambda name: "",
) -> list[Driver]:
    """One driver per connection; `endpoints` replaces addresses by connection id, `secrets` gives a secret by name."""
    found: list[Driver] = []
    for key, connection in plant.connections.items():
        meters = {m: meter for m, meter in plant.meters.items() if meter.on == key}
        if not meters and not connection.nodes:
            continue
        link = link_of(key, connection, (endpoints or {}).get(key))
        if connection.protocol == "modbus":
            found.append(modbus_driver(link, connection, meters, catalogue, tags, clock))
        elif connection.protocol == "opcua":
            found.append(opcua_driver(link, connection, meters, tags, clock, secrets))
        else:
            site = plant.site.id
            found.append(
                mqtt_driver(
                    link, connection, meters, tags, clock, secrets, f"wattline-{site}-{key}"
                )
            )
    return found


def link_of(key: str, connection: Connection, endpoint: str | None = None) -> LinkHealth:
    """Health of a connection, with the address in force."""
    logger = logging.getLogger(f"wattline.collector.{connection.protocol}")
    return LinkHealth(key, connection.protocol, endpoint or connection.endpoint, logger)


def modbus_driver(
    link: LinkHealth,
    connection: Connection,
    meters: Mapping[str, Meter],
    catalogue: Mapping[str, Profile],
    tags: Tags,
    clock: Clock,
) -> ModbusDriver:
    """The poller of one Modbus TCP connection."""
    units = []
    for key, meter in meters.items():
        profile = catalogue[meter.profile or ""]
        unit = ModbusMeter(key, meter, profile, link.add(key, profile.id, {}))
        add_jobs(unit, link.id, tags, clock.speed)
        units.append(unit)
    return ModbusDriver(link, units, clock, connection.timeout)


def opcua_driver(
    link: LinkHealth,
    connection: Connection,
    meters: Mapping[str, Meter],
    tags: Tags,
    clock: Clock,
    secrets: Secrets,
) -> OpcUaDriver:
    """The subscription of one OPC UA server: nodes of its meters, and signals of the connection itself."""
    if connection.security != "None":
        link.down(f"security {connection.security} needs certificates, which are not supported yet")
    signals = []
    for key, meter in meters.items():
        every = meter.every.power
        unit = meter.unit if isinstance(meter.unit, str) else "kWh"
        link.add(key, "opcua", {"power": every})
        for quantity, node in meter.nodes.items():
            name = f"{quantity}.total"
            factor = QUANTITIES[quantity].factor_unmapped(unit)
            signals.append(Signal(key, name, node, tags.tag(key, name), factor, every))
    for name, node in connection.nodes.items():
        signals.append(Signal(link.id, name, node, tags.tag(link.id, name)))
    return OpcUaDriver(
        link, signals, clock, connection.timeout, connection.user, _password(connection, secrets)
    )


def mqtt_driver(
    link: LinkHealth,
    connection: Connection,
    meters: Mapping[str, Meter],
    tags: Tags,
    clock: Clock,
    secrets: Secrets,
    client_id: str,
    *,
    keep: bool = True,
) -> MqttDriver:
    """The subscriber of one broker; with `keep` the broker holds messages for it while it is away."""
    points = []
    for key, meter in meters.items():
        topic = connection.topics[meter.topic or ""]
        link.add(key, f"mqtt:{meter.topic}", {"power": meter.every.power})
        points.append(
            Point(
                meter=key,
                pattern=topic.filter.replace("{meter}", meter.id or ""),
                value=parse_path(topic.value),
                tag=tags.tag(key, "counter.total"),
                factor=to_canonical(str(meter.unit))[1],
                flow=parse_path(topic.flow) if topic.flow else None,
                flow_tag=tags.tag(key, "flow.total") if topic.flow else -1,
                time=parse_path(topic.time) if topic.time else None,
            )
        )
    patterns = [
        pattern
        for name, topic in connection.topics.items()
        for pattern in subscription(
            topic.filter, [m.id or "" for m in meters.values() if m.topic == name]
        )
    ]
    router = Router(points, patterns, link)
    password = _password(connection, secrets)
    return MqttDriver(
        link, router, clock, connection.timeout, client_id, connection.user, password, keep
    )


def _password(connection: Connection, secrets: Secrets) -> Callable[[], str] | None:
    """The password when it is needed, so that it is never kept."""
    secret = connection.password
    return (lambda: secrets(secret.secret)) if secret is not None else None
