"""The OPC UA driver against an asyncua server in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from asyncua import Server, ua

from collector.build import drivers
from plant.clock import SystemClock
from plant.config import PlantFile
from plant.frame import Quality
from tests.integration.collector.test_modbus import Heard, Tags

pytestmark = pytest.mark.net
URI = "urn:wattline:test"
NODES = {"power": 12.5, "energy": 2.0, "good": 7, "state": "RUN"}


@asynccontextmanager
async def serving(
    port: int = 0, first: tuple[str, ...] = ()
) -> AsyncIterator[tuple[Server, dict[str, Any], int]]:
    """A server with the bench nodes; `first` are namespaces registered before ours."""
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/bench")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    for uri in first:
        await server.register_namespace(uri)
    index = await server.register_namespace(URI)
    nodes = {
        name: await server.nodes.objects.add_variable(ua.NodeId(name, index), name, value)
        for name, value in NODES.items()
    }
    await server.start()
    try:
        yield server, nodes, server.bserver._server.sockets[0].getsockname()[1]
    finally:
        await server.stop()


@asynccontextmanager
async def reading(port: int) -> AsyncIterator[tuple[Any, Heard]]:
    plant = PlantFile.model_validate(
        {
            "site": {"id": "t", "timezone": "UTC", "grid": "CN-ZJ"},
            "connections": {
                "plc": {
                    "opcua": f"opc.tcp://127.0.0.1:{port}/bench",
                    "nodes": {name: f"nsu={URI};s={name}" for name in ("good", "state", "absent")},
                }
            },
            "meters": {
                "saw": {
                    "on": "plc",
                    "unit": "MWh",
                    "every": {"power": 0.5},
                    "nodes": {
                        "active_power": f"nsu={URI};s=power",
                        "active_energy_import": f"nsu={URI};s=energy",
                    },
                }
            },
        }
    )
    tags = Tags()
    (driver,) = drivers(plant, {}, tags, SystemClock())
    heard = Heard(tags)
    task = asyncio.create_task(driver.run(heard))
    try:
        yield driver, heard
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def texts(heard: Heard) -> list[str]:
    return [event.text for batch in heard.batches for event in batch.events]


async def test_values_events_changes_and_repetition() -> None:
    async with serving() as (_, nodes, port), reading(port) as (driver, heard):
        await heard.until(lambda: len(heard.of("saw")) == 2 and "good" in heard.of("plc"))
        assert heard.of("saw") == {"active_power.total": 12.5, "active_energy_import.total": 2000.0}
        assert heard.of("plc") == {"good": 7.0}
        await heard.until(lambda: texts(heard) == ["RUN"])
        before = len(heard.batches)
        await heard.until(
            lambda: len(heard.batches) >= before + 3
        )  # nothing changes, yet values go on
        await nodes["good"].write_value(8)
        await nodes["state"].write_value("IDLE")
        await heard.until(
            lambda: heard.of("plc")["good"] == 8.0 and texts(heard) == ["RUN", "IDLE"]
        )
        health = driver.health()
        assert health["connection"]["state"] == "up"
        assert health["connection"]["counts"] == {"refused_nodes": 1}
        assert "plc.absent" in health["connection"]["last_error"]
        assert health["meters"]["saw"]["last_ms"] is not None
        for tag in {int(t) for batch in heard.batches for t in batch.tag}:
            times = [
                int(ts)
                for batch in heard.batches
                for ts, t in zip(batch.ts, batch.tag, strict=True)
                if t == tag
            ]
            assert times == sorted(times)


async def test_bad_and_uncertain_values_are_marked() -> None:
    async with serving() as (_, nodes, port), reading(port) as (_, heard):
        await heard.until(lambda: "good" in heard.of("plc"))
        good = heard.tags.known["plc", "good"]

        def marks() -> set[int]:
            return {
                int(q)
                for b in heard.batches
                for q, t in zip(b.quality, b.tag, strict=True)
                if t == good
            }

        for code in (ua.StatusCodes.UncertainInitialValue, ua.StatusCodes.BadSensorFailure):
            status = ua.StatusCode(code)
            await nodes["good"].write_value(
                ua.DataValue(ua.Variant(9, ua.VariantType.Int64), StatusCode=status)
            )
        await heard.until(lambda: {Quality.UNCERTAIN, Quality.BAD} <= marks())


async def test_a_lost_server_makes_states_unknown_and_is_found_again() -> None:
    async with serving() as (_, _, port):
        stack = reading(port)
        driver, heard = await stack.__aenter__()
        await heard.until(lambda: texts(heard) == ["RUN"])
    try:
        await heard.until(lambda: texts(heard) == ["RUN", "UNKNOWN"])
        async with serving(port, ("urn:another:before",)):  # the namespace index has moved
            before = len(heard.batches)
            await heard.until(
                lambda: texts(heard) == ["RUN", "UNKNOWN", "RUN"] and len(heard.batches) > before,
                40,
            )
            assert driver.health()["connection"]["reconnects"] == 1
    finally:
        await stack.__aexit__(None, None, None)
