"""A Modbus TCP responder of our own: one port per connection of the
plant file, any unit ids behind it, functions 3 and 4.

Own, and not a library's server, because faults live on the wire (silence, late
answers, one bad register inside a block), unit ids need their own limits, and
the ledger must know which value left at which event time.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NamedTuple

from plant.profile import Profile, Row
from plant.protocols.modbus import ModbusMeter
from simulator.devices.instruments import Instruments
from simulator.devices.stage import Stage
from simulator.meters import basic_rows
from simulator.surroundings import Look

ILLEGAL_FUNCTION = 1
ILLEGAL_ADDRESS = 2
ILLEGAL_VALUE = 3
GATEWAY_NO_ANSWER = 0x0B
_HEAD: Final = struct.Struct(">HHHBB")
_SUNS: Final = 40_000


class _SunspecModel(NamedTuple):
    """A model of the SunSpec chain: its number and its length in registers."""

    number: int
    length: int


_MODEL: Final = {
    "sunspec_inverter_int": _SunspecModel(103, 50),
    "sunspec_inverter_float": _SunspecModel(113, 60),
    "sunspec_meter_int": _SunspecModel(203, 105),
    "sunspec_meter_float": _SunspecModel(213, 124),
}


async def play(stage: Stage) -> str:
    """Serve a Modbus connection."""
    server = ModbusServer(Station(stage.connection, stage.instruments, stage.now))
    stage.running.append(server)
    return await server.start()


class Slot(NamedTuple):
    """What one register shows: a word of a row of a meter."""

    meter: str
    row: Row
    word: int


@dataclass(slots=True)
class ServedUnit:
    """One unit id: for each function code which register shows
    what; `zeros` are gaps that one read may bridge.
    """

    slots: dict[int, dict[int, Slot]] = field(default_factory=lambda: {3: {}, 4: {}})
    fixed: dict[int, int] = field(default_factory=dict)
    zeros: set[tuple[int, int]] = field(default_factory=set)
    limit: int = 125
    meters: list[str] = field(default_factory=list)


class Refused(Exception):
    """Answer with an exception code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def add_meter(
    unit: ServedUnit,
    meter: str,
    profile: Profile,
    base: int,
    scales: dict[int, int],
) -> None:
    """Put the map of a meter behind a unit id, `base` added to every address."""
    for row in profile.registers:
        code = row.function_code or profile.defaults.function_code
        for word in range(row.registers):
            address = base + row.address + word
            unit.slots[code].setdefault(address, Slot(meter, row, word))

    if profile.id in _MODEL:
        unit.fixed.update(_sunspec(base, _MODEL[profile.id]))

    for address, exponent in scales.items():
        unit.fixed[base + address] = exponent & 0xFFFF

    for code in (3, 4):
        _bridge_gaps(unit, code, profile.defaults.max_gap)

    unit.limit = min(unit.limit, profile.defaults.max_registers_per_request)
    unit.meters.append(meter)


def _bridge_gaps(
    unit: ServedUnit,
    code: int,
    widest: int,
) -> None:
    """Registers between two that are there read as zero, where one read may bridge them."""
    there = set(unit.slots[code])
    if code == 3:
        there.update(unit.fixed)

    for before, after in pairwise(sorted(there)):
        gap = range(before + 1, after)
        if 0 < len(gap) <= widest:
            unit.zeros.update((code, address) for address in gap)


def _sunspec(base: int, model: _SunspecModel) -> dict[int, int]:
    """The chain of model headers: SunS, common model up to `base`, this model, end."""
    body = base + 2
    end = body + model.length
    chain = dict.fromkeys(range(body, end), 0)
    chain[base] = model.number
    chain[base + 1] = model.length
    chain[end] = 0xFFFF
    chain[end + 1] = 0
    if base in (_SUNS + 69, _SUNS + 70):
        common = _SUNS + 4
        chain |= dict.fromkeys(range(common, base), 0)
        chain[_SUNS] = 0x5375
        chain[_SUNS + 1] = 0x6E53
        chain[_SUNS + 2] = 1
        chain[_SUNS + 3] = base - common

    return chain


@dataclass(slots=True)
class _Answer:
    """One request while it is answered: looks by meter and words by
    row, so that all its registers are of one moment.
    """

    now: int
    looks: dict[str, Look] = field(default_factory=dict)
    rows: dict[tuple[str, int], tuple[int, ...]] = field(default_factory=dict)


