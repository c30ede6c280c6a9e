"""State and books as bytes: an ASCII magic, then a JSON head, then columns. No pickle."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

Column = npt.NDArray[np.generic]

_LENGTH = struct.Struct("<I")


class _Shape(msgspec.Struct, array_like=True):
    """How a column is to be read: its name, numpy's word for its numbers, and its dimensions."""

    name: str
    dtype: str
    shape: list[int]


class _Head(msgspec.Struct):
    """What stands before the columns."""

    meta: Any
    arrays: list[_Shape]


_to_json = msgspec.json.Encoder()
_from_json = msgspec.json.Decoder(_Head)


class Unpacked(NamedTuple):
    """What was packed: `meta` as plain JSON values, and the arrays by name."""

    meta: Any
    arrays: dict[str, Column]


def pack(
    magic: bytes,
    meta: object,
    arrays: Mapping[str, Column],
) -> bytes:
    """Bytes of what JSON can say, `meta`, and of arrays, which keep dtype and shape."""
    shapes = []
    columns = []
    for name, array in arrays.items():
        shapes.append(_Shape(name, array.dtype.str, list(array.shape)))
        columns.append(np.ascontiguousarray(array).tobytes())

    head = _to_json.encode(_Head(meta, shapes))
    return b"".join(
        [
            magic,
            _LENGTH.pack(len(head)),
            head,
            *columns,
        ]
    )


def unpack(magic: bytes, data: bytes) -> Unpacked:
    """Inverse of `pack`; ValueError if `data` does not start with `magic`."""
    found = data[: len(magic)]
    if found != magic:
        raise ValueError(f"starts with {found!r}, expected {magic!r}")

    (length,) = _LENGTH.unpack_from(data, len(magic))
    head_at = len(magic) + _LENGTH.size
    columns_at = head_at + length
    head = _from_json.decode(data[head_at:columns_at])
    arrays: dict[str, Column] = {}
    at = columns_at
    for shape in head.arrays:
        flat = np.frombuffer(
            data,
            shape.dtype,
            count=math.prod(shape.shape),
            offset=at,
        )
        # A copy, because what is read off bytes cannot be written to.
        arrays[shape.name] = flat.reshape(shape.shape).copy()
        at += flat.nbytes

    return Unpacked(head.meta, arrays)
