"""`wattline store init` and `compare`, and a plant that runs with an InfluxDB beside it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from collector.catalogue import load_catalogue
from plant.clock import ScaledClock
from plant.errors import QueryError, SinkRefused, WattlineError
from plant.load import load_plant
from store import influx_setup
from store.influx import Access, InfluxStore
from store.schema import SCHEMA
from tests.influx_rig import Influxd
from wattline.cli import app
from wattline.demo.demo import plant_path
from wattline.demo.devices import Devices
from wattline.options import Options
from wattline.runtime import Runtime

pytestmark = pytest.mark.net


@pytest.fixture(scope="module", params=[False, True], ids=["open", "auth"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Influxd]:
    found = Influxd(tmp_path_factory.mktemp("influxd"), auth=request.param)
    yield found
    found.stop()


def plant_file(folder: Path, server: Influxd, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The dyeworks with an InfluxDB."""
    token = ", token: {secret: influx}" if server.auth else ""
    monkeypatch.setenv("WATTLINE_SECRET_INFLUX", server.token or "")
    path = folder / "plant.yaml"
    text = plant_path("dyeworks").read_text(encoding="utf-8")
    path.write_text(f"{text}\ninflux: {{url: '{server.url}'{token}}}\n", encoding="utf-8")
    return path


def durations(server: Influxd, database: str) -> dict[str, str]:
    answer = json.loads(server.post(f"SHOW RETENTION POLICIES ON {database}"))
    return {row[0]: row[1] for row in answer["results"][0]["series"][0]["values"]}


def test_init_makes_both_databases_and_changes_nothing_that_is_there(
    server: Influxd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = plant_file(tmp_path, server, monkeypatch)
    for _ in range(2):
        answer = CliRunner().invoke(app, ["store", "init", str(path)])
        assert answer.exit_code == 0, answer.output
        assert answer.output.splitlines() == [
            "database wattline is there, figures are kept for good",
            "database wattline_raw is there, raw readings are kept 7 days",
        ]
    assert durations(server, "wattline") == {"autogen": "0s"}
    assert durations(server, "wattline_raw") == {"autogen": "168h0m0s"}
    server.post("CREATE DATABASE mine WITH DURATION 3d")
    said = influx_setup.make(
        Access(server.url, bucket="wattline", raw_bucket="mine", token=server.token)
    )
    assert "another retention, and was left as it is" in said[1]
    assert durations(server, "mine") == {"autogen": "72h0m0s"}


def test_init_says_which_right_is_missing(server: Influxd) -> None:
    if not server.auth:
        return
    server.post("CREATE USER plain WITH PASSWORD 'p'")
    with pytest.raises(SinkRefused, match=r"needs an administrator.*CREATE DATABASE \"wattline\""):
        influx_setup.make(Access(server.url, token="plain:p"))
    with pytest.raises(SinkRefused, match="401"):
        influx_setup.make(Access(server.url, token="plain:wrong"))


class Two(BaseHTTPRequestHandler):
    """As much of InfluxDB 2.7 as making buckets needs, by its published API."""

    made: dict[str, int]
    may: bool

    def answer(self, status: int, body: object) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("X-Influxdb-Version", "v2.7.12")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self) -> None:
        if self.path.startswith("/api/v2/buckets"):
            name = self.path.partition("name=")[2].partition("&")[0]
            found = [{"name": name, "retentionRules": []}] if name in self.made else []
            self.answer(200, {"buckets": found})
        elif self.path.startswith("/api/v2/orgs"):
            self.answer(200, {"orgs": [{"id": "0123456789abcdef", "name": "wattline"}]})
        else:
            self.answer(204, {})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self.may:
            self.answer(
                403,
                {
                    "code": "forbidden",
                    "message": "write:orgs/0123456789abcdef/buckets is unauthorized",
                },
            )
            return
        assert asked["orgID"] == "0123456789abcdef"
        self.made[asked["name"]] = sum(r["everySeconds"] for r in asked.get("retentionRules", []))
        self.answer(201, asked)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def two() -> Iterator[tuple[type[Two], str]]:
    kind = type("Fresh", (Two,), {"made": {}, "may": True})
    http = HTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield kind, f"http://127.0.0.1:{http.server_port}"
    http.shutdown()
    thread.join()
    http.server_close()


def test_init_on_2_makes_buckets_or_says_which_token(two: tuple[type[Two], str]) -> None:
    kind, url = two
    kind.may = False
    with pytest.raises(
        SinkRefused,
        match=r"unauthorized; making a bucket needs a token with read and write on all buckets",
    ):
        influx_setup.make(Access(url, token="t"))
    kind.may = True
    assert (
        influx_setup.make(Access(url, token="t"))[1]
        == "bucket wattline_raw is there, raw readings are kept 7 days"
    )
    assert kind.made == {"wattline": 0, "wattline_raw": 7 * 86_400}
    assert all("was there already" in line for line in influx_setup.make(Access(url, token="t")))


