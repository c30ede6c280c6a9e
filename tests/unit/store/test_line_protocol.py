"""What is written in line protocol is read back the same by a
parser that shares nothing with the writer.
"""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import line_protocol

Point = tuple[str, dict[str, str], dict[str, float], int]
words = st.text(
    st.characters(min_codepoint=32, exclude_characters="\\", exclude_categories=["Cs"]),
    min_size=1,
    max_size=12,
)
names = words.filter(lambda name: not name.startswith("#"))
numbers = st.floats(allow_nan=True, allow_infinity=True)


def cut(text: str, at: str) -> list[str]:
    """Parts between the marks `at` that no backslash stands before."""
    parts, word, after = [], "", False
    for letter in text:
        if letter in at and not after:
            parts.append(word)
            word = ""
        else:
            word += letter
        after = letter == "\\" and not after
    return [*parts, word]


def bare(text: str, marks: str = ",= ") -> str:
    for mark in marks:
        text = text.replace(f"\\{mark}", mark)
    return text


def parse(line: str) -> Point:
    """One line by the published grammar."""
    head, fields, time = cut(line, " ")
    measurement, *tags = cut(head, ",")
    pairs = [[cut(pair, "=") for pair in part] for part in (tags, cut(fields, ","))]
    read = [{bare(k): bare(v) for k, v in part} for part in pairs]
    return bare(measurement, ", "), read[0], {k: float(v) for k, v in read[1].items()}, int(time)


@given(
    names, st.dictionaries(words, words, max_size=4), st.dictionaries(words, st.lists(numbers, min_size=3, max_size=3), min_size=1, max_size=4),
    st.lists(st.integers(-(2**62), 2**62), min_size=3, max_size=3),
)  # fmt: skip
def test_points_are_read_back_the_same(
    measurement: str, tags: dict[str, str], fields: dict[str, list[float]], ts: list[int]
) -> None:
    start = line_protocol.series(measurement, tags)
    columns = {name: np.array(values) for name, values in fields.items()}
    found = line_protocol.lines([start], np.zeros(3, np.int32), columns, np.array(ts, np.int64))
    expected = []
    for i, at in enumerate(ts):
        known = {name: values[i] for name, values in fields.items() if math.isfinite(values[i])}
        if known:
            expected.append((measurement, tags, known, at))
    assert [parse(line) for line in found] == expected
    body = line_protocol.body(found)
    assert body.decode().split("\n") == (found.to_list() or [""])


def test_an_unknown_value_is_left_out_and_an_empty_point_too() -> None:
    found = line_protocol.lines(
        ["a ", "b "], np.array([0, 1, 1]), {"x": np.array([1.0, np.nan, np.nan]), "y": np.array([np.nan, 2.5, np.inf])}, np.arange(3)
    )  # fmt: skip
    assert found.to_list() == ["a x=1.0 0", "b y=2.5 1"]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), numbers), max_size=30))
def test_rows_of_one_series_and_time_are_one_point(rows: list[tuple[int, int, float]]) -> None:
    starts, fields = ["a,x=1 ", "a,x=1 ", "b ", None], ["p.total", "q", "p.total", None]
    at, ts, values = (
        np.array([r[i] for r in rows], kind) for i, kind in enumerate((np.int32, np.int64, float))
    )
    truth: dict[tuple[str, int], dict[str, float]] = {}
    for tag, time, value in {
        (tag, time): (tag, time, value) for tag, time, value in rows if math.isfinite(value)
    }.values():
        if starts[tag] is not None:
            truth.setdefault((str(starts[tag]).split(",")[0].strip(), time), {})[
                str(fields[tag])
            ] = value
    found = [parse(line) for line in line_protocol.gathered(starts, fields, at, values, ts)]
    assert len(found) == len(truth)
    assert {(measurement, time): read for measurement, _, read, time in found} == truth


@pytest.mark.parametrize("name", ["", "a\nb", "a\\", "a\\,b", "\t"])
def test_a_name_that_cannot_be_written_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot write the name"):
        line_protocol.series("line", {"site": name})


@pytest.mark.parametrize(
    ("fields", "ts", "says"),
    [
        ({"x": np.array([1])}, np.array([1]), "'x' is int64"),
        ({"x": np.array([1.0, 2.0])}, np.array([1]), "has 2 rows"),
        ({"x": np.array([1.0])}, np.array([1.0]), "'time' is float64"),
        ({"x": np.array(["1"])}, np.array([1]), "'x' is <U1"),
    ],
)
def test_types_are_checked(fields: dict[str, np.ndarray], ts: np.ndarray, says: str) -> None:
    with pytest.raises(TypeError, match=says):
        line_protocol.lines(["a "], np.zeros(len(ts), np.int32), fields, ts)


def test_requests_are_bounded_in_lines_and_bytes() -> None:
    found = pl.Series([f"line {'é' * (i % 7)} {i}" for i in range(1000)] + ["x" * 500, "end"])
    parts = list(line_protocol.requests(found, 90, 400))
    assert pl.concat(parts).to_list() == found.to_list()
    assert all(len(p) <= 90 for p in parts)
    assert all(len(line_protocol.body(p)) <= 400 for p in parts if len(p) > 1)
    assert [len(p) for p in line_protocol.requests(found, 90, 10**6)] == [90] * 11 + [12]
