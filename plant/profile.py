"""A meter profile: the register map of one model, as data.

One YAML per model in `collector/profiles`.

value in `unit` = raw x `scale` (x 10^sf where `scale_register` is given).
"""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field, model_validator

from plant.strict import Strict

# How many registers of 16 bits a value of each type takes.
REGISTERS: Final = {
    "uint16": 1,
    "int16": 1,
    "enum16": 1,
    "bitfield16": 1,
    "sunssf": 1,
    "uint32": 2,
    "int32": 2,
    "float32": 2,
    "acc32": 2,
    "bitfield32": 2,
    "uint64": 4,
    "int64": 4,
    "float64": 4,
}
RowType = Literal[
    "uint16",
    "int16",
    "enum16",
    "bitfield16",
    "sunssf",
    "uint32",
    "int32",
    "float32",
    "acc32",
    "bitfield32",
    "uint64",
    "int64",
    "float64",
]


class Defaults(Strict):
    """Protocol defaults of a profile."""

    function_code: Literal[3, 4] = 3
    word_order: Literal["high_first", "low_first"] = "high_first"
    max_registers_per_request: int = Field(125, ge=1, le=125)
    max_gap: int = Field(8, ge=0, description="unneeded registers that one read may bridge")
    min_request_interval_ms: float = 0


class Row(Strict):
    """One quantity of the map. `not_available` is the raw pattern that means no value."""

    quantity: str
    phase: str = "total"
    address: int = Field(ge=0, le=65535)
    type: RowType
    unit: str
    scale: float = 1.0
    scale_register: int | None = None
    tariff: int | None = None
    function_code: Literal[3, 4] | None = None
    not_available: int | None = None
    wraps_at: float | None = None
    confidence: str | None = None
    notes: str | None = None

    @property
    def registers(self) -> int:
        """How many registers its value takes."""
        return REGISTERS[self.type]

    @property
    def is_float(self) -> bool:
        """Whether its register holds a floating point number."""
        return self.type.startswith("float")

    @property
    def name(self) -> str:
        """Name of the measured value: quantity.phase, with the tariff where there is one."""
        return self.named(self.quantity)

    def named(self, quantity: str) -> str:
        """The same name with another quantity, as a meter wired the other way round has it."""
        name = f"{quantity}.{self.phase}"
        return f"{name}.t{self.tariff}" if self.tariff else name


class Check(Strict):
    """What tells this model from others: a value, or a register, with what it must hold."""

    quantity: str | None = None
    phase: str = "total"
    address: int | None = None
    between: tuple[float, float] | None = None
    expect: list[int] = Field([])

    @property
    def name(self) -> str:
        """What is looked at, in words."""
        if self.quantity is not None:
            return f"{self.quantity}.{self.phase}"

        return f"register {self.address}"

    @model_validator(mode="after")
    def _one_of_each(self) -> Check:
        if (self.quantity is None) == (self.address is None):
            raise ValueError("needs one of quantity, address")

        if (self.between is None) == (not self.expect):
            raise ValueError("needs one of between, expect")

        return self


class Vector(Strict):
    """Raw registers and the values they must decode to.

    They come from the maker's document, or are worked by hand from it.
    """

    registers: dict[int, int]
    expect: dict[str, float | None]
    source: str = ""


class Exempt(Strict):
    """Why a line of the quality card need not be done."""

    exempt: str


Mark = Literal["done", "todo"] | Exempt


class Profile(Strict):
    """The map of one model and what is known about it."""

    id: str
    vendor: str
    model: str
    category: Literal["electricity_meter", "inverter", "flow_meter", "heat_meter", "pulse_counter"]
    also_covers: list[str] = Field([])
    sources: list[str] = Field(min_length=1)
    confidence: Literal["verified-by-2", "single-source"] = "single-source"
    defaults: Defaults = Defaults()
    sign_convention: str = ""
    identify: list[Check] = Field([])
    registers: list[Row] = Field(min_length=1)
    quirks: list[str] = Field([])
    vectors: list[Vector] = Field([])
    quality: dict[str, Mark] = Field({})
