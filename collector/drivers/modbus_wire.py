"""What the Modbus driver needs of a wire: one question at a time, and its answer as bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol


@dataclass(frozen=True, slots=True)
class Read:
    """A question for registers: function 3 or 4, of a unit."""

    unit: int
    function_code: int
    address: int
    count: int


class Answer(NamedTuple):
    """Its function code, and the registers as they came, high byte first.

    `exception` is the code of an exception answer; 0 where it is none.
    """

    function_code: int
    words: bytes
    exception: int = 0


class Wire(Protocol):
    """One connection to a Modbus peer; it neither repeats nor reconnects: the driver decides."""

    @property
    def connected(self) -> bool: ...

    async def open(self) -> None:
        """Connect; OSError or TimeoutError where that fails."""

    async def read(self, question: Read) -> Answer:
        """Ask, one question at a time.

        TimeoutError: no answer came in time. ConnectionError: the connection is lost.
        ProtocolError: what came is no Modbus.
        """
        ...

    def close(self) -> None: ...
