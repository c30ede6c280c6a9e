"""Rows fall into the same buckets whether their places are reckoned or looked up."""

from __future__ import annotations

import numpy as np
import pytest

from books import rows
from books.rows import Edges, in_buckets
from store.duck import DuckStore

EDGES = {
    "one": [0, 60],
    "two, the last longer": [0, 20, 60],
    "even": [0, 15, 30, 45, 60],
    "cut at both ends": [7, 15, 30, 45, 50],
    "cut at the first": [14, 15, 30, 45, 60],
    "days when clocks change": [0, 23, 47, 60],
    "a long end": [0, 10, 20, 60],
}


def counted(edges: Edges) -> dict[int, int]:
    first, last = int(edges[0]), int(edges[-1])
    found = in_buckets(
        DuckStore(None),
        edges,
        "count(*) AS n",
        f"SELECT unnest(range({first}, {last})) AS start",
    )
    return dict(zip(found["bucket"].astype(int).tolist(), found["n"].tolist(), strict=True))


@pytest.mark.parametrize("name", EDGES)
def test_buckets(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    edges = np.array(EDGES[name], np.int64)
    due = dict(enumerate(np.diff(edges).tolist()))
    assert counted(edges) == due
    monkeypatch.setattr(rows, "_bucket_of", lambda edges, at: None)
    assert counted(edges) == due
