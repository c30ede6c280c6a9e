"""Frames: how readings travel. One frame holds every poll batch of a site of at most 250 ms, as columns.

A frame has a header, a columnar section of numeric readings and a small section of text events (machine states, order ids).
Columns: `ts` event time, `received` (both int64 ns UTC), `tag` int32, `value` float64 in canonical units, `quality` uint8.
Encoded: magic, header length, header as JSON, then the columns; runs of equal values are stored once, because all readings of
one poll share their times.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

MAGIC: Final = b"WLF1"
SCHEMA: Final = 1

Ints = npt.NDArray[np.int64]
Tags = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]


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
    """`wm` is the watermark: no row with an older event time is expected any more. `config` is the hash of the site in force."""

    schema: int
    site: str
    journal: str
    seq: int
    wm: int
    config: str
    kind: Kind = Kind.DATA


@dataclass(frozen=True, slots=True)
class Batch:
    """The columns of one device poll, as a driver hands them over. All five columns have one length."""

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
    """A committed unit of the journal. `control` is set for control frames only: the JSON of a `plant.site.Control`."""

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
    ts: Any,
    tag: Any,
    value: Any,
    quality: Any = None,
    *,
    received: Any = None,
    events: tuple[Event, ...] = (),
) -> Batch:
    """Build a batch from anything array-like; `received` defaults to `ts`, `quality` to GOOD (BAD where the value is NaN)."""
    values = np.asarray(value, np.float64)
    times = np.broadcast_to(np.asarray(ts, np.int64), values.shape)
    got = (
        times if received is None else np.broadcast_to(np.asarray(received, np.int64), values.shape)
    )
    marks = np.where(np.isnan(values), Quality.BAD, Quality.GOOD) if quality is None else quality
    return Batch(
        times,
        got,
        np.asarray(tag, np.int32),
        values,
        np.broadcast_to(np.asarray(marks, np.uint8), values.shape),
        events,
    )


EMPTY: Final = batch(np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0))


def join(batches: list[Batch]) -> Batch:
    """One batch of all rows and events, in order of arrival."""
    if not batches:
        return EMPTY
    if len(batches) == 1:
        return batches[0]
    return Batch(
        np.concatenate([b.ts for b in batches]),
        np.concatenate([b.received for b in batches]),
        np.concatenate([b.tag for b in batches]),
        np.concatenate([b.value for b in batches]),
        np.concatenate([b.quality for b in batches]),
        tuple(e for b in batches for e in b.events),
    )


def data_frame(header: Header, rows: Batch) -> Frame:
    """A data frame of `rows` under `header`."""
    return Frame(header, rows.ts, rows.received, rows.tag, rows.value, rows.quality, rows.events)


def control_frame(header: Header, payload: bytes) -> Frame:
    """A control frame that carries `payload`."""
    return Frame(
        header, EMPTY.ts, EMPTY.received, EMPTY.tag, EMPTY.value, EMPTY.quality, (), payload
    )


_HEADER_LENGTH: Final = struct.Struct("<II")
_COLUMN: Final = struct.Struct("<BII")
_to_json = msgspec.json.Encoder()


class _Envelope(msgspec.Struct, frozen=True):
    header: Header
    rows: int
    events: tuple[Event, ...]


_from_json = msgspec.json.Decoder(_Envelope)


def _runs(column: npt.NDArray[Any]) -> bytes:
    """One column: run-length coded where that is smaller, plain otherwise."""
    starts = (
        np.flatnonzero(np.concatenate(([True], column[1:] != column[:-1])))
        if len(column)
        else np.empty(0, np.int64)
    )
    if len(starts) * (column.itemsize + 4) < column.nbytes:
        body = starts.astype("<u4").tobytes() + column[starts].tobytes()
        return _COLUMN.pack(1, len(starts), len(body)) + body
    return _COLUMN.pack(0, len(column), column.nbytes) + column.tobytes()


def _plain(column: npt.NDArray[Any]) -> bytes:
    return _COLUMN.pack(0, len(column), column.nbytes) + column.tobytes()


def _unpack(data: memoryview, at: int, rows: int, dtype: str) -> tuple[npt.NDArray[Any], int]:
    coded, count, length = _COLUMN.unpack_from(data, at)
    at += _COLUMN.size
    body = data[at : at + length]
    after = at + length
    if not coded:
        return np.frombuffer(body, dtype, count), after
    starts = np.frombuffer(body, "<u4", count)
    values = np.frombuffer(body, dtype, count, offset=4 * count)
    return np.repeat(values, np.diff(np.append(starts, rows))), after


def encode(frame: Frame) -> bytes:
    """Bytes of a frame, as kept in the journal."""
    head = _to_json.encode(_Envelope(frame.header, len(frame), frame.events))
    columns = (
        _runs(frame.ts),
        _runs(frame.received),
        _plain(frame.tag),
        _plain(frame.value),
        _runs(frame.quality),
    )
    return b"".join(
        (MAGIC, _HEADER_LENGTH.pack(len(head), len(frame.control)), head, frame.control, *columns)
    )


def decode(data: bytes) -> Frame:
    """The frame of `data`; ValueError if it is none."""
    if data[:4] != MAGIC:
        raise ValueError(f"not a frame: starts with {data[:4]!r}, expected {MAGIC!r}")
    view = memoryview(data)
    head_length, control_length = _HEADER_LENGTH.unpack_from(view, 4)
    at = 4 + _HEADER_LENGTH.size
    envelope = _from_json.decode(view[at : at + head_length])
    at += head_length
    control = bytes(view[at : at + control_length])
    at += control_length
    columns: list[npt.NDArray[Any]] = []
    for dtype in ("<i8", "<i8", "<i4", "<f8", "<u1"):
        column, at = _unpack(view, at, envelope.rows, dtype)
        columns.append(column)
    ts, received, tag, value, quality = columns
    return Frame(
        envelope.header, ts, received, tag, value, quality, envelope.events, control, len(data)
    )
