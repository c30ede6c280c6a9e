"""What a changed plant file took away from windows that were booked before the change, as zeros.

Within one site a field is known in all revisions of a window or in none. When the plant file
changes while the meters stay, the windows of the open block are booked again with the new lines. A
store that keeps every revision (InfluxDB) would go on showing what the old file had and the new one
has not: a line of another name, pieces of a line whose counter now belongs to another. So those are
written once more, as zeros, in the revision that replaces them; what was never known stays so.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.book import Book
from engine.figures.products import Columns, Producer
from plant.site import Control, Site, decode_control, encode_control
from plant.units import HOUR_NS

KEPT = 4
PIECES = ("good", "scrap")
Key = tuple[int, ...]


@dataclass(slots=True)
class Earlier:
    """A site that is no longer in force.

    `until` is the start of the first window that was never booked under it; None: not booked yet.
    """

    site: Site
    producer: Producer
    until: int | None = None

    def note(self, books: Iterable[Book]) -> bool:
        """Look for that window among `books`; True if it was found now."""
        new = [book.start for book in books if book.revision == 0] if self.until is None else []
        self.until = min(new, default=self.until) if new else self.until
        return bool(new)

    def replaced(self, start: npt.NDArray[Any], rev: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Rows that correct windows booked under this site."""
        return np.asarray(
            (rev > 0) & (start < (np.iinfo(np.int64).max if self.until is None else self.until))
        )


def with_zeros(
    tables: Mapping[str, Columns],
    earlier: Earlier,
    now: Producer,
) -> dict[str, Columns]:
    """`tables` of `now`, with zeros for what only the earlier site had."""
    if not earlier.replaced(
        tables["line"]["start"],
        tables["line"]["rev"],
    ).any():
        return dict(tables)

    before = series(earlier.producer)
    present = series(now)
    found = dict(tables) | {"line": _counted(tables["line"], earlier)}
    for table, (keys, rows) in before.items():
        found[table] = _added(
            found[table],
            keys,
            sorted(rows - present[table][1]),
            earlier,
        )

    return found


def _counted(line: Columns, earlier: Earlier) -> Columns:
    """No pieces, instead of unknown ones, where a line has lost its counter."""
    again = earlier.replaced(line["start"], line["rev"])
    found = dict(line)
    for name in PIECES:
        values = np.asarray(line[name], np.float64)
        found[name] = np.where(
            again & _had(earlier, name, line["line"]) & np.isnan(values),
            0.0,
            values,
        )

    return found


def _had(
    earlier: Earlier,
    name: str,
    lines: npt.NDArray[Any],
) -> npt.NDArray[np.bool_]:
    """Whether lines had a counter of their pieces."""
    channels = [getattr(node, f"{name}_channel") for node in earlier.site.lines]
    counted = [
        code
        for code, c in zip(
            earlier.producer.names.lines,
            channels,
            strict=True,
        )
        if c is not None
    ]
    return np.isin(lines, counted)


def series(producer: Producer) -> dict[str, tuple[tuple[str, ...], set[Key]]]:
    """By table: the columns that name a series, and all that a site can have."""
    p = producer

    def of(*codes: npt.NDArray[Any]) -> set[Key]:
        return {(int(code),) for code in np.concatenate(codes)}

    return {
        "line": (("line",), of(p.names.lines, p.names.unmetered)),
        "bus": (("bus",), of(p.names.buses)),
        "source": (("source",), of(p.names.sources[: p.graph.source_count], p.names.storages)),
        "flow": (
            ("kind", "node", "carrier", "source", "via"),
            {tuple(map(int, row)) for row in p.possible},
        ),
    }


def _added(
    columns: Columns,
    keys: tuple[str, ...],
    gone: list[Key],
    earlier: Earlier,
) -> Columns:
    again = earlier.replaced(columns["start"], columns["rev"])
    if not gone:
        return columns

    windows = np.unique(
        np.stack(
            [columns[k][again].astype(np.int64) for k in ("start", "rev")],
            1,
        ),
        axis=0,
    )
    start, rev = np.repeat(
        windows,
        len(gone),
        axis=0,
    ).T
    listed = np.tile(np.array(gone, np.int64), (len(windows), 1)).T
    more = {
        "start": start,
        "rev": rev,
        "origin": start - start % HOUR_NS,
        **dict(
            zip(
                keys,
                listed,
                strict=True,
            )
        ),
    }
    if "line" in keys:
        more |= {name: np.where(_had(earlier, name, more["line"]), 0.0, np.nan) for name in PIECES}

    nothing = np.zeros(len(start))
    return {
        k: np.concatenate((v, more.get(k, nothing).astype(v.dtype))) for k, v in columns.items()
    }


def encode(earlier: list[Earlier]) -> str:
    """As text, for the journal."""
    return json.dumps([[encode_control(Control(site=e.site)).decode(), e.until] for e in earlier])


def decode(text: str | None, producer: Any) -> list[Earlier]:
    """From text; `producer` makes a Producer of a site."""
    found = []
    for body, until in json.loads(text or "[]"):
        site = decode_control(body.encode()).site
        assert site is not None
        found.append(Earlier(site, producer(site), until))

    return found
