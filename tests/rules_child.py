"""A host of rules over a journal that is there already, as a process of its own. Made to be killed:
it goes on for as many rounds as a line of its input says.

One output a round, and the clock is that of the newest window,
so that what is told depends on the journal alone.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from plant.site import Site
from plant.units import MINUTE_NS
from rules.alert import Telling
from rules.language.load import load_rules_text
from store.alert_book import AlertBook
from store.journal import SqliteJournal
from wattline.hosts import rules as rules_host
from wattline.hosts.outputs import OutputReader

RULES = """rules:
  - {id: high, on: {figure: power.electricity, per: line}, when: "mean(2m) > 60 kW", until: "mean(2m) < 50 kW", for: 3m, keep_firing_for: 1m, severity: warning}
  - {id: rising, on: {figure: power.electricity, per: line}, when: "mean(5m) > 1.2 * mean(30m)", severity: info}
  - {id: whole, on: {figure: energy.electricity, per: site}, when: "sum(10m) > 15 kWh", severity: critical}
"""


class Told:
    """Writes what is to be told into a table of the alert book, as the outbox does."""

    def __init__(self, book: AlertBook) -> None:
        self.db = book.db
        self.db.execute("CREATE TABLE IF NOT EXISTS told (key TEXT, occasion TEXT, alerts TEXT)")

    def put(self, tellings: Sequence[Telling], now_ns: int) -> dict[str, str]:
        self.db.executemany(
            "INSERT INTO told VALUES (?, ?, ?)",
            [(t.key, t.occasion.value, ",".join(a.id for a in t.alerts)) for t in tellings],
        )
        return {t.key: "somebody" for t in tellings}

    def wake(self) -> None:
        """Nobody sleeps here."""


def host(folder: Path) -> rules_host.RulesHost:
    journal, book = SqliteJournal(folder / "journal.db"), AlertBook(folder / "alerts.db")
    site = msgspec.json.decode((folder / "site.json").read_bytes(), type=Site)
    rules = load_rules_text("rules.yaml", RULES).file.rules

    def now() -> int:
        return made.run_.state.newest + made.feed.window_ns

    made = rules_host.RulesHost(
        journal,
        book,
        site,
        rules,
        now,
        lambda: None,
        Told(book),
        reader=OutputReader(journal, rules_host.own_codes(), at_once=1),
        # States are saved often, so that kills fall between and into it.
        save_every_ns=15 * MINUTE_NS,
    )
    return made


def main() -> None:
    made = host(Path(sys.argv[1]))
    rounds = int(sys.stdin.readline())
    while made.place < made.journal.last_output():
        made.turn()
        print(made.place, flush=True)
        rounds -= 1
        if not rounds:
            sys.stdin.read()  # no further: the parent is about to kill
    made.save()


if __name__ == "__main__":
    main()
