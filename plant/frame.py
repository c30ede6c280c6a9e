"""Frames: how readings travel.

One frame holds every poll batch of a site of at most 250 ms, as columns.

A frame has a header, a columnar section of numeric readings and a small section of text events
(machine states, order ids). Columns: `ts` event time, `received` (both int64 ns UTC), `tag` int32,
`value` float64 in canonical units, `quality` uint8. Encoded: magic, header length, header as JSON,
then the columns; runs of equal values are stored once, because all readings of one poll share
their times.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

MAGIC: Final = b"WLF1"
SCHEMA: Final = 1

Ints = npt.NDArray[np.int64]
Tags = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]
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


_HEADER_LENGTH: Final = struct.Struct("<II")
_COLUMN: Final = struct.Struct("<BII")
_TIME: Final = np.dtype("<i8")
_TAG: Final = np.dtype("<i4")
_VALUE: Final = np.dtype("<f8")
_MARK: Final = np.dtype("<u1")
_to_json = msgspec.json.Encoder()


class _Envelope(msgspec.Struct, frozen=True):
    header: Header
    rows: int
    events: tuple[Event, ...]


_from_json = msgspec.json.Decoder(_Envelope)


# How a column is kept: each value, or each run of equal values with where it begins.
PLAIN: Final = 0
RUNS: Final = 1


def _runs(column: npt.NDArray[np.generic]) -> bytes:
    """One column: run-length coded where that is smaller, plain otherwise."""
    starts = _run_starts(column)
    bytes_a_run = column.itemsize + 4
    if len(starts) * bytes_a_run >= column.nbytes:
        return _plain(column)

    body = starts.astype("<u4").tobytes() + column[starts].tobytes()
    return _COLUMN.pack(RUNS, len(starts), len(body)) + body


def _run_starts(column: npt.NDArray[np.generic]) -> npt.NDArray[np.intp]:
    """Where each run of equal values begins."""
    if not len(column):
        return np.empty(0, np.intp)

    # A run begins with the first value, and wherever a value is another than the one before.
    differs_from_last = column[1:] != column[:-1]
    return np.flatnonzero(np.concatenate(([True], differs_from_last)))


def _plain(column: npt.NDArray[np.generic]) -> bytes:
    return _COLUMN.pack(PLAIN, len(column), column.nbytes) + column.tobytes()


class _Reader:
    """Takes one column after the other off an encoded frame."""

    def __init__(
        self,
        data: memoryview,
        at: int,
        rows: int,
    ) -> None:
        self._data = data
        self._at = at
        self._rows = rows

    def take(self, kind: np.dtype[Number]) -> npt.NDArray[Number]:
        """The next column, whose values are of `kind`."""
        coded, count, length = _COLUMN.unpack_from(self._data, self._at)
        begin = self._at + _COLUMN.size
        self._at = begin + length
        body = self._data[begin : self._at]
        if coded == PLAIN:
            return np.frombuffer(body, kind, count)

        starts = np.frombuffer(body, "<u4", count)
        values = np.frombuffer(
            body,
            kind,
            count,
            offset=starts.nbytes,
        )
        lengths = np.diff(np.append(starts, self._rows))
        return np.repeat(values, lengths)


def encode(frame: Frame) -> bytes:
    """Bytes of a frame, as kept in the journal."""
    envelope = _Envelope(frame.header, len(frame), frame.events)
    head = _to_json.encode(envelope)
    parts = (
        MAGIC,
        _HEADER_LENGTH.pack(len(head), len(frame.control)),
        head,
        frame.control,
        _runs(frame.ts),
        _runs(frame.received),
        _plain(frame.tag),
        _plain(frame.value),
        _runs(frame.quality),
    )
    return b"".join(parts)


def decode(data: bytes) -> Frame:
    """The frame of `data`; ValueError if it is none."""
    magic = data[: len(MAGIC)]
    if magic != MAGIC:
        raise ValueError(f"not a frame: starts with {magic!r}, expected {MAGIC!r}")

    view = memoryview(data)
    head_length, control_length = _HEADER_LENGTH.unpack_from(view, len(MAGIC))
    head_at = len(MAGIC) + _HEADER_LENGTH.size
    control_at = head_at + head_length
    columns_at = control_at + control_length
    envelope = _from_json.decode(view[head_at:control_at])
    columns = _Reader(view, columns_at, envelope.rows)
    rows = Batch(
        ts=columns.take(_TIME),
        received=columns.take(_TIME),
        tag=columns.take(_TAG),
        value=columns.take(_VALUE),
        quality=columns.take(_MARK),
        events=envelope.events,
    )
    control = bytes(view[control_at:columns_at])
    return _frame(
        envelope.header,
        rows,
        control,
        size=len(data),
    )
