"""Figures: which there are, over time, taken apart, and as flows."""

from __future__ import annotations

from msgspec import UNSET, UnsetType, field

from api.answers.base import Answer
from api.answers.plant import Factor


class FigureMeaning(Answer):
    """One figure: its unit, and what is divided by what."""

    name: str
    unit: str
    means: str


class Series(Answer):
    """Figures over time, by column; `start_ms` holds the begin of each bucket.

    `every_s` is None for local days.
    """

    of: str
    from_ms: int
    to_ms: int
    every_s: float | None
    units: dict[str, str]
    gas_basis: str
    columns: dict[str, list[int | float | None]]


class Part(Answer):
    """What one source has in a figure; `via` is the storage that it came through.

    `value` is its share of the numerator.
    """

    source: str
    via: str | None
    amount: float
    unit: str
    kg: float
    factor: Factor
    value: float | UnsetType = UNSET


class Side(Answer):
    """What stands above or below the line of a ratio, before the figure's own scale."""

    value: float | None


class Contribution(Answer):
    """What a carrier, a source, a storage or a line (`kind`) has in an energy.

    What leaves is negative.
    """

    kind: str
    of: str
    value: float | None


class Explained(Answer):
    """A figure of a span, or of one instant (`from_ms` = `to_ms`), taken apart.

    `parts` or `contributions` add up to the numerator: parts by source where there is carbon above
    the line, contributions where there is energy.
    """

    figure: str
    of: str
    from_ms: int
    to_ms: int
    value: float | None
    unit: str
    means: str
    parts: list[Part]
    numerator: Side
    denominator: Side | None
    coverage: float | None
    estimated: float | None
    meters: list[str]
    gas_basis: str
    readings: str
    contributions: list[Contribution] = field(default_factory=list)


class FlowNode(Answer):
    """A place in the flow picture of now; not `known` while its meters are silent: then `kw` is the last value."""

    id: str
    kind: str
    ref: str
    kw: float
    g_per_kwh: float | None
    known: bool | UnsetType = UNSET


class FlowLink(Answer):
    """A flow of now: `kw` of source energy, which is conserved, and what is delivered of it."""

    begins: str = field(name="from")
    ends: str = field(name="to")
    kw: float
    delivered_kw: float
    g_per_kwh: float | None
    known: bool | UnsetType = UNSET


class Flows(Answer):
    """The flow picture of now."""

    nodes: list[FlowNode]
    links: list[FlowLink]


class SpanNode(Answer):
    """A place in the flows of a span."""

    id: str
    kind: str
    ref: str


class SpanLink(Answer):
    """What flowed from a source or a storage to a line in a span."""

    begins: str = field(name="from")
    ends: str = field(name="to")
    kwh: float
    g_per_kwh: float


class SpanFlows(Answer):
    """Flows from sources to lines over a span."""

    nodes: list[SpanNode]
    links: list[SpanLink]
