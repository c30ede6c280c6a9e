"""State and books as bytes: an ASCII magic first, then a JSON head, then columns. No pickle."""

from __future__ import annotations

import struct
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

_LENGTH = struct.Struct("<I")


def pack(magic: bytes, meta: Any, arrays: dict[str, npt.NDArray[Any]]) -> bytes:
    """`meta` must be JSON-able; arrays keep dtype and shape."""
    solid = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    head = msgspec.json.encode(
        {"meta": meta, "arrays": [(n, a.dtype.str, list(a.shape)) for n, a in solid.items()]}
    )
    return b"".join((magic, _LENGTH.pack(len(head)), head, *(a.tobytes() for a in solid.values())))


def unpack(magic: bytes, data: bytes) -> tuple[Any, dict[str, npt.NDArray[Any]]]:
    """Inverse of `pack`; ValueError if `data` does not start with `magic`."""
    if data[: len(magic)] != magic:
        raise ValueError(f"starts with {data[: len(magic)]!r}, expected {magic!r}")
    (length,) = _LENGTH.unpack_from(data, len(magic))
    at = len(magic) + _LENGTH.size
    head = msgspec.json.decode(data[at : at + length])
    at += length
    arrays: dict[str, npt.NDArray[Any]] = {}
    for name, dtype, shape in head["arrays"]:
        count = int(np.prod(shape)) if shape else 1
        arrays[name] = np.frombuffer(data, dtype, count, at).reshape(shape).copy()
        at += arrays[name].nbytes
    return head["meta"], arrays
