"""The control port: newline JSON commands to a running simulation, newline JSON answers.

`{"cmd": "fault", "meter": "smt_3_el", "kind": "silent", "for": "2m"}`, `{"cmd": "clear", "meter":
...}`, `{"cmd": "ledger", "meter": ..., "last": 100}`, `{"cmd": "truth", "from": ns, "to": ns}`,
`{"cmd": "served"}`, `{"cmd": "now"}`, `{"cmd": "stop"}`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from pydantic import ValidationError

from plant.units import SECOND_NS, seconds
from simulator import truth
from simulator.config import PHYSICAL, EventSim
from simulator.devices.faults import FaultBook, of_event
from simulator.devices.ledger import Ledger
from simulator.world import World

Command: TypeAlias = Mapping[str, Any]
"""One command as JSON brings it."""
Answer: TypeAlias = dict[str, object]

MOST_BYTES = 1 << 16


class Control:
    """Answers commands on a free loopback port; `stop` is set when the simulation shall end."""

    def __init__(
        self,
        world: World,
        faults: FaultBook,
        ledger: Ledger,
        now: Callable[[], int],
    ) -> None:
        self.world = world
        self.faults = faults
        self.ledger = ledger
        self.now = now
        self.stop_asked = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._commands: dict[str, Callable[[Command], Answer]] = {
            "fault": self._fault,
            "clear": self._clear,
            "ledger": self._ledger,
            "truth": self._truth,
            "registered": self._registered,
            "served": self._served,
            "now": self._now,
            "stop": self._stop,
        }

    async def start(self) -> str:
        """Listen; returns 127.0.0.1:PORT."""
        self._server = await asyncio.start_server(
            self._serve,
            "127.0.0.1",
            0,
            limit=MOST_BYTES,
        )
        return f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        """Close the port and every connection on it."""
        if self._server is not None:
            self._server.close()
            for writer in list(self._writers):
                writer.close()

            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the commands of one connection, line by line."""
        self._writers.add(writer)
        try:
            while line := await reader.readline():
                writer.write(json.dumps(self.answer(line)).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    def answer(self, line: bytes) -> Answer:
        """Answer of one command line."""
        try:
            command = json.loads(line)
            if not isinstance(command, dict) or command.get("cmd") not in self._commands:
                return _refused(f"cmd must be one of {', '.join(self._commands)}")

            done = self._commands[command["cmd"]](command)
        except ValidationError as error:
            messages = [str(each["msg"]) for each in error.errors(include_url=False)]
            return _refused("; ".join(messages))
        except (ValueError, KeyError, TypeError) as error:
            return _refused(str(error))

        return {
            "ok": True,
            **done,
        }

    def _meter(self, command: Command) -> str:
        meter = str(command.get("meter"))
        if meter not in self.world.meters:
            raise ValueError(f"there is no meter '{meter}'")

        return meter

    def _fault(self, command: Command) -> Answer:
        """Begin a fault or a physical event, `in` a time from now or at once."""
        now = self.now()
        since_start_s = max((now - self.world.start_ns) / SECOND_NS, 1e-3)
        at_s = since_start_s + seconds(command.get("in", 0))
        fields = {name: value for name, value in command.items() if name not in ("cmd", "in")}
        event = EventSim.model_validate(
            {
                "for": "1m",
                **fields,
                "at": at_s,
            }
        )
        if event.kind in PHYSICAL:
            self._known(event)
            self.world.happen(event)
        else:
            self._meter(command)
            fault = of_event(event, self.world.start_ns)
            self.faults.add(replace(fault, scheduled=False))

        return {
            "from": now,
            "to": now + round(event.lasts * SECOND_NS),
        }

    def _known(self, event: EventSim) -> None:
        """ValueError if a physical event happens to something that is not in the plant."""
        plant = self.world.plant
        known: dict[str, Collection[str]] = {
            "line": plant.lines,
            "source": plant.sources,
            "converter": plant.converters,
        }
        for what, target in event.targets().items():
            if what in known and target not in known[what]:
                raise ValueError(f"there is no {what} '{target}'")

    def _clear(self, command: Command) -> Answer:
        self.faults.clear(self._meter(command), self.now())
        return {}

    def _ledger(self, command: Command) -> Answer:
        meter = self._meter(command)
        return {
            "meter": meter,
            "counters": self.ledger.of(meter, command.get("last")),
            "polls": dict(self.ledger.polls.get(meter, {})),
        }

    def _truth(self, command: Command) -> Answer:
        """True energies between two times that have been."""
        from_ns = int(command["from"])
        to_ns = int(command["to"])
        if not self.world.first_ns <= from_ns <= to_ns <= self.now():
            raise ValueError(
                "from and to must lie between the world's beginning and now, from before to"
            )

        return {"truth": truth.between(self.world, from_ns, to_ns)}

    def _registered(self, command: Command) -> Answer:
        """What a meter's import register truly counted at each moment, in the unit of its bus.

        Before resets and rounding.
        """
        meter = self._meter(command)
        taken = [self.world.registered(meter, int(at))[0] for at in command["at"]]
        return {"registered": taken}

    def _served(self, command: Command) -> Answer:
        return dict(self.ledger.served())

    def _now(self, command: Command) -> Answer:
        return {
            "now": self.now(),
            "start": self.world.start_ns,
            "epoch": self.world.epoch_ns,
            "seed": self.world.seed,
        }

    def _stop(self, command: Command) -> Answer:
        self.stop_asked.set()
        return {}


def _refused(why: str) -> Answer:
    return {
        "ok": False,
        "error": why,
    }
