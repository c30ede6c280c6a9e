"""All that `step` remembers of one site.

Before the first plant file nothing runs, and before the first reading nothing was booked: both are
said by one value that is there or not, so that what runs never has to ask.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from engine.counting.absorbed import Unusual
from engine.counting.meters import Meters
from engine.counting.recent import History
from engine.states import Timeline
from engine.tracing.graph import Graph
from engine.tracing.storage import Account
from engine.tracing.tracing import Held
from plant.frame import Batch
from plant.site import Site, StorageNode
from plant.units import SECOND_NS


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
    """What was booked lately, and from where it can be traced again.

    `snapshots` go by the start of their block, ns UTC.
    """

    history: History
    snapshots: dict[int, Snapshot] = field(default_factory=dict)
    tail: Tail | None = None

    @property
    def newest_block(self) -> Snapshot:
        """Storages at the start of the newest block."""
        return self.snapshots[max(self.snapshots)]


@dataclass(slots=True)
class Running:
    """A site in force, and all that is remembered of it.

    `config` is the hash of the site. `pending` are readings of windows that are still open, `gaps`
    those whose windows are not all there to be shaped. `booked` is None before the first reading.
    """

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
    return round(graph.block_s * SECOND_NS)


def opening_accounts(site: Site) -> list[Account]:
    """Storages as they stand before the first window: what they hold then is of its own origin."""
    # Numbers behind those of the sources: what is ambient, what is unknown, the opening stock.
    opening_stock = len(site.sources) + 2
    of_long_ago = 0
    accounts = []
    for storage in site.storages:
        account = empty_account(storage)
        if storage.opening_kwh > 0.0:
            charged_kwh = storage.opening_kwh / storage.charge_efficiency
            origin = (opening_stock, of_long_ago)
            account.charge(
                of_long_ago,
                charged_kwh,
                [(origin, storage.opening_kwh)],
            )

        accounts.append(account)

    return accounts


def empty_account(storage: StorageNode) -> Account:
    """The account of a storage that holds nothing."""
    return Account(
        charge_efficiency=storage.charge_efficiency,
        discharge_efficiency=storage.discharge_efficiency,
        mixed=storage.account == "well_mixed",
    )


def nothing_held(graph: Graph) -> Held:
    """Composition of the buses before anything flowed: unknown."""
    buses = graph.bus_count
    mix = np.zeros((buses, graph.columns + 1))
    mix[:, graph.unknown] = 1.0
    never_fed = np.zeros(buses, np.int64)
    return Held(mix, never_fed)