class Station:
    """All unit ids of one connection."""

    def __init__(
        self,
        connection: str,
        instruments: Instruments,
        now: Callable[[], int],
        turnaround_s: float = 0.0,
    ) -> None:
        self.connection = connection
        self.instruments = instruments
        self.now = now
        self.turnaround_s = turnaround_s
        self.units: dict[int, ServedUnit] = {}
        for key, meter in instruments.plant.meters.items():
            model = instruments.world.meters.get(key)
            if meter.on != connection or model is None or model.profile is None:
                continue

            seat = ModbusMeter.of(meter)
            unit = self.units.setdefault(seat.unit, ServedUnit())
            add_meter(
                unit,
                key,
                model.profile,
                seat.address,
                model.scales,
            )

    def answer(self, unit_id: int, pdu: bytes) -> tuple[bytes | None, float]:
        """Answer of a request and the real seconds to wait before it; None is silence."""
        unit = self.units.get(unit_id)
        now = self.now()
        code = pdu[0]
        if unit is None:
            return bytes((code | 0x80, GATEWAY_NO_ANSWER)), 0.0

        lasting = [self.instruments.faults.lasting(meter, now) for meter in unit.meters]
        if any("silent" in found for found in lasting):
            return None, 0.0

        delays = [found["late"].delay_s for found in lasting if "late" in found]
        wait = max(self.turnaround_s, *delays, 0.0)
        try:
            return self._read(
                unit,
                code,
                pdu,
                now,
            ), wait
        except Refused as refused:
            return bytes((code | 0x80, refused.code)), wait

    def _read(
        self,
        unit: ServedUnit,
        code: int,
        pdu: bytes,
        now: int,
    ) -> bytes:
        """Answer of functions 3 and 4; Refused where a device would answer with an exception."""
        if code not in (3, 4):
            raise Refused(ILLEGAL_FUNCTION)

        if len(pdu) != 5:
            raise Refused(ILLEGAL_VALUE)

        start, count = struct.unpack(">HH", pdu[1:])
        if not 1 <= count <= unit.limit:
            raise Refused(ILLEGAL_VALUE)

        values = self._registers(
            unit,
            code,
            start,
            count,
            now,
        )
        return struct.pack(
            f">BB{count}H",
            code,
            2 * count,
            *values,
        )

    def _registers(
        self,
        unit: ServedUnit,
        code: int,
        start: int,
        count: int,
        now: int,
    ) -> list[int]:
        """Values of a block; each meter that it touches has answered one poll."""
        slots = unit.slots[code]
        answer = _Answer(now)
        found = []
        for address in range(start, start + count):
            slot = slots.get(address)
            if slot is None:
                found.append(self._fixed(unit, code, address))
            else:
                found.append(self._words(slot, answer)[slot.word])

        for meter in answer.looks:
            self.instruments.ledger.poll(
                meter,
                f"{code}:{start}+{count}",
                count,
            )

        return found

    def _words(self, slot: Slot, answer: _Answer) -> tuple[int, ...]:
        """Registers of the row that a slot belongs to."""
        key = (slot.meter, slot.row.address)
        if key not in answer.rows:
            look = self._look(slot.meter, answer)
            lasting = self.instruments.faults.lasting(slot.meter, answer.now)
            if "bad_register" in lasting and slot.row.name == self._bad_row(slot.meter):
                raise Refused(ILLEGAL_ADDRESS)

            answer.rows[key] = self.instruments.words(
                slot.meter,
                slot.row,
                look,
                answer.now,
            )

        return answer.rows[key]

    def _look(self, meter: str, answer: _Answer) -> Look:
        if meter not in answer.looks:
            at = self.instruments.time_of(meter, answer.now)
            answer.looks[meter] = self.instruments.look(meter, at)

        return answer.looks[meter]

    def _bad_row(self, meter: str) -> str:
        """The row that answers with exception 2: power factor where
        there is one, else the last that a collector reads.
        """
        names = [row.name for row in basic_rows(self.instruments.world.meters[meter])]
        return "power_factor.total" if "power_factor.total" in names else names[-1]

    @staticmethod
    def _fixed(
        unit: ServedUnit,
        code: int,
        address: int,
    ) -> int:
        """A register that shows no value of a meter: a header, a scale, or a gap."""
        if address in unit.fixed and code == 3:
            return unit.fixed[address]

        if (code, address) in unit.zeros:
            return 0

        raise Refused(ILLEGAL_ADDRESS)


class _Wire(asyncio.Protocol):
    """One TCP connection: frames in, frames out, in order of their waiting times."""

    def __init__(self, station: Station, wires: set[_Wire]) -> None:
        self.station = station
        self.wires = wires
        self.rest = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self.wires.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self.wires.discard(self)

    def data_received(self, data: bytes) -> None:
        """Cut what arrived into requests; a broken header closes the connection."""
        self.rest += data
        while len(self.rest) >= 8:
            transaction, protocol, length, unit, _ = _HEAD.unpack_from(self.rest)
            if protocol != 0 or not 2 <= length <= 254:
                if self.transport:
                    self.transport.close()

                return

            end = 6 + length
            if len(self.rest) < end:
                return

            pdu = self.rest[7:end]
            self.rest = self.rest[end:]
            self._answer(transaction, unit, pdu)

    def _answer(
        self,
        transaction: int,
        unit: int,
        pdu: bytes,
    ) -> None:
        """Send the answer of one request, at once or after its waiting time."""
        answer, wait_s = self.station.answer(unit, pdu)
        if answer is None:
            return

        frame = (
            struct.pack(
                ">HHHB",
                transaction,
                0,
                len(answer) + 1,
                unit,
            )
            + answer
        )
        if wait_s <= 0:
            self._send(frame)
        else:
            asyncio.get_running_loop().call_later(wait_s, self._send, frame)

    def _send(self, frame: bytes) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(frame)


class ModbusServer:
    """Serves one connection of the plant file on a free loopback port."""

    def __init__(self, station: Station) -> None:
        self.station = station
        self._wires: set[_Wire] = set()
        self._server: asyncio.Server | None = None
        self.endpoint = ""

    async def start(self) -> str:
        """Listen; returns tcp://127.0.0.1:PORT."""
        self._server = await asyncio.get_running_loop().create_server(
            lambda: _Wire(self.station, self._wires),
            "127.0.0.1",
            0,
        )
        self.endpoint = f"tcp://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self.endpoint

    async def stop(self) -> None:
        """Close the port and every connection on it."""
        if self._server is not None:
            self._server.close()
            for wire in list(self._wires):
                if wire.transport is not None:
                    wire.transport.abort()

            await self._server.wait_closed()
