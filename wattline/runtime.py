"""The composition root: one plant, running. Collector, journal, engine, store and API in one process, each handed what it needs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import duckdb
import uvicorn

from api.access import Access, Guard, one_time_key
from api.app import Shown, create_app
from api.hub import Hub
from api.ports import Ports
from books.answers import Books
from books.health import HealthOf, Sources
from books.history import SUMS, History
from books.summary import Seen, books
from collector.build import drivers
from collector.sequencer import Sequencer
from engine.book import Book
from engine.now.now import Now
from plant.clock import Clock
from plant.config import PlantFile
from plant.errors import WattlineError
from plant.profile import Profile
from plant.site import Control, Site
from rules.alert import Alert
from rules.desk.desk import open_alerts
from rules.language.config import Rule
from rules.notify.build import Notifier
from rules.variables.newest import Newest
from rules.variables.table import values_of
from rules.watching.backtest import backtest
from store.alert_book import AlertBook
from store.duck import DuckStore
from store.influxql.query import Answerer
from store.journal import SqliteJournal
from store.outbox import Outbox
from store.retention import Keep
from wattline import __version__
from wattline.hosts.engine import EngineHost
from wattline.hosts.rule_sample import disk_used
from wattline.hosts.rules import OutboxTeller, RulesHost
from wattline.metrics import prometheus
from wattline.operations import Operations
from wattline.site_build import build_site, secret

if TYPE_CHECKING:
    from wattline.hosts.influx import InfluxHost

log = logging.getLogger("wattline")
LOOPBACK = ("127.0.0.1", "::1", "localhost")
RETAIN_EVERY_S = 600.0
STOP_ROUNDS = 6
ALERTS_KEPT_NS = 3 * 366 * 86_400_000_000_000
"""History, closed alerts and their trail: as long as somebody may ask for them."""


@dataclass(slots=True)
class Options:
    """What the command line decides."""

    data: Path
    host: str = "127.0.0.1"
    port: int = 8000
    simulated: bool = False
    endpoints: Mapping[str, str] = field(default_factory=dict)
    keep: Keep = field(default_factory=Keep)
    rules: Sequence[Rule] = ()
    allowed_hosts: Sequence[str] = ()
    """Further names under which this host is known, such as that of a proxy."""


class Runtime:
    """Built, then `run`. `backfill` (demo) is awaited before live frames are cut, so that the journal stays in order."""

    def __init__(
        self, plant: PlantFile, catalogue: Mapping[str, Profile], clock: Clock, options: Options
    ) -> None:
        self.plant = plant
        self.clock = clock
        self.options = options
        options.data.mkdir(parents=True, exist_ok=True)
        self.journal = SqliteJournal(options.data / "journal.db")
        self.store = open_store(options.data / "figures.duckdb")
        with self.journal.together():
            self.site: Site = build_site(
                plant, catalogue, self.journal, speed=clock.speed, simulated=options.simulated
            )
            self.drivers = drivers(plant, catalogue, self.journal, clock, options.endpoints, secret)
        self.now = Now(self.site, latency_s=clock.speed if clock.speed > 1 else 0.0)
        self.hub = Hub()
        self.sequencer = Sequencer(
            self.site.id, self.journal, self.journal.id, clock, self.now.take
        )
        self.sequencer.wm = self.journal.last_wm()
        self.host = EngineHost(self.journal, self.store, self._on_books)
        self.influx = self._influx()
        self.alert_book = AlertBook(options.data / "alerts.db")
        self.notifier = self._notifier()
        self.rules_host = RulesHost(
            self.journal,
            self.alert_book,
            self.site,
            options.rules,
            clock.now,
            self._sample,
            self._teller(),
            self.host.site,
        )
        self.store.expect("line", SUMS)
        self.store.expect("source", ("held_kg",))
        self.history = History(self.site, self.store)
        self.health = HealthOf(
            self.site,
            Sources(
                drivers=self.drivers,
                store=self.store,
                journal=self.journal,
                now_ns=clock.now,
                places=self.places,
                last=self._last_values,
                beside=self._stores,
                slack_s=self.now.latency_s,
            ),
        )
        self.token = None if options.host in LOOPBACK else secrets.token_urlsafe(24)
        self.query_token = (
            None if self.token is None else _query_token(options.data / "query.token")
        )
        self.closed_ns = 0
        self.books_due = asyncio.Event()
        self.loop: asyncio.AbstractEventLoop | None = None
        self.live_since: int | None = None
        self.backfill_span: tuple[int, int] | None = None

    def places(self) -> dict[str, int]:
        return {
            "step": self.host.state.seq,
            "readings": self.host.readings_place,
            "books": self.host.books_place,
        }

    def _influx(self) -> InfluxHost | None:
        """The feeder of InfluxDB; its library is loaded only where there is one."""
        if self.plant.influx is None:
            self.journal.release("influx")
            return None
        from wattline.hosts.influx import open_influx

        return open_influx(
            self.plant.influx, self.journal, self.host.site or self.site, self.options.data
        )

    def _notifier(self) -> Notifier | None:
        """Who tells people, where the plant file says whom."""
        if self.plant.notify is None:
            return None
        outbox = Outbox(self.alert_book.db, self.alert_book.lock)
        return Notifier(
            self.plant.notify,
            self.site.id,
            ZoneInfo(self.site.timezone),
            outbox,
            self.clock,
            secret,
            still=self.still_open,
            well=lambda: self.host.failed is None and self.rules_host.failed is None,
        )

    def _teller(self) -> OutboxTeller | None:
        return None if self.notifier is None else OutboxTeller(self.notifier)

    def still_open(self) -> list[Alert]:
        """Alerts that are open and stand for themselves."""
        with self.alert_book.lock:
            return list(open_alerts(self.rules_host.alerts.desk))

    def _sample(self) -> tuple[int, Any] | None:
        """Newest values for the rules, once live frames are cut."""
        picture = self.hub.latest["now"]
        if picture is None or self.live_since is None:
            return None
        at = self.clock.now()
        used = {
            "disk.used": disk_used(self.options.data),
            "journal.used": 100.0 * self.journal.bytes / self.journal.most_bytes,
        }
        newest = Newest(
            now=self.now,
            picture=picture,
            meters=self.health().meters,
            at_ns=at,
            since_ns=self.live_since,
            of_site=used,
        )
        return at, values_of(newest)

    def _stores(self) -> list[dict[str, Any]]:
        return [] if self.influx is None else [self.influx.health()]

    def _last_values(self) -> dict[str, tuple[float, float]]:
        return {
            m.id: (float(self.now.power[i]), 0.0)
            for i, m in enumerate(self.site.meters)
            if self.now.at[i] > 0
        }

    def _on_books(self, site: Site, new: list[Book]) -> None:
        """In the engine's thread: the newest windows are stored."""
        newest = max(new, key=lambda b: b.start)
        if newest.end >= self.closed_ns:
            self.closed_ns = newest.end
            self.now.set_storages(newest.layers)
        self.rules_host.wake.set()
        if self.loop is not None:
            self.loop.call_soon_threadsafe(self.books_due.set)

    def announce(self) -> None:
        """Put the site in force into the journal, if it is not there already."""
        from plant.site import config_hash

        if self.host.state.config != config_hash(self.site):
            self.sequencer.control(Control(site=self.site))
        self.sequencer.config = config_hash(self.site)

    def app(self, page: Path | None) -> Guard:
        """The API over this plant."""
        window_ns = round(self.site.window_s * 1e9)
        operations = Operations(
            now_ns=self.clock.now,
            health=self.health,
            not_ready=self._not_ready,
            metrics=lambda: prometheus(self),
            notifier=self.notifier,
        )
        ports = Ports(
            figures=self.history,
            live=self.hub,
            operations=operations,
            instants=self.now.apart,
            alerts=self.rules_host.alerts,
            trials=partial(backtest, self.store, self.site),
            queries=Answerer(self.site.id, self.store, self.journal.names, window_ns),
        )
        access = Access(
            token=self.token,
            query_token=self.query_token,
            hosts=frozenset(self.options.allowed_hosts),
        )
        return create_app(Shown(self.site, __version__, page), ports, access)

    def _not_ready(self) -> str | None:
        if self.host.failed:
            return f"the engine stopped: {self.host.failed}"
        return None if self.hub.latest["now"] else "no figures yet"

    async def run(
        self, stop: asyncio.Event, page: Path | None, fill: Any = None, serve: bool = True
    ) -> None:
        """Run until `stop`. `fill` is an async function that back-fills history before live frames are cut."""
        self.loop = asyncio.get_running_loop()
        self.announce()
        self.host.start()
        if self.influx is not None:
            self.influx.start()
        self.rules_host.start()
        if self.notifier is not None:
            self.notifier.start()
        tasks = [
            asyncio.create_task(d.run(self.sequencer.take), name=f"driver {d.connection}")
            for d in self.drivers
        ]
        tasks += [
            asyncio.create_task(self._tick(), name="now"),
            asyncio.create_task(self._summaries(), name="books"),
            asyncio.create_task(self._retain(), name="retention"),
        ]
        cutter = asyncio.create_task(self._cut(fill), name="sequencer")
        server = self._server(page) if serve else None
        serving = asyncio.create_task(server.serve(), name="api") if server else None
        try:
            await self._until(stop, [*tasks, cutter, *([serving] if serving else [])])
        finally:
            await _end(tasks)
            await _end([cutter])
            if server is not None and serving is not None:
                server.should_exit = True
                server.force_exit = True
                await asyncio.wait([serving], timeout=2.0)
            await asyncio.to_thread(self.host.stop)
            await asyncio.to_thread(self.rules_host.stop)
            if self.notifier is not None:
                for name in await asyncio.to_thread(self.notifier.stop):
                    log.warning("did not end in time: %s", name)
            if self.influx is not None:
                await asyncio.to_thread(self.influx.stop)

    def close(self) -> None:
        self.alert_book.close()
        self.store.close()
        self.journal.close()

    async def _until(self, stop: asyncio.Event, tasks: list[asyncio.Task[Any]]) -> None:
        """Wait for `stop`; a task that ends by an error ends the run with that error."""
        waiting = asyncio.create_task(stop.wait())
        pending = {waiting, *tasks}
        while not stop.is_set():
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {waiting}:
                if not task.cancelled() and task.exception() is not None:
                    waiting.cancel()
                    raise WattlineError(
                        f"{task.get_name()} ended: {task.exception()}"
                    ) from task.exception()
        waiting.cancel()

    async def _cut(self, fill: Any) -> None:
        if fill is not None:
            await fill(self)
        self.live_since = self.clock.now()
        await self.sequencer.run()

    def _server(self, page: Path | None) -> uvicorn.Server:
        config = uvicorn.Config(
            self.app(page),
            host=self.options.host,
            port=self.options.port,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=1,
            lifespan="off",
        )
        server = uvicorn.Server(config)
        server.capture_signals = contextlib.nullcontext  # type: ignore[assignment,method-assign]
        return server

    async def _tick(self) -> None:
        """`now` each second."""
        while True:
            await asyncio.sleep(1.0)
            picture = self.now.tick(self.clock.now())
            picture["speed"] = self.clock.speed
            for name, store in picture["storages"].items():
                store |= self._held(name)
            await self.hub.publish("now", picture)
            await self._progress()

    def _held(self, name: str) -> dict[str, float]:
        index = next(i for i, s in enumerate(self.site.storages) if s.id == name)
        running = self.host.state.running
        if running is None or running.booked is None:
            return {}
        accounts = running.booked.newest_block.accounts
        kg = sum(
            a * self.site.properties[s].location.value_kg
            for (s, _), a in accounts[index].amounts().items()
        )
        return {"held_kwh": accounts[index].energy_kwh, "held_kg": kg}

    async def _progress(self) -> None:
        if self.backfill_span is None:
            return
        start, end = self.backfill_span
        window = round(self.site.window_s * 1e9)
        done = min(max(self.closed_ns - start, 0), end - start) // window
        total = (end - start) // window
        finished = self.closed_ns >= end - 2 * window
        await self.hub.publish(
            "backfill",
            None
            if finished
            else {
                "done": done,
                "total": total,
                "from_ms": start // 1_000_000,
                "to_ms": end // 1_000_000,
            },
        )
        if finished:
            self.backfill_span = None

    async def _summaries(self) -> None:
        """BOOKS when windows have closed, once a second at most."""
        while True:
            await self.books_due.wait()
            self.books_due.clear()
            if self.backfill_span is not None:
                await asyncio.sleep(4.0)  # history goes first
            summary = await asyncio.to_thread(self._books)
            await self.hub.publish("books", summary)
            await asyncio.sleep(1.0)

    def _books(self) -> Books:
        return books(
            self.site,
            self.history,
            self.closed_ns,
            Seen(
                now_ns=self.clock.now(),
                picture=self.hub.latest["now"],
                meters=self.health().meters,
                behind=self.backfill_span is not None,
            ),
        )

    async def _retain(self) -> None:
        """Let go of raw readings past their bounds, and of alerts of years ago; the first time after ten minutes, since a start has enough to do."""
        while True:
            await asyncio.sleep(RETAIN_EVERY_S)
            await asyncio.to_thread(self.store.forget_readings, self.options.keep, self.clock.now())
            await asyncio.to_thread(self.alert_book.forget, self.clock.now() - ALERTS_KEPT_NS)

    def link(self) -> str:
        """What to open: with a token, the one-time link."""
        host = self.options.host if self.options.host not in ("0.0.0.0", "::") else "THIS-HOST"
        base = f"http://{host}:{self.options.port}"
        return base if self.token is None else f"{base}/enter?key={one_time_key(self.token)}"


