"""What `step` gives out, as typed values and as the bytes that stand in the journal of outputs.

Three kinds, each known by an ASCII magic: the site that is in force from here on, counter steps
that were not normal, and books. Whoever follows the journal decodes here and nowhere else.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import msgspec

from engine.book import MAGIC as BOOK
from engine.book import Book
from engine.counting.absorbed import Unusual
from engine.out import Out
from plant.names import Verdict
from plant.site import Control, Site, decode_control, encode_control

SITE = b"WLSITE1\n"
UNUSUAL = b"WLODD1\n"


@dataclass(frozen=True, slots=True)
class SiteInForce:
    """From here on books are of this site."""

    site: Site


@dataclass(frozen=True, slots=True)
class UnusualSteps:
    """Counter steps that were not normal, and gaps; channels are those of the site in force."""

    steps: Sequence[Unusual]


Output: TypeAlias = SiteInForce | UnusualSteps | Book


def outputs_of(out: Out) -> list[Output]:
    """Outputs of one frame, in the order in which whoever follows must see them."""
    found: list[Output] = []
    if out.site is not None:
        found.append(SiteInForce(out.site))

    if out.unusual:
        found.append(UnusualSteps(out.unusual))

    return [*found, *out.books]


def name_of(output: Output, seq: int) -> str:
    """The name of an output of the frame `seq`, the same at each replay.

    Two outputs of one name must be equal, byte for byte: the journal takes the second for the first
    and refuses it if it says something else.
    """
    if isinstance(output, SiteInForce):
        return f"site {seq}"

    if isinstance(output, UnusualSteps):
        return f"unusual {seq}"

    return f"book {output.start} r{output.revision}"


def encode(output: Output) -> bytes:
    """One output as it stands in the journal."""
    if isinstance(output, SiteInForce):
        control = Control(site=output.site)
        return SITE + encode_control(control)

    if isinstance(output, UnusualSteps):
        rows = [_row(step) for step in output.steps]
        return UNUSUAL + msgspec.json.encode(rows)

    return output.encode()


def decode(body: bytes) -> Output:
    """The output that `body` says; ValueError if it is of no known kind."""
    if body.startswith(BOOK):
        return Book.decode(body)

    if body.startswith(SITE):
        return _site_in_force(body.removeprefix(SITE))

    if body.startswith(UNUSUAL):
        rows = msgspec.json.decode(
            body.removeprefix(UNUSUAL),
            type=list[_Row],
        )
        return UnusualSteps([_step(row) for row in rows])

    begins = body[:8]
    raise ValueError(f"an output begins with {begins!r}, which is no kind that this version knows")


def _site_in_force(control: bytes) -> SiteInForce:
    """The site of a control payload; ValueError where it names none."""
    site = decode_control(control).site
    if site is None:
        raise ValueError("an output says that a site is in force and names none")

    return SiteInForce(site)


class _Row(msgspec.Struct, array_like=True):
    """An unusual step as a row of JSON: times in ns UTC, the bound None where there is none."""

    channel: int
    ts: int
    verdict: str
    amount: float
    bound: float | None
    since: int


def _row(step: Unusual) -> _Row:
    """As it is written; JSON has no infinity, so no bound is null."""
    return _Row(
        channel=step.channel,
        ts=step.ts,
        verdict=step.verdict.value,
        amount=step.amount,
        bound=step.bound if math.isfinite(step.bound) else None,
        since=step.since,
    )


def _step(row: _Row) -> Unusual:
    """As it was written."""
    return Unusual(
        channel=row.channel,
        ts=row.ts,
        verdict=Verdict(row.verdict),
        amount=row.amount,
        bound=float("inf") if row.bound is None else row.bound,
        since=row.since,
    )
