"""Whether the three files of a data folder are of one moment: the journal, the figures, the alerts.

Each keeps how far it has read the journal. If one of the files was put back from a backup, or taken
from another folder, these places contradict each other, and going on would mix figures of two
histories. That is said at the start, before anything is written.
"""

from __future__ import annotations

from collections.abc import Iterable

from plant.errors import StoreDamaged
from store.alert_book import AlertBook
from store.duck import DuckStore
from store.faults import JOURNAL
from store.journal import SqliteJournal

RULES = "rules"
"""The name under which the journal keeps outputs for the rules until they are judged."""


def agree(
    journal: SqliteJournal,
    store: DuckStore,
    alerts: AlertBook,
) -> list[str]:
    """StoreDamaged if the files contradict each other; else sentences on what is missing, to be
    said and gone on with."""
    warnings: list[str] = []
    figures_read = store.journals()
    if journal.id in figures_read:
        _figures_fit(journal, store)
    elif figures_read:
        # Tags are numbered by the journal, so readings under another one would be taken for those
        # of other meters.
        raise _contradiction(
            f"{store.file.name} was written from journal {_listed(figures_read)}, and "
            f"{journal.path} is journal {journal.id}: "
            f"it is new, or of another folder, and {JOURNAL.holds} are lost with the right one"
        )
    elif journal.last_given():
        warnings.append(
            f"{store.file.name} is new, but {journal.path} is not: figures of windows that the "
            "journal does not hold any more "
            "are missing. If there is a backup of the data folder, stop and put it back as a whole."
        )

    alerts_read = alerts.journals()
    kept_for_rules = int(journal.meta(f"hold.output.{RULES}") or 0)
    if journal.id in alerts_read:
        _alerts_fit(journal, alerts)

    if alerts.place(journal.id) < kept_for_rules:
        warnings.append(
            f"{alerts.file.name} is new, or older than {journal.path}: alerts and messages of "
            "some time before now are missing. "
            "If there is a backup of the data folder, stop and put it back as a whole."
        )
    elif alerts_read and journal.id not in alerts_read:
        warnings.append(
            f"{alerts.file.name} was written from journal {_listed(alerts_read)}, not from "
            f"{journal.path}: "
            "its history is kept, and the rules begin anew."
        )

    return warnings


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def _contradiction(what: str) -> StoreDamaged:
    return StoreDamaged(
        f"the data folder does not fit together: {what}. Nothing was changed. "
        "Put the whole folder back from one backup, or move all of journal.db, figures.duckdb "
        "and alerts.db (with what stands "
        "beside them under the same names) away to begin anew."
    )


def _figures_fit(journal: SqliteJournal, store: DuckStore) -> None:
    readings = store.place("readings", journal.id)
    books = store.place("books", journal.id)
    if readings > journal.last() or books > journal.last_given():
        raise _contradiction(
            f"{journal.path} is older than {store.file.name}: it ends at frame {journal.last()} "
            f"and output {journal.last_given()}, "
            f"and the figures have read up to frame {readings} and output {books}"
        )

    if readings + 1 < journal.oldest() or books + 1 < journal.oldest_output():
        raise _contradiction(
            f"{store.file.name} is older than {journal.path}: it has read up to frame {readings} "
            f"and output {books}, "
            f"and the journal holds frames from {journal.oldest()} and outputs from "
            f"{journal.oldest_output()} on only"
        )


def _alerts_fit(journal: SqliteJournal, alerts: AlertBook) -> None:
    place = alerts.place(journal.id)
    if place > journal.last_given():
        raise _contradiction(
            f"{journal.path} is older than {alerts.file.name}: it ends at output "
            f"{journal.last_given()}, "
            f"and the alerts have read up to output {place}"
        )