async def _end(tasks: list[asyncio.Task[Any]]) -> None:
    """Cancel until all have ended: `asyncio.wait_for` of Python 3.11 loses a cancellation that meets its answer."""
    pending = set(tasks)
    for _ in range(STOP_ROUNDS):
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=3.0 / STOP_ROUNDS)
        if not pending:
            return
    log.warning("did not end in time: %s", ", ".join(sorted(t.get_name() for t in pending)))


def _query_token(path: Path) -> str:
    """The token of dashboards: made once and kept, since a data source keeps it too. It only reads, and only over InfluxQL."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(24) + "\n", encoding="utf-8")
    return path.read_text(encoding="utf-8").strip()


def open_store(path: Path) -> DuckStore:
    """The embedded store; WattlineError if another Wattline has it open."""
    try:
        return DuckStore(path)
    except duckdb.IOException as error:
        if "lock" in str(error).lower():
            raise WattlineError(
                f"the data folder {path.parent} is in use by another Wattline, and only one can open its figures; stop it or give another with --data"
            ) from error
        raise


def page_folder() -> Path:
    """The built live page, from the package."""
    import dashboards

    return Path(dashboards.__file__).parent / "live" / "dist"


def read_endpoints(path: Path) -> dict[str, Any]:
    """endpoints.json of a simulation; WattlineError if it cannot be read."""
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found
    except (OSError, ValueError) as error:
        raise WattlineError(
            f"{path}: cannot be read as endpoints.json ({error}); start `wattline simulate PLANT.yaml --endpoints {path}` first"
        ) from error
