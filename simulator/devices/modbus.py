"""A Modbus TCP responder of our own: one port per connection of the plant file, any unit ids behind it, functions 3
and 4.

Own, and not a library's server, because faults live on the wire (silence, late answers, one bad register inside a
block), unit ids need their own limits, and the ledger must know which value left at which event time.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from plant.profile import Profile, Row
from simulator.devices.instruments import Instruments
from simulator.meters import basic_rows

ILLEGAL_FUNCTION = 1
ILLEGAL_ADDRESS = 2
ILLEGAL_VALUE = 3
GATEWAY_NO_ANSWER = 0x0B
_HEAD: Final = struct.Struct(">HHHBB")
_SUNS: Final = 40_000
_MODEL: Final = {
    "sunspec_inverter_int": (103, 50),
    "sunspec_inverter_float": (113, 60),
    "sunspec_meter_int": (203, 105),
    "sunspec_meter_float": (213, 124),
}

Slot = tuple[str, Row, int]  # meter, row, word within the row


@dataclass(slots=True)
class Unit:
    """One unit id: for each function code which register shows what; `zeros` are gaps that one read may bridge."""

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


def add_meter(unit: Unit, meter: str, profile: Profile, base: int, scales: dict[int, int]) -> None:
    """Put the map of a meter behind a unit id, `base` added to every address."""
    for row in profile.registers:
        code = row.function_code or profile.defaults.function_code
        for word in range(row.registers):
            unit.slots[code].setdefault(base + row.address + word, (meter, row, word))
    if profile.id in _MODEL:
        unit.fixed.update(_sunspec(base, *_MODEL[profile.id]))
    for address, exponent in scales.items():
        unit.fixed[base + address] = exponent & 0xFFFF
    for code in (3, 4):
        taken = sorted({*unit.slots[code], *(unit.fixed if code == 3 else ())})
        for before, after in pairwise(taken):
            if 1 < after - before <= profile.defaults.max_gap + 1:
                unit.zeros.update((code, gap) for gap in range(before + 1, after))
    unit.limit = min(unit.limit, profile.defaults.max_registers_per_request)
    unit.meters.append(meter)


def _sunspec(base: int, model: int, length: int) -> dict[int, int]:
    """The chain of model headers: SunS, common model up to `base`, this model, end."""
    chain = {
        **dict.fromkeys(range(base + 2, base + 2 + length), 0),
        base: model,
        base + 1: length,
        base + 2 + length: 0xFFFF,
        base + 3 + length: 0,
    }
    if base in (_SUNS + 69, _SUNS + 70):
        chain |= dict.fromkeys(range(_SUNS + 4, base), 0)
        chain |= {_SUNS: 0x5375, _SUNS + 1: 0x6E53, _SUNS + 2: 1, _SUNS + 3: base - _SUNS - 4}
    return chain


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
        self.units: dict[int, Unit] = {}
        for key, meter in instruments.plant.meters.items():
            model = instruments.world.meters.get(key)
            if (
                meter.on == connection
                and model is not None
                and model.profile is not None
                and isinstance(meter.unit, int)
            ):
                add_meter(
                    self.units.setdefault(meter.unit, Unit()),
                    key,
                    model.profile,
                    meter.address,
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
        wait = max(
            [self.turnaround_s, *(found["late"].delay_s for found in lasting if "late" in found)]
        )
        try:
            return self._read(unit, code, pdu, now), wait
        except Refused as refused:
            return bytes((code | 0x80, refused.code)), wait

    def _read(self, unit: Unit, code: int, pdu: bytes, now: int) -> bytes:
        if code not in (3, 4):
            raise Refused(ILLEGAL_FUNCTION)
        if len(pdu) != 5:
            raise Refused(ILLEGAL_VALUE)
        start, count = struct.unpack(">HH", pdu[1:])
        if not 1 <= count <= unit.limit:
            raise Refused(ILLEGAL_VALUE)
        values = self._registers(unit, code, start, count, now)
        return struct.pack(f">BB{count}H", code, 2 * count, *values)

    def _registers(self, unit: Unit, code: int, start: int, count: int, now: int) -> list[int]:
        slots = unit.slots[code]
        found = []
        seen: dict[str, tuple[int, object]] = {}
        rows: dict[tuple[str, int], tuple[int, ...]] = {}
        for address in range(start, start + count):
            slot = slots.get(address)
            if slot is None:
                found.append(self._fixed(unit, code, address))
                continue
            meter, row, word = slot
            key = (meter, row.address)
            if key not in rows:
                rows[key] = self._row(meter, row, seen, now)
            found.append(rows[key][word])
        for meter in seen:
            self.instruments.ledger.poll(meter, f"{code}:{start}+{count}", count)
        return found

    def _row(
        self, meter: str, row: Row, seen: dict[str, tuple[int, object]], now: int
    ) -> tuple[int, ...]:
        if meter not in seen:
            at = self.instruments.time_of(meter, now)
            seen[meter] = at, self.instruments.look(meter, at)
        if "bad_register" in self.instruments.faults.lasting(
            meter, now
        ) and row.name == self._bad_row(meter):
            raise Refused(ILLEGAL_ADDRESS)
        return self.instruments.words(meter, row, seen[meter][1], now)  # type: ignore[arg-type]

    def _bad_row(self, meter: str) -> str:
        """The row that answers with exception 2: power factor where there is one, else the last that a collector
        reads.
        """
        names = [row.name for row in basic_rows(self.instruments.world.meters[meter])]
        return "power_factor.total" if "power_factor.total" in names else names[-1]

    @staticmethod
    def _fixed(unit: Unit, code: int, address: int) -> int:
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
        self.rest += data
        while len(self.rest) >= 8:
            transaction, protocol, length, unit, _ = _HEAD.unpack_from(self.rest)
            if protocol != 0 or not 2 <= length <= 254:
                if self.transport:
                    self.transport.close()
                return
            if len(self.rest) < 6 + length:
                return
            pdu = self.rest[7 : 6 + length]
            self.rest = self.rest[6 + length :]
            answer, wait = self.station.answer(unit, pdu)
            if answer is not None:
                frame = struct.pack(">HHHB", transaction, 0, len(answer) + 1, unit) + answer
                self._send(frame) if wait <= 0 else asyncio.get_running_loop().call_later(
                    wait, self._send, frame
                )

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
            lambda: _Wire(self.station, self._wires), "127.0.0.1", 0
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
