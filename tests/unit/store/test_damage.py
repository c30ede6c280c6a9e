"""Each file of a data folder, missing, cut or with a flipped bit,
anywhere: a sentence that says what to do, or nothing is lost.

A write-ahead log that ends early is what a power cut leaves behind: the file
is then as it was a commit ago, and as long as the journal still holds what
follows, it is read once more. Anything else is refused.
"""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from plant.errors import StoreDamaged
from plant.frame import Header, batch, data_frame
from store.agreement import agree
from store.alert_book import AlertBook
from store.duck import DuckStore
from store.journal import Checkpoint, Output, SqliteJournal
from store.sqlite_file import read_log
from tests.unit.store.test_revisions import line

FRAMES = 40
FORGOTTEN = 10
FILES = (
    "journal.db",
    "journal.db-wal",
    "figures.duckdb",
    "figures.duckdb.wal",
    "alerts.db",
    "alerts.db-wal",
)


@dataclass
class Opened:
    """What can be read of a data folder, and what was said at the start."""

    frames: list[tuple[int, bytes]]
    outputs: list[tuple[int, bytes]]
    state: tuple[int, bytes] | None
    names: dict[int, tuple[str, str]]
    readings: float
    places: tuple[int, int, int]
    alerts: int
    warnings: list[str]


def fill(folder: Path) -> None:
    """A plant that ran for a while; some of it tidied up into the files, the rest still in the
    logs. Left as a kill leaves it.
    """
    journal = SqliteJournal(folder / "journal.db")
    store = DuckStore(folder / "figures.duckdb")
    alerts = AlertBook(folder / "alerts.db")
    chance = np.random.default_rng(3)
    header = Header(schema=1, site="s", journal=journal.id, seq=0, wm=0, config="c")
    for meter in range(20):
        journal.tag(f"meter_{meter}", "active_power.total")
    for number in range(1, FRAMES + 1):
        at = np.arange(50) + 50 * number
        rows = batch(at, np.zeros(50), chance.random(50))
        journal.append(data_frame(header, rows))
        journal.put_outputs(
            [Output(number, f"book {number} r0", chance.bytes(200))],
            Checkpoint("step", number, chance.bytes(500)),
        )
        columns = {
            name: getattr(rows, name) for name in ("ts", "received", "tag", "value", "quality")
        }
        store.write_readings(columns, journal.id, number)
        store.write_books(line((number, 0, 1.0)), [], journal.id, number)
        with alerts.together():
            alerts.set_meta(f"place.{journal.id}", str(number))
            alerts.put_alerts([(f"a{number}", "rule", "line", number, None, chance.bytes(200))])
        if number == FRAMES // 2:
            journal.hold("rules", "output", FORGOTTEN)
            journal.forget(FORGOTTEN, FORGOTTEN, FORGOTTEN)
            store.db.execute("CHECKPOINT")
            for db in (journal.db, alerts.db):
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copytree(folder, folder.parent / "as_killed")
    for each in (journal, store, alerts):
        each.close()


def look(folder: Path) -> Opened:
    journal = SqliteJournal(folder / "journal.db")
    try:
        store = DuckStore(folder / "figures.duckdb")
        try:
            alerts = AlertBook(folder / "alerts.db")
            warnings = agree(journal, store, alerts)
            found = store.query("SELECT sum(value) AS total FROM reading")
            return Opened(
                frames=list(journal.read(0, 1000)),
                outputs=list(journal.outputs(0, 1000)),
                state=journal.checkpoint("step"),
                names=journal.names(),
                readings=round(float(found["total"][0]), 9),
                places=(
                    store.place("readings", journal.id),
                    store.place("books", journal.id),
                    alerts.place(journal.id),
                ),
                alerts=len(alerts.alerts(0, 1000)),
                warnings=warnings,
            )
        finally:
            store.close()
    finally:
        journal.close()


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "live"
    folder.mkdir()
    fill(folder)
    return folder.parent / "as_killed"


def damaged(source: Path, folder: Path, name: str, how: str, chance: random.Random) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source, folder)
    content = bytearray((folder / name).read_bytes())
    at = chance.randrange(len(content))
    if how == "missing":
        (folder / name).unlink()
    elif how == "cut":
        (folder / name).write_bytes(content[:at])
    else:
        content[at] ^= 1 << chance.randrange(8)
        (folder / name).write_bytes(content)
    return folder


