"""A rig whose books are in a store and whose figures are
asked over HTTP (in process, without sockets).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from pathlib import Path
from typing import Any

import httpx

from api.access import Access, Guard
from api.app import Shown, create_app
from api.hub import Hub
from api.ports import Ports
from books.history import History
from store.duck import DuckStore
from store.influxql.query import Answerer
from tests.by_hand import ByHand
from tests.rig import Rig
from wattline.operations import Operations

HEALTH = {
    "connections": [],
    "meters": [],
    "verdicts": [],
    "gaps": [],
    "journal": {"frames": 0, "bytes": 0, "behind_s": 0.0, "consumers": {}},
    "stores": [],
}
Energies = Mapping[str, float | tuple[float, float]]


def access(token: str | None = None) -> Access:
    """Access as on a host whose name is `test`."""
    return Access(
        token=token,
        query_token="query-token" if token else None,
        hosts=frozenset({"test"}),
    )


class ApiRig(Rig):
    """`get` asks the API; `store_all` first folds and stores what was fed."""

    def __init__(self, plant_text: str, folder: Path, **more: Any) -> None:
        super().__init__(plant_text, folder, **more)
        self.store = DuckStore(None)
        self.hub = Hub()
        self.host = ByHand(self.journal, self.store)

    def store_all(self) -> None:
        self.sequencer.cut(self.at + self.window + 120_000_000_000)
        self.fold()

    def minutes(
        self, count: int, energies: Callable[[int], Energies], silent: Container[int], meter: str
    ) -> None:
        """Feed `count` windows; `meter` is not read in the windows
        `silent`, and those are given again when it is back.
        """
        for minute in range(count):
            self.feed(energies(minute), silent={meter} if minute in silent else set())
            if minute % 10 == 0:
                self.fold()
        self.store_all()

    def fold(self) -> None:
        while self.host.turn():
            pass

    def app(self, token: str | None = None, page: Path | None = None) -> Guard:
        """The API over what is stored."""
        ports = Ports(
            figures=History(self.site, self.store),
            live=self.hub,
            operations=self.operations(),
            queries=Answerer(self.site.id, self.store, self.journal.names, self.window),
        )
        return create_app(Shown(self.site, "0.1.0", page), ports, access(token))

    def operations(self) -> Operations:
        """A plant whose health nobody asks about."""
        return Operations(
            now_ns=lambda: self.at,
            health=lambda: HEALTH,
            not_ready=lambda: None,
            metrics=lambda: "",
        )

    async def ask(self, path: str, token: str | None = None, **headers: str) -> httpx.Response:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app(token)), base_url="http://test"
        ) as client:
            return await client.get(path, headers=headers)

    async def value(self, figure: str, of: str = "site") -> Any:
        answer = await self.ask(
            f"/api/v1/explain?figure={figure}&of={of}&from={self.iso(self.start)}&to={self.iso(self.at)}"
        )
        assert answer.status_code == 200, answer.text
        return answer.json()["value"]

    @staticmethod
    def iso(ns: int) -> str:
        from datetime import UTC, datetime

        return datetime.fromtimestamp(ns / 1e9, UTC).isoformat().replace("+00:00", "Z")
