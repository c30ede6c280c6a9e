"""One read of every meter, and whether what came back is plausible: for commissioning, before anything is stored.

A wrong word order, a wrong profile or a wrong unit id usually still decodes; only the size of the values gives it away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import isnan

from collector.build import link_of, modbus_driver, mqtt_driver, opcua_driver
from collector.catalogue import load_catalogue
from collector.decode import compile_block
from collector.drivers.modbus import ModbusDriver, Refused, quiet_library
from collector.drivers.modbus_meter import Job, ModbusMeter, Request
from collector.drivers.mqtt import MqttDriver
from collector.drivers.opcua import OpcUaDriver
from collector.plan import Block, plan_blocks, wanted_rows
from plant.clock import SystemClock
from plant.config import Connection, Meter, PlantFile
from plant.errors import DeviceError
from plant.frame import Batch
from plant.ports import Driver
from plant.profile import Profile, Row
from plant.quantity import ANYTHING, QUANTITIES

Secrets = Callable[[str], str]


@dataclass(slots=True)
class ProbeRow:
    """What one meter said: canonical values by name, and everything that looks wrong."""

    meter: str
    endpoint: str
    values: dict[str, float] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return bool(self.values) and not self.problems


class _Tags:
    """Tags that live as long as the probe."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], int] = {}

    def tag(self, meter: str, quantity: str) -> int:
        return self._known.setdefault((meter, quantity), len(self._known))

    def names(self) -> dict[int, tuple[str, str]]:
        return {tag: name for name, tag in self._known.items()}


def implausible(name: str, value: float) -> str | None:
    """Why a value cannot be right, or None. Canonical units; names as in `Row.name`."""
    quantity, _, phase = name.partition(".")
    if isnan(value):
        return f"{name}: no value (the device says not available)"
    known = QUANTITIES.get(quantity)
    between = known.plausible(phase) if known else ANYTHING
    if between.holds(value):
        return None
    return f"{name}: {value:g} is not between {between.low:g} and {between.high:g}"


async def probe(
    plant: PlantFile,
    catalogue: Mapping[str, Profile] | None = None,
    endpoints: Mapping[str, str] | None = None,
    secrets: Secrets = lambda name: "",
    wait_s: float = 10.0,
) -> list[ProbeRow]:
    """Read each meter of the plant once, connections side by side; nothing is written anywhere."""
    known = load_catalogue() if catalogue is None else catalogue
    work = []
    for key, connection in plant.connections.items():
        meters = {m: meter for m, meter in plant.meters.items() if meter.on == key}
        if meters:
            endpoint = (endpoints or {}).get(key, connection.endpoint)
            work.append(_connection(key, connection, endpoint, meters, known, secrets, wait_s))
    return [row for rows in await asyncio.gather(*work) for row in rows]


async def _connection(
    key: str,
    connection: Connection,
    endpoint: str,
    meters: Mapping[str, Meter],
    catalogue: Mapping[str, Profile],
    secrets: Secrets,
    wait_s: float,
) -> list[ProbeRow]:
    tags = _Tags()
    clock = SystemClock()
    link = link_of(key, connection, endpoint)
    if connection.protocol == "modbus":
        return await _modbus(modbus_driver(link, connection, meters, catalogue, tags, clock))
    driver: OpcUaDriver | MqttDriver
    if connection.protocol == "opcua":
        driver = opcua_driver(link, connection, meters, tags, clock, secrets)
    else:
        driver = mqtt_driver(
            link, connection, meters, tags, clock, secrets, f"wattline-probe-{key}", keep=False
        )
    return await _listen(driver, endpoint, list(meters), tags, wait_s)


async def _modbus(driver: ModbusDriver) -> list[ProbeRow]:
    quiet_library()
    rows = [ProbeRow(meter.id, driver.link.endpoint) for meter in driver.meters]
    try:
        await driver.connect()
        for meter, row in zip(driver.meters, rows, strict=True):
            if not driver.connected:
                await driver.connect()
            await _meter(driver, meter, row)
    except DeviceError as error:
        for row in rows:
            if not row.values and not row.problems:
                row.problems.append(str(error))
    finally:
        driver.close()
    return rows


