"""What one frame led to. `engine.outputs` turns it into bytes for the journal."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.book import Book
from engine.counting.absorbed import Unusual
from plant.site import Site


@dataclass(slots=True)
class Out:
    """Books in window order, counter steps that were not normal, and the site if it changed."""

    books: list[Book] = field(default_factory=list)
    unusual: list[Unusual] = field(default_factory=list)
    site: Site | None = None
