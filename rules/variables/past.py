"""The past of rule variables: sums of columns over spans, and the functions that read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias

from plant.arrays import Floats
from plant.site import Site

Sums: TypeAlias = Mapping[str, Floats]
"""Sums of columns over a span, by subject."""


class Past(Protocol):
    """The kept windows of all subjects of one kind, up to the one that is looked at."""

    @property
    def window_ns(self) -> int: ...

    @property
    def at_ns(self) -> int:
        """Start of the window that is looked at."""
        ...

    def sums(self, count: int) -> Sums:
        """Sums of all columns over the last `count` windows."""
        ...

    def windows(self, column: str, count: int) -> Floats:
        """One column of the last `count` windows [windows, subjects]; fewer at the beginning."""
        ...


OverTime: TypeAlias = Callable[[Past, int], Floats]
"""The value of each subject over the last so many windows."""

Prepare: TypeAlias = Callable[[Site, Mapping[str, Past]], OverTime]
"""Made once for a plant; the pasts of other kinds of subject are there by kind."""
