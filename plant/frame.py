"""Frames: how readings travel.

One frame holds every poll batch of a site of at most 250 ms, as columns.

A frame has a header, a columnar section of numeric readings and a small section of text events
(machine states, order ids). Columns: `ts` event time, `received` (both int64 ns UTC), `tag` int32,
`value` float64 in canonical units, `quality` uint8.

Encoded: magic, lengths, header as JSON, then the columns, packed by zstd. All readings of one poll
share their times and follow each other by tag, and values of a kind have like high bytes: so runs
of equal values are stored once, whole numbers as steps from the one before, and of each column all
first bytes stand before all second ones. Frames of 0.1.0 (`WLF1`) are read as well.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt
import zstandard

from plant.arrays import Floats, Index, Ints

MAGIC: Final = b"WLF2"
MAGIC_1: Final = b"WLF1"
SCHEMA: Final = 1

Tags = npt.NDArray[np.int32]
Bytes = npt.NDArray[np.uint8]
Column = TypeVar("Column", Ints, Bytes)
Number = TypeVar("Number", bound=np.generic)


class Quality(IntEnum):
    """Quality of one value. `BAD` rows carry NaN: a failed read has no value."""

    GOOD = 0
    UNCERTAIN = 1
    ESTIMATED = 2
    BAD = 3


class Kind(IntEnum):
    """What a frame carries. A zero-row DATA frame is a heartbeat."""

    DATA = 0
    CONTROL = 1


class Event(msgspec.Struct, frozen=True, array_like=True):
    """A text value: a machine state, an order id, a serial number, or a lost connection."""

    ts: int
    tag: int
    text: str


class Header(msgspec.Struct, frozen=True):
    """What is known of a frame as a whole.

    `wm` is the watermark: no row with an older event time is expected any more. `config` is the
    hash of the site in force.
    """

    schema: int
    site: str
    journal: str
    seq: int
    wm: int
    config: str
    kind: Kind = Kind.DATA


@dataclass(frozen=True, slots=True)
class Batch:
    """The columns of one device poll, as a driver hands them over.

    All five columns have one length.
    """

    ts: Ints
    received: Ints
    tag: Tags
    value: Floats
    quality: Bytes
    events: tuple[Event, ...] = ()

    def __len__(self) -> int:
        return len(self.ts)


@dataclass(frozen=True, slots=True)
class Frame:
    """A committed unit of the journal.

    `control` is set for control frames only: the JSON of a `plant.site.Control`.
    """

    header: Header
    ts: Ints
    received: Ints
    tag: Tags
    value: Floats
    quality: Bytes
    events: tuple[Event, ...] = ()
    control: bytes = b""
    size: int = field(default=0, compare=False)

    def __len__(self) -> int:
        return len(self.ts)


def batch(
    ts: npt.ArrayLike,
    tag: npt.ArrayLike,
    value: object,
    quality: npt.ArrayLike | None = None,
    *,
    received: npt.ArrayLike | None = None,
    events: tuple[Event, ...] = (),
) -> Batch:
    """Build a batch from anything array-like.

    `received` defaults to `ts`, `quality` to GOOD (BAD where the value is NaN).
    """
    values = np.asarray(value, np.float64)
    times = _spread(np.asarray(ts, np.int64), values)
    if received is None:
        arrivals = times
    else:
        arrivals = _spread(np.asarray(received, np.int64), values)

    if quality is None:
        quality = np.where(np.isnan(values), Quality.BAD, Quality.GOOD)

    return Batch(
        ts=times,
        received=arrivals,
        tag=np.asarray(tag, np.int32),
        value=values,
        quality=_spread(np.asarray(quality, np.uint8), values),
        events=events,
    )


def _spread(column: Column, values: Floats) -> Column:
    """One number for all rows, or a number for each, as a column as long as `values`."""
    return np.broadcast_to(column, values.shape)


EMPTY: Final = batch(np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0))


def join(batches: list[Batch]) -> Batch:
    """One batch of all rows and events, in order of arrival."""
    if not batches:
        return EMPTY

    if len(batches) == 1:
        return batches[0]

    events: list[Event] = []
    for each in batches:
        events += each.events

    return Batch(
        ts=np.concatenate([each.ts for each in batches]),
        received=np.concatenate([each.received for each in batches]),
        tag=np.concatenate([each.tag for each in batches]),
        value=np.concatenate([each.value for each in batches]),
        quality=np.concatenate([each.quality for each in batches]),
        events=tuple(events),
    )


def _frame(
    header: Header,
    rows: Batch,
    control: bytes = b"",
    size: int = 0,
) -> Frame:
    return Frame(
        header=header,
        ts=rows.ts,
        received=rows.received,
        tag=rows.tag,
        value=rows.value,
        quality=rows.quality,
        events=rows.events,
        control=control,
        size=size,
    )


def data_frame(header: Header, rows: Batch) -> Frame:
    """A data frame of `rows` under `header`."""
    return _frame(header, rows)


def control_frame(header: Header, payload: bytes) -> Frame:
    """A control frame that carries `payload`."""
    return _frame(
        header,
        EMPTY,
        control=payload,
    )


_LENGTHS: Final = struct.Struct("<II")
_COLUMN: Final = struct.Struct("<BII")
_TIME: Final = np.dtype("<i8")
_TAG: Final = np.dtype("<i4")
_VALUE: Final = np.dtype("<f8")
_MARK: Final = np.dtype("<u1")
_BEGIN: Final = np.dtype("<u4")
_to_json = msgspec.json.Encoder()

PLAIN: Final = 0
RUNS: Final = 1
RUNS_OF_STEPS: Final = 2
"""How a column is kept: each value; each run of equal values with where it begins, such as the
times of polls; or each run of equal steps, such as tags that follow each other.
"""

LEVEL: Final = 1
"""Of zstd: 2 to 3 % larger than the levels above it, in half the time and less."""


class _Envelope(msgspec.Struct, frozen=True):
    header: Header
    rows: int
    events: tuple[Event, ...]


_from_json = msgspec.json.Decoder(_Envelope)


def encode(frame: Frame) -> bytes:
    """Bytes of a frame, as kept in the journal."""
    envelope = _Envelope(frame.header, len(frame), frame.events)
    head = _to_json.encode(envelope)
    columns = (
        _packed(frame.ts),
        _packed(frame.received - frame.ts),
        _packed(frame.tag),
        _packed(frame.value),
        _packed(frame.quality),
    )
    return b"".join(
        [
            MAGIC,
            _LENGTHS.pack(len(head), len(frame.control)),
            head,
            frame.control,
            zstandard.compress(b"".join(columns), LEVEL),
        ]
    )


def _packed(column: npt.NDArray[Number]) -> bytes:
    """One column: run-length coded where that is smaller, plain otherwise."""
    begins = _run_starts(column)
    if _saves(begins, column):
        return _packed_runs(RUNS, begins, _steps(column[begins]))

    steps = _steps(column)
    begins = _run_starts(steps)
    if _saves(begins, column):
        return _packed_runs(RUNS_OF_STEPS, begins, steps[begins])

    body = _by_byte(steps)
    return _COLUMN.pack(PLAIN, len(column), len(body)) + body


def _saves(begins: Index, column: npt.NDArray[np.generic]) -> bool:
    """Whether runs that begin there take less than the values."""
    bytes_a_run = column.itemsize + _BEGIN.itemsize
    return len(begins) * bytes_a_run < column.nbytes


def _packed_runs(
    coded: int,
    begins: Index,
    values: npt.NDArray[Number],
) -> bytes:
    """Where runs begin, and what each of them repeats."""
    body = _by_byte(_steps(begins.astype(_BEGIN))) + _by_byte(values)
    return _COLUMN.pack(coded, len(begins), len(body)) + body


def _run_starts(column: npt.NDArray[np.generic]) -> Index:
    """Where each run of equal values begins."""
    if not len(column):
        return np.empty(0, np.intp)

    # A run begins with the first value, and wherever a value is another than the one before.
    differs_from_last = column[1:] != column[:-1]
    return np.flatnonzero(np.concatenate(([True], differs_from_last)))


def _steps(column: npt.NDArray[Number]) -> npt.NDArray[Number]:
    """Whole numbers as steps from the one before, the first from zero; others as they are.

    A step that is too large for its type wraps around, and so does its way back.
    """
    if column.dtype.kind == "f" or not len(column):
        return column

    steps = np.empty_like(column)
    steps[0] = column[0]
    np.subtract(
        column[1:],
        column[:-1],
        out=steps[1:],
    )
    return steps


def _by_byte(column: npt.NDArray[np.generic]) -> bytes:
    """All first bytes, then all second bytes, and so on."""
    whole = np.ascontiguousarray(column)
    rows = whole.view(np.uint8).reshape(len(whole), whole.itemsize)
    return rows.T.tobytes()


def decode(data: bytes) -> Frame:
    """The frame of `data`; ValueError if it is none."""
    magic = data[: len(MAGIC)]
    if magic not in (MAGIC, MAGIC_1):
        raise ValueError(f"not a frame: starts with {magic!r}, expected {MAGIC!r}")

    view = memoryview(data)
    head_length, control_length = _LENGTHS.unpack_from(view, len(MAGIC))
    head_at = len(MAGIC) + _LENGTHS.size
    control_at = head_at + head_length
    columns_at = control_at + control_length
    envelope = _from_json.decode(view[head_at:control_at])
    control = bytes(view[control_at:columns_at])
    columns = view[columns_at:]
    if magic == MAGIC_1:
        rows = _rows_of_version_1(columns, envelope)
    else:
        rows = _rows(columns, envelope)

    return _frame(
        envelope.header,
        rows,
        control,
        size=len(data),
    )


def _rows(data: memoryview, envelope: _Envelope) -> Batch:
    """The columns of a frame."""
    packed = zstandard.decompress(data)
    columns = _Reader(memoryview(packed), envelope.rows)
    times = columns.take(_TIME)
    return Batch(
        ts=times,
        received=times + columns.take(_TIME),
        tag=columns.take(_TAG),
        value=columns.take(_VALUE),
        quality=columns.take(_MARK),
        events=envelope.events,
    )


def _rows_of_version_1(data: memoryview, envelope: _Envelope) -> Batch:
    """The columns of a frame of 0.1.0."""
    columns = _Reader1(data, envelope.rows)
    return Batch(
        ts=columns.take(_TIME),
        received=columns.take(_TIME),
        tag=columns.take(_TAG),
        value=columns.take(_VALUE),
        quality=columns.take(_MARK),
        events=envelope.events,
    )


class _Reader:
    """Takes one column after the other off an encoded frame of so many rows."""

    def __init__(self, data: memoryview, rows: int) -> None:
        self._data = data
        self._at = 0
        self._rows = rows

    def take(self, kind: np.dtype[Number]) -> npt.NDArray[Number]:
        """The next column, whose values are of `kind`."""
        coded, count, length = _COLUMN.unpack_from(self._data, self._at)
        begin = self._at + _COLUMN.size
        self._at = begin + length
        body = self._data[begin : self._at]
        if coded == PLAIN:
            return _summed(_from_bytes(body, kind, count))

        values_at = count * _BEGIN.itemsize
        begins = _summed(_from_bytes(body[:values_at], _BEGIN, count))
        values = _from_bytes(body[values_at:], kind, count)
        if coded == RUNS_OF_STEPS:
            return _summed(_repeated(begins, values, self._rows))

        return _repeated(begins, _summed(values), self._rows)


def _from_bytes(
    body: memoryview,
    kind: np.dtype[Number],
    count: int,
) -> npt.NDArray[Number]:
    """The inverse of `_by_byte`."""
    by_byte = np.frombuffer(body, np.uint8).reshape(kind.itemsize, count)
    return np.ascontiguousarray(by_byte.T).view(kind).reshape(count)


def _summed(steps: npt.NDArray[Number]) -> npt.NDArray[Number]:
    """The inverse of `_steps`."""
    if steps.dtype.kind == "f":
        return steps

    return np.cumsum(steps, dtype=steps.dtype)


def _repeated(
    begins: npt.NDArray[np.uint32],
    values: npt.NDArray[Number],
    rows: int,
) -> npt.NDArray[Number]:
    """Runs of values as `rows` of them."""
    lengths = np.diff(np.append(begins, rows))
    return np.repeat(values, lengths)


class _Reader1(_Reader):
    """Of frames of 0.1.0: values as they are, in runs or plain."""

    def take(self, kind: np.dtype[Number]) -> npt.NDArray[Number]:
        """The next column, whose values are of `kind`."""
        coded, count, length = _COLUMN.unpack_from(self._data, self._at)
        begin = self._at + _COLUMN.size
        self._at = begin + length
        body = self._data[begin : self._at]
        if coded == PLAIN:
            return np.frombuffer(body, kind, count)

        begins = np.frombuffer(body, _BEGIN, count)
        values = np.frombuffer(
            body,
            kind,
            count,
            offset=begins.nbytes,
        )
        return _repeated(begins, values, self._rows)
