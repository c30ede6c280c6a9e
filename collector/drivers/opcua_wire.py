"""Publish answers of an OPC UA server, taken apart as columns (OPC 10000-4 section 5.14.5, encoding
of OPC 10000-6 section 5.2).

asyncua makes some ten objects for each value; here the common shapes (numbers and texts, with
status and times) become arrays, at about a twentieth of the time. An answer of any other shape is
left to asyncua, which is also what tests compare with.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import numpy as np
import numpy.typing as npt
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary

from plant.arrays import Floats, Index, Ints
from plant.units import SECOND_NS

_PUBLISH_RESPONSE: Final = b"\x01\x00" + struct.pack("<H", 829)
_DATA_CHANGE: Final = b"\x01\x00" + struct.pack("<H", 811) + b"\x01"
_STATUS_CHANGE: Final = b"\x01\x00" + struct.pack("<H", 820) + b"\x01"

# After the answer's time, handle and result: no diagnostics, an empty or missing table of strings,
# no additional header.
_PLAIN_HEADERS: Final = (
    b"\x00\x00\x00\x00\x00\x00\x00\x00",
    b"\x00\xff\xff\xff\xff\x00\x00\x00",
)

# Bits of a data value's first byte.
_VALUE: Final = 0x01
_STATUS: Final = 0x02
_SOURCE_TIME: Final = 0x04
_SERVER_TIME: Final = 0x08
_SOURCE_PICOSECONDS: Final = 0x10
_SERVER_PICOSECONDS: Final = 0x20

# Numbers by their built-in type. What is none of them is no reading: true and false, times.
_NUMBERS: Final = {
    2: "<i1",
    3: "<u1",
    4: "<i2",
    5: "<u2",
    6: "<i4",
    7: "<u4",
    8: "<i8",
    9: "<u8",
    10: "<f4",
    11: "<f8",
}
_OTHER_WIDTHS: Final = {0: 0, 1: 1, 13: 8}
_STRING: Final = 12

_HANDLE_BYTES: Final = 4
_EPOCH_TICKS: Final = 116_444_736_000_000_000
_TICK_NS: Final = 100
_LATEST_TICKS: Final = _EPOCH_TICKS + (2**63 - 1) // _TICK_NS
_EPOCH: Final = datetime(1970, 1, 1)
_EPOCH_UTC: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_S: Final = 86_400
_MICROSECOND_NS: Final = 1000

_U32: Final = struct.Struct("<I")
_I32: Final = struct.Struct("<i")
_I64: Final = struct.Struct("<q")


class Odd(ValueError):
    """An answer that is not of a common shape."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What items said, a row each, in the order of the server.

    `value` is NaN where an item said no number; `status` as in OPC 10000-4 section 7.39;
    `source_ns` is the time that the source gave, 0 for none; `texts` holds the rows that are text.
    """

    handle: Index
    value: Floats
    status: npt.NDArray[np.uint32]
    source_ns: Ints
    texts: dict[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.handle)


@dataclass(frozen=True, slots=True)
class Published:
    """One answer: of which subscription, and what it holds. A keep-alive holds nothing.

    `ended`: the server says that the subscription is over.
    """

    subscription: int
    sequence: int
    more: bool
    changes: tuple[Changes, ...] = ()
    ended: bool = False

    @property
    def keep_alive(self) -> bool:
        """Whether it only says that the server is there; such an answer is not acknowledged."""
        return not self.changes and not self.ended


def published(body: Buffer) -> Published:
    """An answer, decoded here where its shape is common and by asyncua where not.

    Raises what asyncua raises for what is no answer at all.
    """
    data = bytes(body)
    try:
        return decode(data)
    except (Odd, IndexError, struct.error):
        return decode_by_asyncua(Buffer(data))


def decode(data: bytes) -> Published:
    """An answer of a common shape; Odd (or IndexError, struct.error at its end) if it is not."""
    if not data.startswith(_PUBLISH_RESPONSE) or data[20:28] not in _PLAIN_HEADERS:
        raise Odd("not the head of a plain publish answer")

    at = 28
    subscription = _U32.unpack_from(data, at)[0]
    available = max(0, _I32.unpack_from(data, at + 4)[0])
    at += 8 + 4 * available
    more = data[at] != 0
    sequence = _U32.unpack_from(data, at + 1)[0]
    notifications = _I32.unpack_from(data, at + 13)[0]
    at += 17
    changes: list[Changes] = []
    ended = False
    for _ in range(max(0, notifications)):
        length = _I32.unpack_from(data, at + 5)[0]
        if data.startswith(_DATA_CHANGE, at):
            changes.append(_changes(data, at + 9, at + 9 + length))
        elif data.startswith(_STATUS_CHANGE, at):
            ended = True
        else:
            raise Odd("another kind of notification")

        at += 9 + length

    return Published(
        subscription,
        sequence,
        more,
        tuple(changes),
        ended,
    )


@dataclass(frozen=True, slots=True)
class _Layout:
    """Items of one mask and type: all of one size, so that they are read as one array."""

    size: int
    dtype: np.dtype[np.void]


def _layout(mask: int, kind: int) -> _Layout | None:
    """Where the parts of such items are; None for a type whose size is not fixed."""
    offset = _HANDLE_BYTES + 1
    places = {"handle": ("<u4", 0)}
    if mask & _VALUE:
        offset += 1
        if kind in _NUMBERS:
            places["value"] = (_NUMBERS[kind], offset)
            offset += np.dtype(_NUMBERS[kind]).itemsize
        elif kind in _OTHER_WIDTHS:
            offset += _OTHER_WIDTHS[kind]
        else:
            return None

    if mask & _STATUS:
        places["status"] = ("<u4", offset)
        offset += 4

    if mask & _SOURCE_TIME:
        places["source"] = ("<i8", offset)
        offset += 8

    if mask & _SOURCE_PICOSECONDS:
        offset += 2

    if mask & _SERVER_TIME:
        offset += 8

    if mask & _SERVER_PICOSECONDS:
        offset += 2

    dtype = np.dtype(
        {
            "names": list(places),
            "formats": [form for form, _ in places.values()],
            "offsets": [place for _, place in places.values()],
            "itemsize": offset,
        }
    )
    return _Layout(offset, dtype)


def _layouts() -> dict[int, _Layout]:
    """All layouts, by mask x 256 + type; without a value the type counts as 0."""
    found: dict[int, _Layout] = {}
    for mask in range(0x40):
        kinds = (*_NUMBERS, *_OTHER_WIDTHS) if mask & _VALUE else (0,)
        for kind in kinds:
            layout = _layout(mask, kind)
            if layout is not None:
                found[mask << 8 | kind] = layout

    return found


_LAYOUTS: Final = _layouts()
_SIZES: Final = {key: layout.size for key, layout in _LAYOUTS.items()}


def _changes(data: bytes, at: int, end: int) -> Changes:
    """The items of one notification, from its count on."""
    count = max(0, _I32.unpack_from(data, at)[0])
    at += 4
    starts: list[int] = []
    keys: list[int] = []
    texts: dict[int, _Text] = {}
    sizes = _SIZES
    for row in range(count):
        mask = data[at + 4]
        key = mask << 8 | (data[at + 5] if mask & _VALUE else 0)
        size = sizes.get(key)
        if size is None:
            text = _text(data, at, mask)
            texts[row] = text
            size = text.size

        starts.append(at)
        keys.append(key)
        at += size

    if at > end:
        raise Odd("items beyond the end of their notification")

    return _columns(
        data,
        np.array(starts, np.int64),
        np.array(keys, np.int64),
        texts,
    )


def _columns(
    data: bytes,
    starts: Ints,
    keys: Ints,
    texts: dict[int, _Text],
) -> Changes:
    """Columns of the items that begin at `starts`, read at once for each of the layouts."""
    count = len(starts)
    handle = np.zeros(count, np.int64)
    value = np.full(count, np.nan)
    status = np.zeros(count, np.uint32)
    ticks = np.zeros(count, np.int64)
    buffer = np.frombuffer(data, np.uint8)
    for key in np.unique(keys).tolist():
        layout = _LAYOUTS.get(key)
        if layout is None:
            continue

        rows = np.flatnonzero(keys == key)
        cells = buffer[starts[rows, None] + np.arange(layout.size)]
        items = cells.view(layout.dtype)[:, 0]
        names = layout.dtype.names or ()
        handle[rows] = items["handle"]
        if "value" in names:
            value[rows] = items["value"]

        if "status" in names:
            status[rows] = items["status"]

        if "source" in names:
            ticks[rows] = items["source"]

    for row, text in texts.items():
        handle[row] = text.handle
        status[row] = text.status
        ticks[row] = text.source_ticks

    known = (ticks >= _EPOCH_TICKS) & (ticks <= _LATEST_TICKS)
    source_ns = np.where(known, (ticks - _EPOCH_TICKS) * _TICK_NS, 0)
    said = {row: text.text for row, text in texts.items() if text.text is not None}
    return Changes(
        handle,
        value,
        status,
        source_ns,
        said,
    )


@dataclass(frozen=True, slots=True)
class _Text:
    """An item that says a text. `text` is None for a string that is null."""

    handle: int
    size: int
    text: str | None
    status: int = 0
    source_ticks: int = 0


def _text(data: bytes, start: int, mask: int) -> _Text:
    """The item at `start`, if it is a string."""
    if mask >= 0x40 or data[start + 5] != _STRING:
        raise Odd("a type of value that is neither number nor text")

    length = _I32.unpack_from(data, start + 6)[0]
    at = start + 10 + max(0, length)
    text = None if length < 0 else data[start + 10 : at].decode("utf-8", "replace")
    status = 0
    if mask & _STATUS:
        status = _U32.unpack_from(data, at)[0]
        at += 4

    ticks = 0
    if mask & _SOURCE_TIME:
        ticks = _I64.unpack_from(data, at)[0]
        at += 8

    at += 2 * bool(mask & _SOURCE_PICOSECONDS)
    at += 8 * bool(mask & _SERVER_TIME)
    at += 2 * bool(mask & _SERVER_PICOSECONDS)
    return _Text(
        handle=_U32.unpack_from(data, start)[0],
        size=at - start,
        text=text,
        status=status,
        source_ticks=ticks,
    )


def decode_by_asyncua(body: Buffer) -> Published:
    """An answer of any shape, as asyncua understands it."""
    result = struct_from_binary(ua.PublishResponse, body).Parameters
    message = result.NotificationMessage
    changes: list[Changes] = []
    ended = False
    for notification in message.NotificationData or ():
        if isinstance(notification, ua.DataChangeNotification):
            changes.append(_changes_of(notification.MonitoredItems))
        elif isinstance(notification, ua.StatusChangeNotification):
            ended = True

    return Published(
        subscription=result.SubscriptionId,
        sequence=message.SequenceNumber,
        more=bool(result.MoreNotifications),
        changes=tuple(changes),
        ended=ended,
    )


def _changes_of(items: Iterable[ua.MonitoredItemNotification]) -> Changes:
    """Columns of what asyncua has decoded."""
    handles: list[int] = []
    values: list[float] = []
    status: list[int] = []
    times: list[int] = []
    texts: dict[int, str] = {}
    for row, item in enumerate(items):
        said = item.Value
        raw = None if said.Value is None else said.Value.Value
        value = np.nan
        if isinstance(raw, str):
            texts[row] = raw
        elif isinstance(raw, int | float) and not isinstance(raw, bool):
            value = float(raw)

        handles.append(item.ClientHandle)
        values.append(value)
        status.append(0 if said.StatusCode is None else said.StatusCode.value)
        times.append(_ns(said.SourceTimestamp))

    return Changes(
        np.array(handles, np.int64),
        np.array(values, float),
        np.array(status, np.uint32),
        np.array(times, np.int64),
        texts,
    )


def _ns(stamp: datetime | None) -> int:
    """Nanoseconds of a time of asyncua; 0 where there is none."""
    if stamp is None:
        return 0

    since = stamp - (_EPOCH_UTC if stamp.tzinfo else _EPOCH)
    seconds = since.days * _DAY_S + since.seconds
    return max(0, seconds * SECOND_NS + since.microseconds * _MICROSECOND_NS)
