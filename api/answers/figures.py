"""Figures: which there are, over time, taken apart, and as flows."""

from __future__ import annotations

from msgspec import UNSET, UnsetType, field

from api.answers.base import Answer
from books.answers import Part


class FigureMeaning(Answer):
    """One figure: its unit, and what is divided by what."""

    name: str
    unit: str
    means: str


class Side(Answer):
    """What stands above or below the line of a ratio, before the figure's own scale."""

    value: float | None


class EnergyPart(Answer):
    """What one `kind` of thing has in an energy: a carrier, a source, a storage, a line, what is
    unmetered on a bus, or what the converters on a bus kept (`converters`).

    What leaves, such as charge and export, is negative.
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
    contributions: list[EnergyPart]


class FlowNode(Answer):
    """A place in the flow picture of now; not `known` while its
    meters are silent: then `kw` is the last value.
    """

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
