"""The in-process host: one thread that folds journal frames through `step` and carries the results on into the store.

Frames are folded in order, outputs and checkpoint go into the journal in one transaction, and the store keeps its own place beside its rows:
a kill at any moment repeats work, never rows.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from engine import checkpoint
from engine.book import MAGIC as BOOK
from engine.book import Book
from engine.figures.products import Columns, Producer
from engine.outputs import SITE, UnusualSteps, encode, name_of, outputs_of
from engine.outputs import decode as decode_output
from engine.state import State
from engine.step import step
from plant.frame import Kind, decode
from plant.site import Site, decode_control
from store.duck import DuckStore, VerdictRow
from store.journal import Checkpoint, Output, SqliteJournal

log = logging.getLogger("wattline.engine")
HOUR = 3_600_000_000_000
AT_ONCE = 400
BALANCE = 1e-9


class EngineHost(threading.Thread):
    """`on_books` is told (in this thread) of each batch of books stored."""

    def __init__(
        self, journal: SqliteJournal, store: DuckStore, on_books: Callable[[Site, list[Book]], None]
    ) -> None:
        super().__init__(name="engine", daemon=True)
        self.journal = journal
        self.store = store
        self.on_books = on_books
        saved = journal.checkpoint("step")
        self.state = State() if saved is None else checkpoint.load(saved[1])
        self.saved_at = self.state.wm
        self.saved_place = self.state.seq
        self.site: Site | None = None if self.state.running is None else self.state.running.site
        self.producer: Producer | None = None
        self.wake = threading.Event()
        self.stopping = threading.Event()
        self.failed: str | None = None
        self.readings_place = store.place("readings", journal.id)
        self.books_place = store.place("books", journal.id)
        self.steps = 0
        self.imbalance = self.imbalance_kg = 0.0

    def run(self) -> None:
        try:
            while not self.stopping.is_set():
                if not self.turn():
                    self.wake.wait(0.25)
                    self.wake.clear()
            self.save()
        except Exception as error:
            self.failed = f"{type(error).__name__}: {error}"
            log.exception("the engine stopped; readings go on into the journal and nothing is lost")

    def stop(self) -> None:
        self.stopping.set()
        self.wake.set()
        self.join(8.0)

    def turn(self) -> bool:
        """One round of work; False if there was none."""
        worked = self._fold()
        worked |= self._store_readings()
        worked |= self._store_books()
        return worked

    def _fold(self) -> bool:
        rows = self.journal.read(self.state.seq, AT_ONCE)
        if not rows:
            return False
        outputs: list[Output] = []
        for seq, body in rows:
            self.state, out = step(self.state, decode(body))
            outputs += [Output(seq, name_of(each, seq), encode(each)) for each in outputs_of(out)]
            self.steps += 1
        if self.state.wm - self.saved_at >= HOUR:
            self._save(outputs)
        else:
            self.journal.put_outputs(outputs)
        return True

    def _save(self, outputs: list[Output]) -> None:
        body = checkpoint.save(self.state)
        self.journal.put_outputs(outputs, Checkpoint("step", self.state.seq, body))
        self.saved_at = self.state.wm
        self.saved_place = self.state.seq
        self.journal.forget(
            min(self.saved_place, self.readings_place), self.books_place, self.saved_place
        )

    def save(self) -> None:
        """Write a checkpoint now (at a clean stop)."""
        if self.state.seq > self.saved_place:
            self._save([])

    def _store_readings(self) -> bool:
        rows = self.journal.read(self.readings_place, AT_ONCE)
        if not rows:
            return False
        frames = [
            f for f in (decode(body) for _, body in rows) if f.header.kind == Kind.DATA and len(f)
        ]
        columns: dict[str, Any] = {}
        if frames:
            columns = {
                name: np.concatenate([getattr(f, name) for f in frames])
                for name in ("ts", "received", "tag", "value", "quality")
            }
        self.store.write_readings(columns, self.journal.id, rows[-1][0])
        self.readings_place = rows[-1][0]
        return True

    def _store_books(self) -> bool:
        rows = self.journal.outputs(self.books_place, 1000)
        if not rows:
            return False
        if self.producer is None and self.site is not None:
            self.producer = Producer(self.site, self.store.code)
        pending: list[Book] = []
        verdicts: list[VerdictRow] = []
        done = self.books_place
        for place, body in rows:
            if body.startswith(SITE):
                self._flush(pending, verdicts, done)
                pending = []
                verdicts = []
                self.site = decode_control(body[len(SITE) :]).site
                assert self.site is not None
                self.producer = Producer(self.site, self.store.code)
            elif body.startswith(BOOK):
                pending.append(Book.decode(body))
            else:
                verdicts += self._verdicts(body)
            done = place
        self._flush(pending, verdicts, done)
        self.books_place = done
        return True

    def _flush(self, books: list[Book], verdicts: list[VerdictRow], place: int) -> None:
        if not books and not verdicts:
            self.store.write_books({}, [], self.journal.id, place)
            return
        tables = self.producer.tables(books) if books and self.producer is not None else {}
        if tables:
            self._check_balance(tables["closed"])
        self.store.write_books(tables, verdicts, self.journal.id, place)
        if books and self.site is not None:
            self.on_books(self.site, books)

    def _check_balance(self, closed: Columns) -> None:
        """The books balance by construction, per source and in kg; if they ever do not, that is a fault in this program and is said."""
        worst = {
            name: float(np.nanmax(closed[name], initial=0.0))
            for name in ("imbalance", "imbalance_kg")
        }
        if max(worst.values()) > BALANCE and max(self.imbalance, self.imbalance_kg) <= BALANCE:
            log.error(
                "the books do not balance: %s (relative); please report this with the journal",
                worst,
            )
        self.imbalance, self.imbalance_kg = (
            max(self.imbalance, worst["imbalance"]),
            max(self.imbalance_kg, worst["imbalance_kg"]),
        )

    def _verdicts(self, body: bytes) -> list[VerdictRow]:
        site = self.site
        assert site is not None
        out = []
        found = decode_output(body)
        assert isinstance(found, UnusualSteps)
        for odd in found.steps:
            node = site.channels[odd.channel]
            name = site.meters[node.meter].id if node.meter >= 0 else f"signal {node.tag}"
            bound = odd.bound * node.scale if np.isfinite(odd.bound) else None
            out.append(
                VerdictRow(
                    ts=odd.ts,
                    since=odd.since or odd.ts,
                    meter=self.store.code(name),
                    verdict=odd.verdict.value,
                    amount=odd.amount * node.scale,
                    bound=bound,
                    reverse=node.reverse,
                )
            )
        return out

    def drain(self, timeout_s: float = 60.0) -> None:
        """Wait until everything in the journal is folded and stored."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end and self.failed is None:
            if (
                self.state.seq >= self.journal.last()
                and self.readings_place >= self.journal.last()
                and self.books_place >= self.journal.last_output()
            ):
                return
            self.wake.set()
            time.sleep(0.05)
