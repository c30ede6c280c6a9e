"""The whole product as a process of its own, as `wattline run` starts it, with meter profiles that
do not ship; and what one sees of any process from outside.

`python -m bench.product PLANT.yaml DATA [PROFILES.json]`, ended by SIGINT.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

TICKS = os.sysconf("SC_CLK_TCK")
STOP_S = 30


def rss_mb(pid: int | str = "self") -> float:
    """Memory of a process now, MiB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    (line,) = (each for each in status.splitlines() if each.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


class Watched:
    """A process: its CPU time, its memory, its end."""

    def __init__(self, command: Sequence[str], log: Path, **more: Any) -> None:
        self.log = log
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                command,
                stdout=out,
                stderr=subprocess.STDOUT,
                **more,
            )

    def cpu_s(self) -> float:
        """CPU seconds of all its threads so far."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii")
        fields = stat.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def rss_mb(self) -> float:
        """Memory now, MiB."""
        return rss_mb(self.process.pid)

    def running(self) -> bool:
        """Whether it has not ended by itself."""
        return self.process.poll() is None

    def stop(self) -> None:
        """End it in order; killed if it takes too long."""
        if not self.running():
            return

        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(STOP_S)

    def said(self) -> str:
        """The end of what it printed."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-2000:]


@dataclass(frozen=True, slots=True)
class Span:
    """What a process took in a span of real time."""

    wall_s: float
    cpu_s: float
    rss_mb: float

    @property
    def cores(self) -> float:
        """Share of a core."""
        return self.cpu_s / self.wall_s


class Product(Watched):
    """Wattline over a plant file."""

    def __init__(
        self,
        plant: Mapping[str, Any],
        folder: Path,
        profiles: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self.data = folder / "data"
        plant_file = folder / "plant.json"
        plant_file.write_text(json.dumps(plant), encoding="utf-8")
        profiles_file = folder / "profiles.json"
        profiles_file.write_text(json.dumps(list(profiles)), encoding="utf-8")
        super().__init__(
            [sys.executable, "-m", "bench.product", str(plant_file), str(self.data), str(profiles_file)],
            folder / "product.log",
        )  # fmt: skip

    def query(self, sql: str, params: Sequence[object] = ()) -> dict[str, Any]:
        """Ask the figures, once it has ended."""
        with duckdb.connect(str(self.data / "figures.duckdb"), read_only=True) as db:
            found: dict[str, Any] = db.execute(sql, list(params)).fetchnumpy()
            return found

    def sequences(self, since_ns: int, until_ns: int) -> tuple[int, int]:
        """Of values that count up by one a tag: how many different ones were stored in a span, and
        how many are missing between the first and the last of each tag.
        """
        found = self.query(
            "SELECT count(DISTINCT value) AS kinds, max(value) - min(value) + 1 AS due FROM reading"
            " WHERE received > ? AND received <= ? GROUP BY tag",
            [since_ns, until_ns],
        )
        kinds = int(found["kinds"].sum())
        return kinds, int(found["due"].sum()) - kinds


def main(plant: Path, data: Path, profiles: Path | None) -> None:
    """Run until SIGINT."""
    import uvloop

    from collector.catalogue import load_catalogue
    from plant.clock import SystemClock
    from plant.config import PlantFile
    from plant.profile import Profile
    from rules.language.load import rules_for
    from wattline.options import Options
    from wattline.runtime import Runtime
    from wattline.until_stopped import run_until_stopped

    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 16_384), hard))
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    catalogue = load_catalogue()
    if profiles is not None:
        for given in json.loads(profiles.read_text(encoding="utf-8")):
            profile = Profile.model_validate(given)
            catalogue[profile.id] = profile

    # Read, but not checked as people's files are: the meters of a bench share a few addresses.
    parsed = PlantFile.model_validate_json(plant.read_bytes())
    options = Options(
        data,
        port=0,
        rules=rules_for(plant, parsed),
    )
    runtime = Runtime(parsed, catalogue, SystemClock(), options)
    print("started", flush=True)
    asyncio.run(run_until_stopped(runtime))
    runtime.close()
    os._exit(0)  # what the command does too


if __name__ == "__main__":
    given = [Path(each) for each in sys.argv[1:]]
    main(given[0], given[1], given[2] if len(given) > 2 else None)
