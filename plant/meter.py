"""What every connection and every meter of a plant file has, whatever protocol it speaks.

Each protocol adds its own keys: see `plant.protocols`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AwareDatetime, BeforeValidator, Field, field_validator

from plant.languages import Name
from plant.quantity import STRAIGHT, Wiring
from plant.strict import Id, Seconds, Secret, Strict
from plant.units import number_and_unit

# Shorter than this, in real time, no period of reading is offered.
SHORTEST_S = 0.1


class Connection(Strict):
    """One endpoint that meters answer at."""

    word: ClassVar[str] = ""
    """The key that gives its address, and names its protocol."""

    timeout: Seconds = Field(1.0, description="real time allowed for one answer")

    @property
    def protocol(self) -> str:
        """The protocol it speaks."""
        return self.word

    @property
    def endpoint(self) -> str:
        """Its address as written."""
        return str(getattr(self, self.word))

    @property
    def signals(self) -> Mapping[str, str]:
        """Signals of the connection itself, which lines name as CONNECTION.SIGNAL, and where they
        are.
        """
        return {}

    def quantities(self, meter: Meter) -> tuple[str, ...]:
        """What a meter behind it says, where no register map tells."""
        return ()

    @classmethod
    def of(cls, connection: Connection) -> Self:
        """This connection as one of its own protocol; TypeError where it speaks another."""
        if not isinstance(connection, cls):
            raise TypeError(f"a {connection.protocol} connection is no {cls.__name__}")

        return connection


class Login(Strict):
    """Credentials of a connection to a broker or server."""

    user: str | None = Field(None, description="user name at the broker or server")
    password: Secret | None = Field(
        None,
        description="its password, by reference: {secret: NAME}",
    )


class Every(Strict):
    """Periods of reading. Shorter than 100 ms real time is not offered."""

    power: Seconds = Field(1.0, description="instantaneous values")
    energy: Seconds = Field(10.0, description="counters")

    @field_validator("power", "energy")
    @classmethod
    def _floor(cls, value: float) -> float:
        if value < SHORTEST_S:
            raise ValueError("must be at least 100ms")

        return value


class DeclaredSwap(Strict):
    """The meter was replaced by another device.

    It is to be declared before the new device is read for the first time: what is booked stays.
    """

    at: AwareDatetime = Field(
        description="when, with its offset from UTC, such as 2026-11-21T10:30:00+08:00",
    )
    starts_at: float = Field(
        0.0,
        ge=0,
        description="counter value of the new device then, in its unit",
    )
    export_starts_at: float = Field(
        0.0,
        ge=0,
        description="the same of its counter of what flows back",
    )

    @property
    def at_ns(self) -> int:
        """When, in ns UTC, to the millisecond."""
        return round(self.at.timestamp() * 1e3) * 1_000_000


class Meter(Strict):
    """One measuring point. Which further keys apply follows from the protocol of its connection."""

    on: Id = Field(description="its connection")
    name: Name = ""
    step: float | None = Field(
        None,
        gt=0,
        description="counter value of one pulse or digit, in its unit",
    )
    wraps_at: float | None = Field(
        None,
        gt=0,
        description="counter value at which it begins again from zero, in its unit",
    )
    swaps: list[DeclaredSwap] = Field(
        [],
        description="replacements of the device, so that energy goes on across them",
    )
    accuracy_class: (
        Annotated[str, BeforeValidator(str), Field(pattern=r"^\d+(\.\d+)?S?$")] | None
    ) = Field(None, alias="class", description="accuracy class, such as 0.5 or 0.2S (per cent)")
    every: Every = Field(Every(), description="periods of reading")
    max: Annotated[str, BeforeValidator(str)] | None = Field(
        None,
        description="greatest possible power or flow, such as 12 MW",
    )
    enthalpy: Annotated[float, Field(gt=0)] | None = Field(
        None,
        description="kJ/kg of steam less returned condensate, for mass meters",
    )
    reference: Literal["0C", "15C", "20C"] | None = Field(
        None,
        description="reference state of a gas volume",
    )

    @field_validator("max")
    @classmethod
    def _amount(cls, value: str | None) -> str | None:
        if value is not None:
            number_and_unit(value, example="12 MW")

        return value

    @property
    def class_limit(self) -> float:
        """Greatest error of a reading as a share of it; class 1 where none is given."""
        per_cent = (self.accuracy_class or "1").rstrip("S")
        return float(per_cent) / 100

    @property
    def wiring(self) -> Wiring:
        """How it hangs on its edge."""
        return STRAIGHT

    @property
    def register_map(self) -> str:
        """Id of its profile in the catalogue; nothing where its protocol needs none."""
        return ""

    @property
    def counter_unit(self) -> str:
        """Unit in which it counts, where no register map tells."""
        return "kWh"

    @classmethod
    def of(cls, meter: Meter) -> Self:
        """This meter as one of its own protocol; TypeError where it speaks another."""
        if not isinstance(meter, cls):
            raise TypeError(f"a {type(meter).__name__} is no {cls.__name__}")

        return meter


class Ct(Strict):
    """Current transformer ahead of a meter.

    With `applied_by: wattline` the ratio is multiplied here, otherwise the meter does it.
    """

    ratio: str = Field(
        pattern=r"^\d+(\.\d+)?/\d+(\.\d+)?$",
        description="primary/secondary, such as 400/5",
    )
    applied_by: Literal["meter", "wattline"] = Field(
        "meter",
        description="who multiplies with the ratio",
    )

    @property
    def factor(self) -> float:
        """What readings are multiplied with here."""
        if self.applied_by == "meter":
            return 1.0

        primary, secondary = self.ratio.split("/")
        return float(primary) / float(secondary)


class WiredMeter(Meter):
    """A meter that says several quantities, and may hang behind a current transformer or in
    reverse.
    """

    ct: Ct | None = Field(None, description="current transformer ahead of the meter")
    reverse: bool = Field(
        False,
        description="wired the other way round: import and export change places",
    )
    counter: str | None = Field(
        None,
        description="quantity that rules the books, if not the usual one",
    )

    @property
    def wiring(self) -> Wiring:
        """How it hangs on its edge."""
        ratio = self.ct.factor if self.ct is not None else 1.0
        return Wiring(ratio, self.reverse)
