"""Reading each meter of a Modbus connection once, with everything that looks wrong.

A wrong word order, a wrong profile or a wrong unit id usually still decodes; only the size of the
values gives it away.
"""

from __future__ import annotations

from math import isnan

from collector.assignment import Assignment
from collector.decode import compile_block
from collector.drivers.modbus import ModbusDriver, Refused, build
from collector.drivers.modbus_meter import Unit
from collector.plan import Block, wanted_rows
from collector.probe import ProbeRow, implausible
from plant.errors import DeviceError
from plant.profile import Check, Profile, Row
from plant.quantity import QUANTITIES


async def probe(assignment: Assignment, wait_s: float) -> list[ProbeRow]:
    """What each meter of the connection says; the connection's own timeout bounds the wait."""
    driver = build(assignment)
    endpoint = driver.link.endpoint
    results = [ProbeRow(unit.id, endpoint) for unit in driver.units]
    try:
        await driver.connect()
        for unit, result in zip(
            driver.units,
            results,
            strict=True,
        ):
            if not driver.connected:
                await driver.connect()

            await _Probe(driver, unit, result).run()
    except DeviceError as error:
        for result in results:
            if not result.values and not result.problems:
                result.problems.append(str(error))
    finally:
        driver.close()

    return results


class _Probe:
    """The probe of one unit."""

    def __init__(
        self,
        driver: ModbusDriver,
        unit: Unit,
        result: ProbeRow,
    ) -> None:
        self.driver = driver
        self.unit = unit
        self.result = result

    async def run(self) -> None:
        """Read block by block; a refused block is a problem of its own, a silent unit ends it."""
        for block in self.unit.plan(self._rows()):
            request = self.unit.request(block)
            try:
                registers = await self.driver.ask(self.unit, request)
            except Refused as error:
                self._problem(str(error))
                continue
            except DeviceError as error:
                self._problem(str(error))
                return

            self._take(block, request.decode(registers).tolist())
            self._word_order(block, registers)

        for check in self.unit.profile.identify:
            await self._identify(check)

    def _rows(self) -> list[Row]:
        """What is read anyway, and what tells the model."""
        profile = self.unit.profile
        rows = wanted_rows(self.unit.meter, profile)
        told_by = {check.name for check in profile.identify if check.quantity}
        for row in profile.registers:
            if row.name in told_by and row not in rows:
                rows.append(row)

        return rows

    def _problem(self, text: str) -> None:
        self.result.problems.append(text)

    def _take(self, block: Block, values: list[float]) -> None:
        for row, value in zip(
            block.rows,
            values,
            strict=True,
        ):
            self.result.values[row.name] = value
            problem = implausible(row.name, value)
            if problem is not None:
                self._problem(problem)

    def _word_order(self, block: Block, registers: bytes) -> None:
        """Say so if values are implausible as they stand, and plausible with their words turned."""
        telling = [index for index, row in enumerate(block.rows) if _tells_order(row)]
        names = [block.rows[index].name for index in telling]
        if all(implausible(name, self.result.values[name]) is None for name in names):
            return

        other = _other_order(self.unit.profile)
        turned = compile_block(block, other)(registers)
        values = [float(turned[index]) for index in telling]
        fits = [
            implausible(*pair) is None
            for pair in zip(
                names,
                values,
                strict=True,
            )
        ]
        if all(fits):
            self._problem(
                f"the values fit with word order {other}: "
                "wrong setting of the device, or wrong profile",
            )

    async def _identify(self, check: Check) -> None:
        """A value between limits, or a register that holds certain numbers."""
        if check.quantity is not None:
            found = self.result.values.get(check.name)
        else:
            found = await self._register(check)

        if found is None or isnan(found):
            return

        ask = f"is this a {self.unit.profile.model}?"
        if check.between is not None:
            low, high = check.between
            if not low <= found <= high:
                self._problem(f"{check.name}: {found:g} is not between {low:g} and {high:g}: {ask}")

        if check.expect and found not in check.expect:
            self._problem(f"{check.name}: {found:g} is none of {check.expect}: {ask}")

    async def _register(self, check: Check) -> float | None:
        """The number in a register of the device; None where it does not give it."""
        row = Row(
            quantity="status",
            address=check.address or 0,
            type="uint16",
            unit="1",
        )
        (block,) = self.unit.plan([row])
        try:
            registers = await self.driver.ask(self.unit, self.unit.request(block))
        except DeviceError as error:
            self._problem(f"cannot be identified: {error}")
            return None

        return float(int.from_bytes(registers, "big"))


def _tells_order(row: Row) -> bool:
    """Whether a row's size gives a wrong word order away: more than one word, and known bounds."""
    known = QUANTITIES.get(row.quantity)
    return row.registers > 1 and known is not None and known.bounded


def _other_order(profile: Profile) -> str:
    return "low_first" if profile.defaults.word_order == "high_first" else "high_first"
