"""The protocols that Wattline speaks: one entry each, and nothing else anywhere asks which there
are.

A protocol is its entry here, with what may stand in a plant file in a module of this folder, and
two files that do I/O: its driver in `collector/drivers` and its device in `simulator/devices`.
"""

from __future__ import annotations

from typing import Final

from plant.protocols import modbus, mqtt, opcua
from plant.protocols.base import Protocol

_ENTRIES: Final = (
    Protocol(
        connection=modbus.ModbusConnection,
        meter=modbus.ModbusMeter,
        check=modbus.check,
        channels=modbus.channels,
        build="collector.drivers.modbus:build",
        probe="collector.drivers.modbus_probe:probe",
        simulate="simulator.devices.modbus:play",
    ),
    Protocol(
        connection=opcua.OpcUaConnection,
        meter=opcua.OpcUaMeter,
        check=opcua.check,
        channels=opcua.channels,
        build="collector.drivers.opcua:build",
        probe="collector.drivers.opcua:probe",
        simulate="simulator.devices.opcua:play",
        pushed=True,
    ),
    Protocol(
        connection=mqtt.MqttConnection,
        meter=mqtt.MqttMeter,
        check=mqtt.check,
        channels=mqtt.channels,
        build="collector.drivers.mqtt:build",
        probe="collector.drivers.mqtt:probe",
        simulate="simulator.devices.sensors:play",
        pushed=True,
    ),
)

PROTOCOLS: Final = {entry.word: entry for entry in _ENTRIES}

PUSHED: Final = frozenset(entry.word for entry in _ENTRIES if entry.pushed)
"""Words of the protocols whose devices say their values when they change."""
