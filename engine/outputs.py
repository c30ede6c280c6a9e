"""What `step` gives out, as typed values and as the bytes that stand in the journal of outputs.

Three kinds, each known by an ASCII magic: the site that is in force from here on, counter steps that
were not normal, and books. Whoever follows the journal decodes here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import msgspec
import numpy as np

from engine.book import MAGIC as BOOK
from engine.book import Book
from engine.counting.meters import Unusual
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
        return SITE + encode_control(Control(site=output.site))
    if isinstance(output, UnusualSteps):
        return UNUSUAL + msgspec.json.encode([_row(step) for step in output.steps])
    return output.encode()


def decode(body: bytes) -> Output:
    """The output that `body` says; ValueError if it is of no known kind."""
    if body.startswith(BOOK):
        return Book.decode(body)
    if body.startswith(SITE):
        site = decode_control(body[len(SITE) :]).site
        if site is None:
            raise ValueError("an output says that a site is in force and names none")
        return SiteInForce(site)
    if body.startswith(UNUSUAL):
        rows = msgspec.json.decode(body[len(UNUSUAL) :], type=list[_Row])
        return UnusualSteps([_step(row) for row in rows])
    raise ValueError(
        f"an output begins with {body[:8]!r}, which is no kind that this version knows"
    )


_Row: TypeAlias = tuple[int, int, str, float, float | None, int]
"""Channel, time in ns, verdict, amount, bound (None where there is none), since when in ns."""


def _row(step: Unusual) -> _Row:
    bound = step.bound if np.isfinite(step.bound) else None
    return (step.channel, step.ts, step.verdict.value, step.amount, bound, step.since)


def _step(row: _Row) -> Unusual:
    channel, ts, verdict, amount, bound, since = row
    return Unusual(
        channel=channel,
        ts=ts,
        verdict=Verdict(verdict),
        amount=amount,
        bound=float("inf") if bound is None else bound,
        since=since,
    )