def test_a_killed_folder_opens_whole(killed: Path, tmp_path: Path) -> None:
    shutil.copytree(killed, tmp_path / "copy")
    whole = look(tmp_path / "copy")
    assert whole.places == (FRAMES, FRAMES, FRAMES)
    assert whole.warnings == []


@pytest.mark.parametrize("how", ["missing", "cut", "flipped"])
@pytest.mark.parametrize("name", FILES)
def test_damage_is_said_or_harmless(killed: Path, tmp_path: Path, name: str, how: str) -> None:
    shutil.copytree(killed, tmp_path / "copy")
    whole = look(tmp_path / "copy")
    chance = random.Random(f"{name} {how}")
    sentences: list[str] = []
    for _ in range(1 if how == "missing" else 8):
        folder = damaged(killed, tmp_path / "hurt", name, how, chance)
        try:
            found = look(folder)
        except StoreDamaged as error:
            sentences.append(str(error))
            continue
        # It opened: then either something was said, or what a file lacks
        # is still in the journal and is read once more.
        assert found.names == whole.names
        assert found.warnings or min(found.places) >= FORGOTTEN
        if name.startswith("journal"):
            assert (found.frames, found.outputs, found.state) == (
                whole.frames,
                whole.outputs,
                whole.state,
            )
        if found.places[0] == FRAMES:
            assert found.readings == whole.readings
    for sentence in sentences:
        assert "damaged" in sentence or "does not fit together" in sentence
        assert "from a backup" in sentence or "from one backup" in sentence


def test_a_journal_from_an_older_backup_is_noticed(killed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(killed, folder)
    (folder / "journal.db-wal").unlink()
    with pytest.raises(StoreDamaged, match=r"journal\.db is older than .*figures\.duckdb"):
        look(folder)


def test_figures_from_an_older_backup_are_noticed(killed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(killed, folder)
    journal = SqliteJournal(folder / "journal.db")
    journal.forget(FRAMES, FRAMES, FRAMES)
    journal.close()
    (folder / "figures.duckdb.wal").unlink()
    with pytest.raises(StoreDamaged, match=r"figures\.duckdb is older than .*journal\.db"):
        look(folder)


def test_a_new_journal_beside_old_figures_is_refused(killed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(killed, folder)
    for name in ("journal.db", "journal.db-wal", "journal.db-shm"):
        (folder / name).unlink()
    with pytest.raises(StoreDamaged, match="it is new, or of another folder"):
        look(folder)


def test_new_figures_beside_an_old_journal_are_said(killed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(killed, folder)
    for name in ("figures.duckdb", "figures.duckdb.wal"):
        (folder / name).unlink()
    journal = SqliteJournal(folder / "journal.db")
    store = DuckStore(folder / "figures.duckdb")
    alerts = AlertBook(folder / "alerts.db")
    (warning,) = agree(journal, store, alerts)
    assert "figures.duckdb is new" in warning


def test_a_broken_frame_before_the_end_of_a_log_counts_the_commits_behind_it(
    killed: Path, tmp_path: Path
) -> None:
    log = tmp_path / "journal.db-wal"
    content = bytearray((killed / "journal.db-wal").read_bytes())
    log.write_bytes(content)
    whole = read_log(log)
    assert whole.lost == 0
    assert whole.whole >= FRAMES
    content[len(content) // 2] ^= 1
    log.write_bytes(content)
    hurt = read_log(log)
    assert hurt.lost > 1
    assert hurt.whole + hurt.lost >= whole.whole - 1


def test_a_changed_frame_is_found_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = SqliteJournal(path)
    header = Header(schema=1, site="s", journal=journal.id, seq=0, wm=0, config="c")
    journal.append(data_frame(header, batch([1], [1], [1.5])))
    body = bytearray(journal.read(0, 1)[0][1])
    body[-3] ^= 1
    journal.db.execute("UPDATE frame SET body = ?", (bytes(body),))
    journal.close()
    with pytest.raises(StoreDamaged, match="the content of frame 1 has changed on disk"):
        SqliteJournal(path)
