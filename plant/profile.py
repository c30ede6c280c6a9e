"""A meter profile: the register map of one model, as data. One YAML per model in `collector/profiles`.

value in `unit` = raw x `scale` (x 10^sf where `scale_register` is given).
"""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

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


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Defaults(_Strict):
    """Protocol defaults of a profile."""

    function_code: Literal[3, 4] = 3
    word_order: Literal["high_first", "low_first"] = "high_first"
    address_base: Literal[0, "model_id_register"] = 0
    max_registers_per_request: int = Field(125, ge=1, le=125)
    max_gap: int = Field(8, ge=0, description="unneeded registers that one read may bridge")
    min_request_interval_ms: float = 0
    max_connections: int | None = None


class Row(_Strict):
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
        return REGISTERS[self.type]

    @property
    def name(self) -> str:
        """Name of the measured value: quantity.phase, with the tariff where there is one."""
        return self.named(self.quantity)

    def named(self, quantity: str) -> str:
        """The same name with another quantity, as a meter wired the other way round has it."""
        name = f"{quantity}.{self.phase}"
        return f"{name}.t{self.tariff}" if self.tariff else name


class Vector(_Strict):
    """A vector: raw registers and the values they must decode to, from the maker's document or worked by hand from it."""

    registers: dict[int, int]
    expect: dict[str, float | None]
    source: str = ""


class Profile(_Strict):
    """The map of one model and what is known about it."""

    id: str
    vendor: str
    model: str
    category: Literal["electricity_meter", "inverter", "flow_meter", "heat_meter", "pulse_counter"]
    also_covers: list[str] = []
    sources: list[str] = Field(min_length=1)
    confidence: Literal["verified-by-2", "single-source"] = "single-source"
    defaults: Defaults = Defaults()
    sign_convention: str = ""
    identify: list[dict[str, Any]] = []
    registers: list[Row] = Field(min_length=1)
    quirks: list[str] = []
    vectors: list[Vector] = []
    quality: dict[str, Any] = {}
