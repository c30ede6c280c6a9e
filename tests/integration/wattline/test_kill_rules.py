"""SIGKILL of the host of the rules at any moment: no alert
lost, none told twice, no clock set back.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from plant.frame import batch
from tests.api_rig import ApiRig
from tests.rig import text

BODY = "sources: {grid: {carrier: electricity, meter: grid, into: board}}\nbuses: {board: {carrier: electricity}}\nlines: {press: {draws: {board: la}}, saw: {draws: {board: lb}}}\n"
KILLS = 20
MINUTES = 420


def journal_of(folder: Path) -> None:
    """Seven hours of two lines that rise and fall, the readings of one
    come late now and then, so that windows are corrected.
    """
    rig = ApiRig(text(BODY, "grid la lb", window="1m"), folder)
    rig.journal.hold("rules", "output", 0)
    chance = random.Random(7)
    levels = [chance.choice([0.5, 0.8, 1.05, 1.4]) for _ in range(MINUTES // 7 + 1)]
    kept: list[tuple[int, float]] = []
    for minute in range(MINUTES):
        la, lb, late = levels[minute // 7], 0.2 + 0.1 * (minute % 5), minute % 12 in (3, 4)
        rig.feed({"grid": la + lb, "la": la, "lb": lb}, silent={"la"} if late else set())
        if late:
            kept.append((rig.at, float(rig.counters[rig.channel("la")])))
        elif kept:
            tags = [rig.site.channels[rig.channel("la")].tag] * len(kept)
            rig.sequencer.take(batch([t for t, _ in kept], tags, [v for _, v in kept]))
            kept = []
        if minute % 30 == 0:
            rig.fold()
    rig.store_all()
    (folder / "site.json").write_bytes(msgspec.json.encode(rig.site))
    rig.journal.close()


def dump(path: Path) -> dict[str, Any]:
    """All that matters of an alert book, in order."""
    db = sqlite3.connect(path)
    try:
        return {
            "change": db.execute("SELECT clock, at_ns, rule, subject, state, value, limit_, unit, late, withdrawn FROM change ORDER BY n").fetchall(),
            "alert": db.execute("SELECT id, rule, subject, fired_ns, resolved_ns, body FROM alert ORDER BY id").fetchall(),
            "told": db.execute("SELECT key, occasion, alerts FROM told ORDER BY rowid").fetchall(),
            "audit": db.execute("SELECT at_ns, actor, action, alert, detail FROM audit ORDER BY n").fetchall(),
            "parts": sorted((name, body) for name, body in db.execute("SELECT name, body FROM part") if not name.startswith("site")),
        }  # fmt: skip
    finally:
        db.close()


def child(folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.rules_child", str(folder)]
    return subprocess.Popen(
        command, cwd=Path(__file__).parents[3], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


def finish(process: subprocess.Popen[bytes]) -> None:
    process.communicate(b"1000000\n", timeout=120)
    assert process.returncode == 0


def kill_after(process: subprocess.Popen[bytes], rounds: int) -> None:
    """Kill it somewhere in the round after the last one that it said was committed."""
    assert process.stdout is not None and process.stdin is not None
    process.stdin.write(b"%d\n" % (rounds + 1))
    process.stdin.flush()
    for _ in range(rounds):
        assert process.stdout.readline(), "it must not be at its end yet"
    process.kill()
    process.wait(10)
    process.stdout.close()
    process.stdin.close()


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_twenty_kills_leave_the_same_history(tmp_path: Path) -> None:
    straight_folder, killed_folder = tmp_path / "straight", tmp_path / "killed"
    straight_folder.mkdir()
    journal_of(straight_folder)
    shutil.copytree(straight_folder, killed_folder)
    finish(child(straight_folder))
    chance = random.Random(11)
    for _ in range(KILLS):
        kill_after(child(killed_folder), chance.randint(0, 25))
    finish(child(killed_folder))
    straight, killed = dump(straight_folder / "alerts.db"), dump(killed_folder / "alerts.db")
    assert len(straight["told"]) > 10
    assert any(row[8] for row in straight["change"]), "late data is among it"
    assert len({row[0] for row in killed["told"]}) == len(killed["told"]), "nothing is told twice"
    for name in straight:
        assert killed[name] == straight[name], name
