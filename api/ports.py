"""What the API needs of the rest: small ports, handed over by the composition root.

All times that go in are event time in ns UTC.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from books.answers import Contribution, Part, Series
from books.parts import SourceRow
from books.windows import Known
from engine.now.apart import Apart
from plant.arrays import Floats
from rules.desk.desk import Desk, Quiet
from rules.language.config import Rule
from rules.watching.backtest import Backtest

Edges = npt.NDArray[np.int64]
Row = Mapping[str, object]


class Figures(Protocol):
    """The books: figures of closed windows. Implemented by `books.history.History`."""

    def series(
        self,
        of: str,
        figures: list[str],
        start: int,
        end: int,
        every: str | float,
    ) -> Series: ...

    def sums(
        self,
        of: str,
        edges: Edges,
        names: Sequence[str] = (),
    ) -> Mapping[str, Floats]: ...

    def figures(
        self,
        of: str,
        start: int,
        end: int,
        names: Sequence[str],
    ) -> Mapping[str, float | None]: ...

    def parts(self, of: str, start: int, end: int, name: str) -> Sequence[Part]: ...

    def sources_by_line(self, start: int, end: int) -> Mapping[str, Sequence[SourceRow]]: ...

    def by_member(self, of: str, start: int, end: int, name: str) -> Sequence[Contribution]: ...

    def gas_basis(self) -> str: ...


class Live(Protocol):
    """The newest of all. Implemented by `api.hub.Hub`."""

    @property
    def latest(self) -> Mapping[str, object]: ...

    def stream(self) -> AsyncIterator[bytes]: ...


class AlertPast(Protocol):
    """What is written of alerts. Implemented by `store.alert_book.AlertBook`."""

    @property
    def lock(self) -> threading.RLock: ...

    def alert(self, alert: str) -> tuple[bytes, str | None] | None: ...

    def alerts(
        self,
        from_ns: int,
        to_ns: int,
        limit: int = 1000,
    ) -> list[tuple[bytes, str | None]]: ...

    def changes(
        self,
        from_ns: int,
        to_ns: int,
        rule: str,
        subject: str,
    ) -> list[Row]: ...

    def chattering(self, since_ns: int, times: int) -> set[tuple[str, str]]: ...

    def trail(self, alert: str) -> list[Row]: ...

    def noisiest(self, from_ns: int, to_ns: int) -> list[Row]: ...


class AlertDesk(Protocol):
    """Open alerts, and what people do about them. Implemented by `rules.desk.alerts.Alerts`."""

    @property
    def rules(self) -> Mapping[str, Rule]: ...

    @property
    def desk(self) -> Desk: ...

    @property
    def book(self) -> AlertPast: ...

    def acknowledge(
        self,
        alert: str,
        name: str,
        note: str,
        now_ns: int,
    ) -> None: ...

    def shelve(
        self,
        alert: str,
        name: str,
        reason: str,
        minutes: float,
        now_ns: int,
    ) -> Quiet: ...

    def silence(
        self,
        name: str,
        reason: str,
        from_ns: int,
        until_ns: int,
        rule: str,
        subject: str,
        now_ns: int,
    ) -> Quiet: ...

    def lift(
        self,
        quiet: str,
        name: str,
        now_ns: int,
    ) -> None: ...


class Table(Protocol):
    """One series of an InfluxQL answer: times in ns, a list of values for each column."""

    @property
    def name(self) -> str: ...

    @property
    def tags(self) -> dict[str, str]: ...

    @property
    def columns(self) -> list[str]: ...

    @property
    def times(self) -> npt.NDArray[np.int64]: ...

    @property
    def values(self) -> Sequence[Sequence[object] | Floats]: ...


class Queries(Protocol):
    """Answers InfluxQL. Implemented by `store.influxql.query.Answerer`."""

    def answer(
        self,
        query: str,
        now_ns: int,
        *,
        raw: bool = False,
    ) -> Sequence[Sequence[Table]]: ...


class Operations(Protocol):
    """How the running plant is. Implemented by `wattline.operations.Operations`."""

    def now_ns(self) -> int:
        """Event time."""

    def health(self) -> object:
        """Data health without figures, in the shape of `api.answers.plant.Health`."""

    def not_ready(self) -> str | None:
        """Why figures cannot be relied on, such as a part that stands still; None if they can."""

    def metrics(self) -> str:
        """Metrics as Prometheus reads them."""

    def test_channel(self, channel: str, name: str) -> object:
        """Send a test message over a channel, in the name of somebody; QueryError where nobody can
        be told."""

    def channels(self) -> object:
        """How people can be told, in the shape of `api.answers.alerts.Notify`."""


Instants = Callable[[str, str], Apart | None]
"""A figure of `now`, by its name, of a line, a group, a bus or the site, taken apart."""

Trials = Callable[[Rule, int, int, Known, float], Backtest]
"""Tries a rule on the books of a span, as known then or now, with its threshold times a factor."""


def no_instants(figure: str, of: str) -> Apart | None:
    """Where nothing is live."""
    return None


@dataclass(frozen=True, slots=True)
class Ports:
    """All ports.

    Without `alerts` and `trials` there are no routes of alerts and rules, without `queries` none of
    InfluxQL.
    """

    figures: Figures
    live: Live
    operations: Operations
    instants: Instants = no_instants
    alerts: AlertDesk | None = None
    trials: Trials | None = None
    queries: Queries | None = None
