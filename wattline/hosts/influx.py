"""The feeder of InfluxDB: one thread that carries frames and books from the journal into the store, at its own pace.

Its place is kept in the journal after each acknowledged write, so a kill or an outage repeats points (which are the same points) and loses none. While
InfluxDB is away the journal keeps what waits, within its bound; what had to go is counted and said.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from engine.book import MAGIC as BOOK
from engine.book import Book
from engine.figures.products import Producer
from engine.outputs import SITE
from plant.config import Influx
from plant.errors import RetryableError, SinkRefused
from plant.frame import Kind, decode
from plant.site import Control, Site, decode_control, encode_control
from store.influx import Access, InfluxStore
from store.journal import SqliteJournal
from wattline.hosts import earlier_sites
from wattline.hosts.earlier_sites import KEPT, Earlier, with_zeros
from wattline.site_build import secret

log = logging.getLogger("wattline.influx")
NAME = "influx"
FRAMES = 200
OUTPUTS = 400
PAUSE_S = 1.0
"""Between writes while it keeps up: few requests of many lines."""
SHORTEST_S, LONGEST_S = 0.5, 4.0  # so that after an outage it is soon up to date again
LOOK_AGAIN_S = 600.0
"""After a refusal: a wrong token or a missing bucket does not become right by asking."""


def access(config: Influx) -> Access:
    """Where and how; ConfigError if the secret is not there."""
    token = secret(config.token.secret) if config.token else None
    return Access(config.url, config.org, config.bucket, config.raw_bucket, token)


def open_influx(config: Influx, journal: SqliteJournal, site: Site, data: Path) -> InfluxHost:
    """The feeder of a plant; `site` is that of books whose own is not known."""
    return InfluxHost(
        journal, InfluxStore(access(config), site.id, data / "influx-dead-letters.jsonl"), site
    )


class InfluxHost(threading.Thread):
    """`state` is starting, up, away, refused or failed; `error` what was wrong last. Counts of lost frames and outputs are over all runs."""

    def __init__(self, journal: SqliteJournal, store: InfluxStore, site: Site) -> None:
        super().__init__(name=NAME, daemon=True)
        self.journal = journal
        self.store = store
        saved = journal.meta(f"site.{NAME}")
        self.earlier = earlier_sites.decode(journal.meta(f"earlier.{NAME}"), self._producer)
        self._use((decode_control(saved.encode()).site if saved else None) or site)
        self.places = {of: journal.held(NAME, of) for of in ("frame", "output")}
        for of, place in self.places.items():
            journal.hold(NAME, of, place)
        self.lost = {of: journal.lost(NAME, of) for of in self.places}
        self.state = "starting"
        self.error = ""
        self.tries = 0
        self.stopping = threading.Event()

    def _use(self, site: Site) -> None:
        self.producer = self._producer(site)

    def _producer(self, site: Site) -> Producer:
        return Producer(site, self.store.code)

    def run(self) -> None:
        while not self.stopping.is_set():
            self.stopping.wait(self._round())
        if self.state == "up":
            self._round()  # what the end of a run booked

    def stop(self) -> None:
        """One last round where InfluxDB takes data; the rest is sent at the next start."""
        self.stopping.set()
        if self.is_alive():
            self.join(4.0)
        if self.is_alive():
            log.warning(
                "the feeder of InfluxDB did not end in time: a request is still waiting for its answer"
            )
        else:
            self.store.close()

    def _round(self) -> float:
        """One round of work; the seconds to wait before the next."""
        before = self._taken()
        try:
            self._note_lost()
            more = self.turn()
        except RetryableError as error:
            self.tries += 1
            self._down("away", error)
            return (
                _backoff(self.tries) if error.after_s is None else min(error.after_s, LOOK_AGAIN_S)
            )
        except SinkRefused as error:
            self._down("refused", error)
            return LOOK_AGAIN_S
        except Exception as error:
            if not self.stopping.is_set():
                self._down("failed", error)
                log.exception(
                    "the feeder of InfluxDB failed and tries again in %g s; please report this",
                    LOOK_AGAIN_S,
                )
            return LOOK_AGAIN_S
        if self._taken() > before:
            self._up()
        return 0.0 if more else PAUSE_S

    def _taken(self) -> int:
        sender = self.store.sender
        return sender.sent + sender.expired + sender.dead.count

    def _down(self, state: str, error: Exception) -> None:
        self.error = str(error) if state != "failed" else f"{type(error).__name__}: {error}"
        if self.state != state:
            log.warning("%s", self.error)
        self.state = state

    def _up(self) -> None:
        if self.state not in ("up", "starting"):
            log.warning("InfluxDB at %s takes data again", self.store.access.url)
        self.state = "up"
        self.tries = 0

    def turn(self) -> bool:
        """Books first, they are few; True if there is more."""
        return self._books() | self._readings()

    def _took(self, of: str, place: int) -> None:
        self.journal.hold(NAME, of, place)
        self.places[of] = place

    def _note_lost(self) -> None:
        """Say once what the journal had to let go."""
        lost = {of: self.journal.lost(NAME, of) for of in self.places}
        for of, count in lost.items():
            if count > self.lost[of]:
                log.error(
                    "%d %ss were let go before InfluxDB had them: it was away for longer than the journal can hold",
                    count - self.lost[of],
                    of,
                )
        self.lost = lost

    def _readings(self) -> bool:
        rows = self.journal.read(self.places["frame"], FRAMES)
        if not rows:
            return False
        frames = [
            f for f in (decode(body) for _, body in rows) if f.header.kind == Kind.DATA and len(f)
        ]
        if frames:
            columns = {
                name: np.concatenate([getattr(f, name) for f in frames])
                for name in ("ts", "tag", "value", "quality")
            }
            self.store.write_readings(columns, self.journal.names)
        self._took("frame", rows[-1][0])
        return len(rows) == FRAMES

    def _books(self) -> bool:
        rows = self.journal.outputs(self.places["output"], OUTPUTS)
        if not rows:
            return False
        pending: list[Book] = []
        for place, body in rows:
            if body.startswith(SITE):
                self._write(pending, place - 1)
                pending = []
                self._site(decode_control(body[len(SITE) :]).site, place)
            elif body.startswith(BOOK):
                pending.append(Book.decode(body))
        self._write(pending, rows[-1][0])
        return len(rows) == OUTPUTS

    def _write(self, books: list[Book], place: int) -> None:
        if books:
            if [e for e in self.earlier if e.note(books)]:
                self._keep()
            tables = self.producer.tables(books)
            for earlier in self.earlier:
                tables = with_zeros(tables, earlier, self.producer)
            self.store.write_books(tables)
        self._took("output", place)

    def _site(self, site: Site | None, place: int) -> None:
        """Another site is in force from here on."""
        assert site is not None
        if site != self.producer.site:
            self.earlier = [*self.earlier, Earlier(self.producer.site, self.producer)][-KEPT:]
            self._keep()
        self.journal.set_meta(f"site.{NAME}", encode_control(Control(site=site)).decode())
        self._use(site)
        self._took("output", place)

    def _keep(self) -> None:
        self.journal.set_meta(f"earlier.{NAME}", earlier_sites.encode(self.earlier))

    def health(self) -> dict[str, Any]:
        """What docs/api.md calls an entry of `stores`."""
        sender = self.store.sender
        return {
            "id": NAME,
            "url": self.store.access.url,
            "state": self.state,
            "last_error": self.error or None,
            "behind_frames": max(self.journal.last() - self.places["frame"], 0),
            "behind_outputs": max(self.journal.last_output() - self.places["output"], 0),
            "points": sender.sent,
            "expired": sender.expired,
            "dead_letters": sender.dead.count,
            "lost_frames": self.lost["frame"],
            "lost_outputs": self.lost["output"],
        }

    def drain(self, timeout_s: float = 60.0) -> bool:
        """Wait until InfluxDB has everything that is in the journal; False if it has not by then."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            if (
                self.places["frame"] >= self.journal.last()
                and self.places["output"] >= self.journal.last_output()
            ):
                return True
            time.sleep(0.02)
        return False


def _backoff(tries: int) -> float:
    """Doubled each time, up to LONGEST_S, with jitter so that many sites do not come back at one moment."""
    return float(min(SHORTEST_S * 2.0 ** min(tries - 1, 10), LONGEST_S) * random.uniform(0.5, 1.0))