def test_without_influx_in_the_plant_file_it_says_so() -> None:
    answer = CliRunner().invoke(app, ["store", "init", str(plant_path("dyeworks"))])
    assert isinstance(answer.exception, WattlineError)
    assert "add `influx:" in str(answer.exception)


@pytest.mark.slow
def test_a_plant_runs_with_it_and_both_stores_agree(
    server: Influxd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if server.auth:
        return
    path, data = plant_file(tmp_path, server, monkeypatch), tmp_path / "data"
    server.databases()
    devices = Devices(plant_path("dyeworks"), tmp_path, 60.0, None, 7)
    try:
        found = devices.wait()
        catalogue = load_catalogue()
        runtime = Runtime(
            load_plant(path, frozenset(catalogue)),
            catalogue,
            ScaledClock(**found["clock"]),
            Options(data, simulated=True, endpoints=found["connections"]),
        )
        asyncio.run(_run(runtime, 9.0))
    finally:
        devices.stop()
    health = runtime.parts.health().stores[0]
    assert (
        health["state"],
        health["last_error"],
        health["dead_letters"],
        health["lost_frames"],
    ) == ("up", None, 0, 0)
    assert 'wattline_store_up{store="influx"} 1.0' in runtime.parts.operations.metrics()
    first = int(runtime.parts.store.query("SELECT min(start) AS t FROM line")["t"][0])
    last = int(runtime.parts.store.query("SELECT max(start) AS t FROM line")["t"][0])
    assert last > first
    assert "only one can open its figures" in _in_other_process(path, data)
    runtime.close()
    asked = [
        "store",
        "compare",
        str(path),
        "--data",
        str(data),
        "--from",
        _iso(first),
        "--to",
        _iso(last + 60_000_000_000),
    ]
    answer = CliRunner().invoke(app, asked)
    assert answer.exit_code == 0, answer.output
    assert answer.output.startswith("the same: ")
    store = InfluxStore(Access(server.url), "x", tmp_path / "dead")
    planted = [
        _planted(store, measurement, last + 99) for measurement in ("line", "flow", "bus", "source")
    ]
    store.close()
    answer = CliRunner().invoke(app, [*asked, "--json"])
    assert answer.exit_code == 1
    differences = json.loads(answer.output)["differences"]
    assert [(d["measurement"], d["tags"], d["figure"]) for d in differences] == planted
    assert all(d["influx"] > 123_000 > d["embedded"] for d in differences)
    answer = CliRunner().invoke(app, asked)
    assert answer.exit_code == 1
    for (measurement, tags, figure), line in zip(planted, answer.output.splitlines(), strict=False):
        assert ",".join((measurement, *(f"{k}={v}" for k, v in tags.items()))) in line
        assert figure in line


def _planted(store: InfluxStore, measurement: str, at: int) -> tuple[str, dict[str, str], str]:
    """A later revision of one figure of one series, in InfluxDB only: measurement, tags, field."""
    tags, (field, *_) = SCHEMA[measurement].tags, SCHEMA[measurement].fields
    row = store.query(f"SELECT last({field}) FROM {measurement} GROUP BY {', '.join(tags)}")[0]
    series = ",".join(f"{k}={v}" for k, v in row.tags.items())
    store.sender.send("wattline", pl.Series([f"{measurement},{series} {field}=123456.0 {at}"]))
    return measurement, {t: row.tags[t] for t in tags[1:]}, field


async def _run(runtime: Runtime, seconds: float) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, stop.set)
    (influx,) = runtime.parts.beside
    ending = influx.stop

    def drained() -> list[str]:
        while runtime.turn():
            pass
        assert influx.drain(20.0)
        return ending()

    influx.stop = drained  # type: ignore[method-assign]
    await runtime.run(stop, None, serve=False)


def _in_other_process(path: Path, data: Path) -> str:
    command = [
        sys.executable,
        "-m",
        "wattline.cli",
        "store",
        "compare",
        str(path),
        "--data",
        str(data),
    ]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert answer.returncode == 1
    return answer.stderr


def _iso(ns: int) -> str:
    return datetime.fromtimestamp(ns / 1e9, UTC).isoformat()


def test_an_answer_that_is_no_answer(two: tuple[type[Two], str], tmp_path: Path) -> None:
    store = InfluxStore(Access(two[1]), "x", tmp_path / "d")
    with pytest.raises(QueryError):
        store.query("SELECT v FROM t")
    store.close()
