"""The guides, followed as written: every `sh` block is run, in order, in an empty folder."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.grafana_stub import ADMIN, Stub
from tests.influx_rig import Influxd
from tests.loopback import answers, until

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.net, pytest.mark.slow, pytest.mark.timeout(300)]
BLOCK = re.compile(r"^```(sh|text)( [^\n]*)?\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Step:
    """Commands of one `sh` block.

    `how` is what the guide says after `sh`; `seen` are the
    lines it shows after them, `...` for anything.
    """

    how: str
    commands: str
    seen: tuple[str, ...] = ()

    @property
    def stays(self) -> bool:
        """It goes on in a terminal of its own."""
        return self.how.startswith("in ")


def steps(page: str) -> list[Step]:
    """The blocks of a guide, in order."""
    found: list[Step] = []
    for kind, how, body in BLOCK.findall((ROOT / "docs" / page).read_text(encoding="utf-8")):
        if kind == "sh":
            found.append(Step(how.strip(), body.strip()))
        elif found and not found[-1].stays:
            found[-1] = replace(found[-1], seen=tuple(body.splitlines()))
    return found


@contextmanager
def terminal(commands: str, folder: Path, env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Commands of which the last stays on; ended as Ctrl-C ends it."""
    *before, last = commands.splitlines()
    process = subprocess.Popen(
        ["sh", "-ec", "\n".join([*before, f"exec {last}"])], cwd=folder, env=env
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(15) == 0, f"{last}: must end clean"


def environment(folder: Path) -> dict[str, str]:
    """What somebody has who installed Wattline."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("WATTLINE_")}
    return {
        **kept,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(folder),
    }


def test_first_plant(tmp_path: Path) -> None:
    env = environment(tmp_path)
    with ExitStack() as terminals:
        for step in steps("first-plant.md"):
            if step.stays:
                terminals.enter_context(terminal(step.commands, tmp_path, env))
                until((tmp_path / "endpoints.json").exists, 40, "endpoints.json")
            else:
                subprocess.run(
                    step.commands, shell=True, cwd=tmp_path, env=env, check=True, timeout=60
                )
        until(lambda: answers(8020, "/readyz"), 40, "the page of the guide")
    assert (tmp_path / "plant-file.schema.json").read_text() == (
        ROOT / "docs" / "plant-file.schema.json"
    ).read_text()


def test_first_rule(tmp_path: Path) -> None:
    """Tested, and tried on a week of the demo, before it is in force."""
    env, said = environment(tmp_path), ""
    with ExitStack() as terminals:
        for step in steps("first-rule.md"):
            if step.stays:
                terminals.enter_context(terminal(step.commands, tmp_path, env))
                until(lambda: answers(8021, "/readyz"), 60, "the demo of the guide")
                until(history_is_there, 90, "the week of history")
            else:
                done = subprocess.run(
                    step.commands,
                    shell=True,
                    cwd=tmp_path,
                    env=env,
                    check=True,
                    timeout=90,
                    capture_output=True,
                    text=True,
                )
                said += done.stdout
    assert "1 rules, 1 tests, 0 failed" in said
    assert "would have fired" in said and "x 1.25" in said
    named = re.search(
        r"^rules:\n  files: .*$",
        (ROOT / "docs" / "first-rule.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert named, "the plant file names its rule files"
    plant = tmp_path / "plant.yaml"
    shipped = (ROOT / "simulator" / "plants" / "jiaxing.yaml").read_text(encoding="utf-8")
    plant.write_text(f"{shipped}\n{named[0]}\n", encoding="utf-8")
    checked = subprocess.run(
        ["wattline", "check", "plant.yaml"],
        cwd=tmp_path,
        env=env,
        check=True,
        timeout=60,
        capture_output=True,
        text=True,
    )
    assert " rules" in checked.stdout


def history_is_there() -> bool:
    with urllib.request.urlopen("http://127.0.0.1:8021/api/v1/live", timeout=5) as answer:
        live = json.load(answer)
    return bool(live["books"]) and not live["backfill"]


class Shell:
    """One terminal in which commands follow each other, so that an `export` holds for the next."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            ["sh"],
            cwd=folder,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def type(self, commands: str) -> str:
        """What is seen after a block; each line of it must succeed."""
        assert self.process.stdin and self.process.stdout
        for line in commands.splitlines():
            self.process.stdin.write(f"{line} || echo FAILED\n")
        self.process.stdin.write("printf '\\nEND\\n'\n")
        self.process.stdin.flush()
        seen = "".join(iter(self.process.stdout.readline, "END\n"))
        assert "FAILED" not in seen, f"{commands}\n{seen}"
        return seen

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(10)


def shows(seen: str, line: str) -> bool:
    """Whether a line of the guide is there; `...` is anything."""
    return re.search(".*".join(map(re.escape, line.split("..."))), seen) is not None


@pytest.fixture
def influxd(tmp_path: Path) -> Iterator[Influxd]:
    (tmp_path / "influxd").mkdir()
    found = Influxd(tmp_path / "influxd", auth=True)
    yield found
    found.stop()


@pytest.fixture
def grafana() -> Iterator[Stub]:
    found = Stub()
    yield found
    found.close()


def booked(server: Influxd) -> bool:
    """Whether the first window is in InfluxDB."""
    return "unmetered.switchboard" in server.post("SHOW TAG VALUES ON wattline WITH KEY = line")


def test_influxdb_and_grafana(tmp_path: Path, influxd: Influxd, grafana: Stub) -> None:
    assert influxd.token is not None
    mine = {
        "INFLUX:8086": influxd.url.removeprefix("http://"),
        "USER:PASSWORD": influxd.token,
        "GRAFANA:3000": grafana.url.removeprefix("http://"),
        "GRAFANA_TOKEN": ADMIN,
    }
    page = (ROOT / "docs" / "influxdb-and-grafana.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE)) == set(mine), (
        "the words that the reader replaces"
    )
    folder = tmp_path / "empty"
    folder.mkdir()
    env = environment(tmp_path)
    shell = Shell(folder, env)
    with ExitStack() as others:
        for step in steps("influxdb-and-grafana.md"):
            commands, seen = step.commands, "\n".join(step.seen)
            for word, own in mine.items():
                commands, seen = commands.replace(word, own), seen.replace(word, own)
            if step.how == "in one terminal":
                others.enter_context(terminal(commands, folder, env))
                until((folder / "endpoints.json").exists, 40, "endpoints.json")
            elif step.stays:
                running = others.enter_context(ExitStack())
                running.enter_context(terminal(commands, folder, env))
                until(
                    lambda: (
                        b'store_up{store="influx"} 1.0' in fetched("http://127.0.0.1:8030/metrics")
                    ),
                    40,
                    "InfluxDB",
                )
            else:
                if step.how == "after two minutes":
                    until(lambda: booked(influxd), 150, "the first window")
                elif step.how == "after Ctrl-C":
                    running.close()
                answer = shell.type(commands)
                for line in seen.splitlines():
                    assert shows(answer, line), (
                        f"{commands}\nthe guide shows: {line}\nseen: {answer}"
                    )
        shell.close()
    can_be_read(grafana)


def can_be_read(grafana: Stub) -> None:
    """What the guide put into Grafana leads to the figures: address, database and header of the
    data source, asked as Grafana asks.
    """
    for uid, measurement in (("wattline", "line"), ("wattline-readings", "meter")):
        source = grafana.sources[uid]
        header = {
            source["jsonData"]["httpHeaderName1"]: source["secureJsonData"]["httpHeaderValue1"]
        }
        found = fetched(
            f"{source['url']}/query?db={source['database']}&q=SHOW+MEASUREMENTS", header
        )
        assert f'["{measurement}"]' in found.decode()
    assert len(grafana.boards) == 6


def fetched(url: str, headers: dict[str, str] | None = None) -> bytes:
    with urllib.request.urlopen(
        urllib.request.Request(url, headers=headers or {}), timeout=5
    ) as answer:
        return bytes(answer.read())
