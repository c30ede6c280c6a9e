"""The resolved site: what the engine needs to know, with names turned into indexes and units into
factors.

A `Site` travels through the journal in a control frame, so the engine asks nobody: a replay sees
the same plant and factors. Made from a plant file by `plant.resolve`. Edge amounts are in the unit
of the edge's bus (`plant.names.BOOK_UNIT`).
"""

from __future__ import annotations

import hashlib

import msgspec


class Swap(msgspec.Struct, frozen=True, kw_only=True):
    """A declared meter swap: from `at`, ns UTC, on a counter is another device's.

    The new device began at `starts_at`, in the canonical unit of the counter.
    """

    at: int
    starts_at: float


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """One counter register of a meter.

    `scale`: edge unit per canonical counter unit; `step` and `wraps_at` in canonical unit. `kind`:
    "counter", or "power" where there is no counter and energy is the integral of power, or "count"
    for output pieces.
    """

    tag: int
    meter: int
    reverse: bool
    kind: str = "counter"
    scale: float = 1.0
    step: float = 0.0
    float32: bool = False
    wraps_at: float | None = None
    swaps: tuple[Swap, ...] = ()


class MeterPoint(msgspec.Struct, frozen=True, kw_only=True):
    """A meter on an edge.

    `power_scale`: edge unit per hour per canonical power unit; `max_per_hour` in edge unit per
    hour.
    """

    id: str
    name: dict[str, str]
    carrier: str
    unit: str
    connection: str
    profile: str = ""
    class_limit: float
    power_tag: int | None = None
    power_scale: float = 1.0
    power_signed: bool = True
    max_per_hour: float | None = None
    power_every_s: float = 1.0
    energy_every_s: float = 10.0
    books: bool = True
    power_factor_tags: tuple[int, ...] = ()


class SourceNode(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: dict[str, str]
    carrier: str
    kind: str
    bus: int
    meter: int
    shape: tuple[int, ...] = ()
    exports: bool = False
    own: bool = True
    unit: str = "kWh"


class StorageNode(msgspec.Struct, frozen=True, kw_only=True):
    """A battery; or, with `line`, the account of a line that feeds back.

    Such an account holds what the line drew and gives what it returns.
    """

    id: str
    name: dict[str, str]
    bus: int
    meter: int
    capacity_kwh: float
    charge_efficiency: float
    discharge_efficiency: float
    account: str
    opening_kwh: float = 0.0
    line: int | None = None


class BusNode(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: dict[str, str]
    carrier: str
    unit: str
    mix_over_s: float
    holds_s: float


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """What a converter takes: `kind` is bus, source or ambient; `index` the bus or source.

    No meters with `ambient`: derived from the output.
    """

    kind: str
    index: int
    meters: tuple[int, ...] = ()


class OutputEdge(msgspec.Struct, frozen=True, kw_only=True):
    bus: int
    meter: int | None = None
    efficiency: float | None = None
    kwh_per_input_unit: float = 1.0


class ConverterNode(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: dict[str, str]
    inputs: tuple[Input, ...]
    outputs: tuple[OutputEdge, ...]
    split: str = "efficiency"
    two_way: bool = False
    supply_c: float = 90.0
    ambient_c: float = 25.0


class Draw(msgspec.Struct, frozen=True, kw_only=True):
    bus: int
    meters: tuple[int, ...]


class LineNode(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: dict[str, str]
    draws: tuple[Draw, ...]
    group: str | None = None
    good_channel: int | None = None
    scrap_channel: int | None = None
    state_tag: int | None = None
    order_tag: int | None = None
    unit: str = "unit"


class FactorRow(msgspec.Struct, frozen=True, kw_only=True):
    """One emission factor in force: kg per unit of the source, with where it comes from."""

    key: str
    value_kg: float
    unit: str
    gas_basis: str
    kind: str
    region: str
    year: int
    source: str
    status: str
    fallback: str = ""


class DatedFactor(msgspec.Struct, frozen=True, kw_only=True):
    """Location and market factor of what comes from a source at `from_ns` and later, until the
    next.
    """

    from_ns: int
    location: FactorRow
    market: FactorRow


class SourceProperty(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a traced amount of a source is multiplied with.

    `kwh`, `kgce` per unit; factors in kg per unit. `location` and `market` are the newest; `dated`,
    where the method goes by the year of consumption, those of each year.
    """

    source: str
    scope: str
    kwh: float
    kgce: float
    location: FactorRow
    market: FactorRow
    renewable: bool = False
    on_site: bool = False
    contract_share: float = 0.0
    dated: tuple[DatedFactor, ...] = ()


class GroupNode(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: dict[str, str]


class ComparisonNode(msgspec.Struct, frozen=True, kw_only=True):
    """Two lines by index, and the figure in which the first is judged by the second."""

    id: str
    name: dict[str, str]
    lines: tuple[int, int]
    figure: str


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """The whole plant, resolved."""

    id: str
    name: dict[str, str]
    timezone: str
    method: str
    grid: str
    day_starts: str
    window_s: float
    grace_s: float
    meters: tuple[MeterPoint, ...]
    channels: tuple[Channel, ...]
    sources: tuple[SourceNode, ...]
    storages: tuple[StorageNode, ...] = msgspec.field(name="stores")  # as journals of 0.1.0 say
    buses: tuple[BusNode, ...]
    converters: tuple[ConverterNode, ...]
    lines: tuple[LineNode, ...]
    groups: tuple[GroupNode, ...] = ()
    comparisons: tuple[ComparisonNode, ...] = ()
    shifts: dict[str, str] = {}
    properties: tuple[SourceProperty, ...] = ()
    electricity_kgce_per_kwh: float = 0.1229
    plan_kwh_per_day: float | None = None
    plan_kw: float | None = None
    plan_g_per_kwh: float | None = None
    simulated: bool = False


class Control(msgspec.Struct, frozen=True, kw_only=True):
    """Payload of a control frame: a new site, in force from its place in the journal."""

    site: Site | None = None


def encode_control(control: Control) -> bytes:
    """JSON of a control frame's payload."""
    return msgspec.json.encode(control)


def decode_control(payload: bytes) -> Control:
    """Control of a payload; msgspec.ValidationError if it is none."""
    return msgspec.json.decode(payload, type=Control)


def config_hash(site: Site) -> str:
    """Short hash of a site; frames name the one in force."""
    return hashlib.sha256(msgspec.json.encode(site)).hexdigest()[:12]
