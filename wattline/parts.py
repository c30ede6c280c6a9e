"""The composition root: what a running plant is made of, each part handed what it needs.

Data flows one way: drivers give batches to the sequencer, which cuts frames into
the journal; the engine folds them and puts outputs back; store, stores beside and
rules follow the outputs, each at its own place; `Live` shows what is newest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol
from zoneinfo import ZoneInfo

from books.health import HealthOf, Sources
from books.history import SUMS, History
from collector.build import drivers
from collector.sequencer import Sequencer
from plant.clock import Clock
from plant.config import PlantFile
from plant.profile import Profile
from rules.alert import Alert
from rules.desk.desk import open_alerts
from rules.notify.build import Notifier
from store.outbox import Outbox
from wattline.hosts.engine import EngineHost
from wattline.hosts.outputs import OutputReader
from wattline.hosts.rule_sample import NewestValues
from wattline.hosts.rules import OutboxTeller, RulesHost
from wattline.hosts.store import StoreHost
from wattline.hosts.table import Around, open_beside
from wattline.live import Live
from wattline.metrics import Measured, prometheus
from wattline.operations import Operations
from wattline.options import Options
from wattline.places import DataFolder
from wattline.serving import Door
from wattline.site_build import build_site, secret
from wattline.troubles import Troubles, not_ready


class Host(Protocol):
    """Something with threads: started once, stopped within a deadline.

    `stop` names what is still running then.
    """

    def start(self) -> None: ...
    def stop(self) -> list[str]: ...


class Parts:
    """All parts of one plant, wired and not yet started.

    `hosts` are in the order of their start.
    """

    def __init__(
        self,
        plant: PlantFile,
        catalogue: Mapping[str, Profile],
        clock: Clock,
        options: Options,
    ) -> None:
        self.plant = plant
        self.clock = clock
        self.options = options
        self.data = DataFolder.open(options.data)
        self.journal = self.data.journal
        self.store = self.data.store
        # A first start makes thousands of tags, in one commit.
        with self.journal.together():
            self.site = build_site(
                plant,
                catalogue,
                self.journal,
                speed=clock.speed,
                simulated=options.simulated,
            )
            self.drivers = drivers(
                plant,
                catalogue,
                self.journal,
                clock,
                options.endpoints,
                secret,
            )

        self.store.expect("line", SUMS)
        self.store.expect("source", ("held_kg",))
        self.history = History(self.site, self.store)
        self.live = Live(self.site, clock, self.history)
        self.sequencer = Sequencer(
            self.site.id,
            self.journal,
            self.journal.id,
            clock,
            on_rows=self.live.now.take,
        )
        self.sequencer.wm = self.journal.last_wm()
        self.engine = EngineHost(
            self.journal,
            passed=lambda: self.storing.passed(),
            told=self._wake_followers,
            now_ns=clock.now,
        )
        books_site = self.engine.site or self.site
        reader = OutputReader(self.journal, self.store.code)
        self.storing = StoreHost(
            self.journal,
            self.store,
            reader,
            on_books=self.live.on_books,
            site=books_site,
            now_ns=clock.now,
        )
        around = Around(
            plant,
            books_site,
            self.journal,
            options.data,
        )
        self.beside = open_beside(around, options.beside)
        sources = Sources(
            drivers=self.drivers,
            store=self.store,
            journal=self.journal,
            now_ns=clock.now,
            places=self._places,
            last=self.live.last_powers,
            beside=lambda: [host.health() for host in self.beside],
            slack_s=self.live.now.latency_s,
        )
        self.health = HealthOf(self.site, sources)
        self.notifier = self._notifier()
        self.rules = RulesHost(
            self.journal,
            self.data.alerts,
            self.site,
            options.rules,
            now_ns=clock.now,
            sample=NewestValues(
                self.live,
                self.health,
                self.data,
                lambda: self.troubles.standing(),
            ),
            teller=None if self.notifier is None else OutboxTeller(self.notifier),
            books_site=books_site,
            reader=reader,
        )
        # Over the journal, each at its own place: started in this order, stopped from the last to
        # the first, and seen by readiness and metrics when one stands still.
        consumers = [
            self.rules,
            *self.beside,
            self.storing,
            self.engine,
        ]
        self.troubles = Troubles.of(self.sequencer.trouble, consumers)
        for trouble in (*self.troubles.needed, *self.troubles.beside):
            trouble.changed = self.live.look_again

        notifiers: list[Host] = [] if self.notifier is None else [self.notifier]
        self.hosts: list[Host] = [*notifiers, *consumers]
        measured = Measured(
            health=self.health,
            live=self.live,
            sequencer=self.sequencer,
            engine=self.engine,
            storing=self.storing,
            rules=self.rules,
            notifier=self.notifier,
            hosts=self.troubles.names(),
            standing=self.troubles.standing,
            still_open=self.still_open,
        )
        self.operations = Operations(
            now_ns=clock.now,
            health=self.health,
            not_ready=lambda: not_ready(self.troubles, self.live),
            metrics=lambda: prometheus(measured),
            notifier=self.notifier,
        )
        self.door = Door.at(options.host, options.port, self.data)

    def _places(self) -> dict[str, int]:
        """How far each reader of the journal is."""
        return {
            "step": self.engine.state.seq,
            "readings": self.storing.readings_place,
            "books": self.storing.books_place,
        }

    def _wake_followers(self) -> None:
        """The engine has put new outputs into the journal."""
        self.storing.wake.set()
        self.rules.wake.set()

    def still_open(self) -> list[Alert]:
        """Alerts that are open and stand for themselves."""
        with self.data.alerts.lock:
            return list(open_alerts(self.rules.alerts.desk))

    def _notifier(self) -> Notifier | None:
        """Who tells people, where the plant file says whom."""
        if self.plant.notify is None:
            return None

        return Notifier(
            self.plant.notify,
            self.site.id,
            ZoneInfo(self.site.timezone),
            Outbox(self.data.alerts.db, self.data.alerts.lock),
            self.clock,
            secret,
            still=self.still_open,
            well=lambda: not self.troubles.not_working(),
        )
