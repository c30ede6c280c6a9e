"""The composition root: one plant, running. Collector, journal, engine, stores, rules and API in
one process, each handed what it needs.

Data flows one way: drivers give batches to the sequencer, which cuts frames into
the journal; the engine folds them and puts outputs back; store, stores beside and
rules follow the outputs, each at its own place; `Live` shows what is newest. Hosts
start at the end of that way and stop from its beginning.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

from api.access import Access, Guard
from api.app import Shown, create_app
from api.ports import Ports
from books.health import HealthOf, Sources
from books.history import SUMS, History
from collector.build import drivers
from collector.sequencer import Sequencer
from plant.clock import Clock
from plant.config import PlantFile
from plant.profile import Profile
from plant.site import Control, config_hash
from rules.alert import Alert
from rules.desk.desk import open_alerts
from rules.notify.build import Notifier
from rules.watching.backtest import backtest
from store.influxql.query import Answerer
from store.outbox import Outbox
from wattline import __version__, tasks
from wattline.ending import Ending, what_is_left
from wattline.filling import Fill, FillInto, fill_history
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
from wattline.serving import Door, Serving
from wattline.site_build import build_site, secret
from wattline.troubles import Troubles, not_ready
from wattline.upkeep import Upkeep


class Host(Protocol):
    """Something with threads: started once, stopped within a deadline.

    `stop` names what is still running then.
    """

    def start(self) -> None: ...
    def stop(self) -> list[str]: ...


class Runtime:
    """Built, then `run`, then `close`."""

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
            last=self.live.last_values,
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
        self.troubles = Troubles(
            needed=[
                self.sequencer.trouble,
                self.engine.trouble,
                self.storing.trouble,
                self.rules.trouble,
            ],
            beside=[host.trouble for host in self.beside],
        )
        for trouble in (*self.troubles.needed, *self.troubles.beside):
            trouble.changed = self.live.look_again

        # Started in this order, stopped from the last to the first.
        notifiers: list[Host] = [] if self.notifier is None else [self.notifier]
        self.hosts: list[Host] = [
            *notifiers,
            self.rules,
            *self.beside,
            self.storing,
            self.engine,
        ]
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

    def app(self, page: Path | None) -> Guard:
        """Page and API."""
        ports = Ports(
            figures=self.history,
            live=self.live.hub,
            operations=self.operations,
            instants=self.live.now.apart,
            alerts=self.rules.alerts,
            trials=partial(backtest, self.store, self.site),
            queries=Answerer(
                self.site.id,
                self.store,
                self.journal.names,
                self.live.window_ns,
            ),
        )
        access = Access(
            token=self.door.token,
            query_token=self.door.query_token,
            hosts=frozenset(self.options.allowed_hosts),
        )
        return create_app(
            Shown(self.site, __version__, page),
            ports,
            access,
        )

    def announce(self) -> None:
        """Put the site in force into the journal, if it is not there already."""
        config = config_hash(self.site)
        if self.engine.state.config != config:
            self.sequencer.control(Control(site=self.site))

        self.sequencer.config = config

    async def run(
        self,
        stop: asyncio.Event,
        page: Path | None,
        fill: Fill | None = None,
        serve: bool = True,
    ) -> Ending:
        """Run until `stop`; what was left undone then.

        `fill` makes history before live frames are cut.
        """
        self.announce()
        for host in self.hosts:
            host.start()

        ticking = [
            asyncio.create_task(
                driver.run(self.sequencer.take),
                name=f"driver {driver.connection}",
            )
            for driver in self.drivers
        ]
        ticking += [
            asyncio.create_task(self.live.tick(), name="now"),
            asyncio.create_task(
                self.live.summarise(self.health, self.troubles.standing),
                name="books",
            ),
            asyncio.create_task(
                Upkeep(self.data, self.options.keep, self.clock).run(),
                name="upkeep",
            ),
        ]
        cutting = asyncio.create_task(self._cut(fill), name="sequencer")
        serving = Serving(self.app(page), self.door) if serve else None
        still_running: list[str] = []
        try:
            watched = [*ticking, cutting]
            if serving is not None:
                watched.append(serving.task)

            await tasks.until(stop, watched)
        finally:
            # No more readings first, then the last frame, and then
            # everything behind it in the order in which data flows.
            still_running += await tasks.end(ticking)
            still_running += await tasks.end([cutting])
            if serving is not None:
                still_running += await serving.stop()

            for host in reversed(self.hosts):
                still_running += await asyncio.to_thread(host.stop)

        return what_is_left(
            self.sequencer,
            self.troubles.standing(),
            still_running,
        )

    def turn(self) -> bool:
        """After the run: one round of engine and store by
        hand; True if there was anything to do.
        """
        folded = self.engine.turn()
        return self.storing.turn() or folded

    def close(self) -> None:
        """Close the data folder, after the run."""
        self.data.close()

    async def _cut(self, fill: Fill | None) -> None:
        """History if there is any to make, then live frames."""
        if fill is not None:
            into = FillInto(
                self.journal,
                self.sequencer,
                self.live,
                self.clock,
                self.engine.wake.set,
            )
            await fill_history(fill, into)

        self.live.since_ns = self.clock.now()
        await self.sequencer.run()
