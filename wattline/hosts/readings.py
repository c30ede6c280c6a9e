"""Frames of the journal as columns of readings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from plant.frame import Kind, decode
from plant.ports import Columns


def columns_of(frames: Sequence[tuple[int, bytes]], names: Sequence[str]) -> Columns:
    """The readings of some frames, one array a column; no columns where there are no readings."""
    decoded = (decode(body) for _, body in frames)
    holding = [frame for frame in decoded if frame.header.kind == Kind.DATA and len(frame)]
    if not holding:
        return {}

    return {name: np.concatenate([getattr(frame, name) for frame in holding]) for name in names}
