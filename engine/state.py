"""All that `step` remembers of one site.

Before the first plant file nothing runs, and before the first reading nothing was booked: both are
said by one value that is there or not, so that what runs never has to ask.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from engine.counting.meters import Meters, Unusual
from engine.counting.recent import History
from engine.states import Timeline
from engine.tracing.graph import Graph
from engine.tracing.storage import Account
from engine.tracing.tracing import Held
from plant.frame import Batch
from plant.site import Site


@dataclass(slots=True)
class Snapshot:
    """Storages and bus compositions at the start of a block."""

    accounts: list[Account]
    held: Held


@dataclass(slots=True)
class Tail:
    """Storages after the last window given out, while its block is open.

    The next window of the block goes on from here; those before it wait for the close of the block,
    when all are traced once more from its start.
    """

    until: int
    accounts: list[Account]


@dataclass(slots=True)
class Booked:
    """What was booked lately, and from where it can be traced again."""

    history: History
    snapshots: dict[int, Snapshot] = field(default_factory=dict)
    tail: Tail | None = None

    @property
    def newest_block(self) -> Snapshot:
        """Storages at the start of the newest block."""
        return self.snapshots[max(self.snapshots)]


@dataclass(slots=True)
class Running:
    """A site in force. `pending` are readings of windows that are still open."""

    site: Site
    config: str
    graph: Graph
    meters: Meters
    states: Timeline
    pending: list[Batch] = field(default_factory=list)
    gaps: list[Unusual] = field(default_factory=list)
    booked: Booked | None = None


@dataclass(slots=True)
class State:
    """Place in the journal, watermark in ns UTC, and what runs there, if a site is in force."""

    seq: int = 0
    wm: int = 0
    running: Running | None = None

    @property
    def config(self) -> str:
        """Hash of the site in force, "" before there is one."""
        return "" if self.running is None else self.running.config


def block_start(graph: Graph, at_ns: int) -> int:
    """Start of the block that holds a moment."""
    return at_ns - at_ns % block_ns(graph)


def block_ns(graph: Graph) -> int:
    """Length of a block: the longest time over which a bus of the site is mixed."""
    return round(graph.block_s * 1e9)


def opening_accounts(site: Site) -> list[Account]:
    """Storages as they stand before the first window: what they hold then is of its own origin."""
    opening_stock = len(site.sources) + 2
    accounts = []
    for storage in site.storages:
        account = Account(
            storage.charge_efficiency,
            storage.discharge_efficiency,
            mixed=storage.account == "well_mixed",
        )
        if storage.opening_kwh > 0.0:
            charged_kwh = storage.opening_kwh / storage.charge_efficiency
            account.charge(0, charged_kwh, [((opening_stock, 0), storage.opening_kwh)])
        accounts.append(account)
    return accounts


def nothing_held(graph: Graph) -> Held:
    """Composition of the buses before anything flowed: unknown."""
    mix = np.zeros((graph.nb, graph.columns + 1))
    mix[:, graph.unknown] = 1.0
    return Held(mix, np.zeros(graph.nb, np.int64))