async def _meter(driver: ModbusDriver, meter: ModbusMeter, result: ProbeRow) -> None:
    """Read what is wanted and what identifies the device, block by block; a refused block is a problem of its own."""
    names = {
        (c["quantity"], c.get("phase", "total")) for c in meter.profile.identify if "quantity" in c
    }
    wanted = wanted_rows(meter.meter, meter.profile)
    extra = [
        r for r in meter.profile.registers if (r.quantity, r.phase) in names and r not in wanted
    ]
    for block in plan_blocks([*wanted, *extra], meter.profile.defaults, meter.meter.address):
        try:
            request = meter.jobs[0].request(block)
            registers = await driver.ask(meter, request)
        except Refused as error:
            result.problems.append(str(error))
            continue
        except DeviceError as error:
            result.problems.append(str(error))
            return
        _take(result, block, [float(v) for v in request.decode(registers)])
        _word_order(result, block, registers, meter.profile)
    await _identify(driver, meter, result)


def _take(result: ProbeRow, block: Block, values: list[float]) -> None:
    for row, value in zip(block.rows, values, strict=True):
        result.values[row.name] = value
        problem = implausible(row.name, value)
        if problem:
            result.problems.append(problem)


def _word_order(result: ProbeRow, block: Block, registers: bytes, profile: Profile) -> None:
    """If values are implausible as they stand and plausible with the words the other way round, say so."""
    long = [i for i, row in enumerate(block.rows) if row.registers > 1 and _bounded(row)]
    if not any(implausible(block.rows[i].name, result.values[block.rows[i].name]) for i in long):
        return
    other = "low_first" if profile.defaults.word_order == "high_first" else "high_first"
    turned = compile_block(block, other)(registers)
    if all(implausible(block.rows[i].name, float(turned[i])) is None for i in long):
        result.problems.append(
            f"the values fit with word order {other}: wrong setting of the device, or wrong profile"
        )


def _bounded(row: Row) -> bool:
    known = QUANTITIES.get(row.quantity)
    return known is not None and known.bounded


async def _identify(driver: ModbusDriver, meter: ModbusMeter, result: ProbeRow) -> None:
    """The checks of the profile: values between limits, or registers that hold certain numbers."""
    for check in meter.profile.identify:
        if "quantity" in check:
            name = f"{check['quantity']}.{check.get('phase', 'total')}"
            found = result.values.get(name)
        else:
            name = f"register {check['address']}"
            found = await _register(driver, meter, int(check["address"]), result)
        if found is None or isnan(found):
            continue
        between = check.get("between")
        expect = check.get("expect")
        if between and not between[0] <= found <= between[1]:
            problem = f"{name}: {found:g} is not between {between[0]} and {between[1]}: is this a {meter.profile.model}?"
            result.problems.append(problem)
        if expect and found not in expect:
            result.problems.append(
                f"{name}: {found:g} is none of {expect}: is this a {meter.profile.model}?"
            )


async def _register(
    driver: ModbusDriver, meter: ModbusMeter, address: int, result: ProbeRow
) -> float | None:
    row = Row(quantity="status", phase="total", address=address, type="uint16", unit="1")
    (block,) = plan_blocks([row], meter.profile.defaults, meter.meter.address)
    job: Job = meter.jobs[0]
    request: Request = job.request(block)
    try:
        return float(int.from_bytes(await driver.ask(meter, request), "big"))
    except DeviceError as error:
        result.problems.append(f"cannot be identified: {error}")
        return None


async def _listen(
    driver: Driver, endpoint: str, meters: list[str], tags: _Tags, wait_s: float
) -> list[ProbeRow]:
    """Let a subscribing driver run until every meter was heard or the time is over."""
    rows = {meter: ProbeRow(meter, endpoint) for meter in meters}
    names = tags.names()
    done = asyncio.Event()

    def sink(batch: Batch) -> None:
        for tag, value in zip(batch.tag.tolist(), batch.value.tolist(), strict=True):
            meter, name = names[tag]
            if meter in rows:
                rows[meter].values[name] = value
        if all(row.values for row in rows.values()):
            done.set()

    task = asyncio.create_task(driver.run(sink))
    waiter = asyncio.create_task(done.wait())
    await asyncio.wait({task, waiter}, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
    for each in (task, waiter):
        each.cancel()
    await asyncio.gather(task, waiter, return_exceptions=True)
    error = driver.health()["connection"]["last_error"]
    for row in rows.values():
        found = [implausible(name, value) for name, value in row.values.items()]
        row.problems += [problem for problem in found if problem]
        if not row.values:
            row.problems.append(error or f"nothing heard within {wait_s:g} s")
    return list(rows.values())
