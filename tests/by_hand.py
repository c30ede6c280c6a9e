"""Engine and embedded store over a journal, round by round and without threads."""

from __future__ import annotations

from plant.site import Site
from store.duck import DuckStore
from store.journal import SqliteJournal
from wattline.hosts.engine import EngineHost
from wattline.hosts.outputs import OutputReader
from wattline.hosts.store import StoreHost


class ByHand:
    """`turn` does one round of both; True if there was anything to do."""

    def __init__(self, journal: SqliteJournal, store: DuckStore) -> None:
        self.reader = OutputReader(journal, store.code)
        self.engine = EngineHost(journal, lambda: self.storing.passed())
        self.storing = StoreHost(journal, store, self.reader, site=self.engine.site)

    @property
    def site(self) -> Site | None:
        return self.engine.site

    def turn(self) -> bool:
        folded = self.engine.turn()
        return self.storing.turn() or folded

    def all(self) -> None:
        """Until there is nothing more to do."""
        while self.turn():
            pass
