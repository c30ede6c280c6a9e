"""Writing to a real InfluxDB 1.8: encoding of columns, and CPU of ours per point of six fields,
beside influxdb-client's own Point path.

CPU is that of this process; the server's is read from the
system. Needs influxd (deploy/build_influxd.sh).
"""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from influxdb_client import InfluxDBClient, Point
from influxdb_client.client.write_api import SYNCHRONOUS

from bench.record import figure, record
from store import line_protocol
from store.dead_letters import DeadLetters
from store.influx_send import MOST_BYTES, MOST_LINES, LineSender
from tests.influx_rig import BUILD, Influxd

START = 1_795_190_400_000_000_000
SERIES, RUNS = 1_000, 5
SIX = (
    "active_power.total",
    "voltage.l1",
    "voltage.l2",
    "voltage.l3",
    "current.l1",
    "power_factor.total",
)
STARTS = [
    line_protocol.series("meter", {"site": "works", "hall": f"h{i % 9}", "meter": f"m_{i}"})
    for i in range(SERIES)
]


def columns(
    points: int,
    fields: tuple[str, ...],
    since: int,
) -> tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]:
    """Readings rounded as a meter gives them."""
    chance = np.random.default_rng(since)
    ts = START + (since * points + np.arange(points)) * 1_000_000
    return (
        np.arange(points) % SERIES,
        {name: chance.normal(230.0, 50.0, points).round(2) for name in fields},
        ts,
    )


def cpu_s(work: Callable[[], object]) -> float:
    """CPU seconds of this process."""
    began = time.process_time()
    work()
    return time.process_time() - began


def encode(
    points: int,
    fields: tuple[str, ...],
    since: int,
) -> float:
    """CPU seconds to bodies of requests."""
    at, values, ts = columns(points, fields, since)

    def work() -> None:
        found = line_protocol.lines(
            STARTS,
            at,
            values,
            ts,
        )
        for part in line_protocol.requests(found, MOST_LINES, MOST_BYTES):
            line_protocol.body(part)

    return cpu_s(work)


def rows(points: int, since: int) -> float:
    """CPU seconds to lines of six-field points from readings in rows, as frames have them."""
    at, values, ts = columns(points, SIX, since)
    names = list(SIX) * SERIES
    tag = (at[:, None] * 6 + np.arange(6)).ravel()
    value, times = np.stack(list(values.values()), 1).ravel(), np.repeat(ts, 6)
    starts = [s for s in STARTS for _ in SIX]
    return cpu_s(
        lambda: line_protocol.gathered(
            starts,
            names,
            tag,
            value,
            times,
        )
    )


def ours(
    sender: LineSender,
    points: int,
    since: int,
) -> float:
    """CPU seconds to write columns."""
    at, values, ts = columns(points, SIX, since)
    return cpu_s(
        lambda: sender.send(
            "wattline",
            line_protocol.lines(
                STARTS,
                at,
                values,
                ts,
            ),
        )
    )


def theirs(
    client: InfluxDBClient,
    points: int,
    since: int,
) -> float:
    """CPU seconds to write the same with Point, in requests of the same size."""
    at, values, ts = columns(points, SIX, since)
    api = client.write_api(write_options=SYNCHRONOUS)

    def work() -> None:
        for first in range(0, points, MOST_LINES):
            found = []
            for i in range(first, min(first + MOST_LINES, points)):
                point = (
                    Point("meter")
                    .tag("site", "works")
                    .tag(
                        "hall",
                        f"h{at[i] % 9}",
                    )
                    .tag(
                        "meter",
                        f"m_{at[i]}",
                    )
                    .time(int(ts[i]))
                )
                for name, column in values.items():
                    point.field(name, float(column[i]))

                found.append(point)

            api.write("wattline", "-", found)

    return cpu_s(work)


def server_cpu_s(server: Influxd) -> float:
    """CPU seconds of influxd so far."""
    found = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(found[11]) + int(found[12])) / 100.0


def main() -> None:
    """All figures of one run, as medians."""
    subprocess.run(
        [str(BUILD)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    with tempfile.TemporaryDirectory() as folder:
        server = Influxd(Path(folder))
        server.databases()
        sender = LineSender(
            server.url,
            "-",
            None,
            DeadLetters(Path(folder) / "dead"),
        )
        client = InfluxDBClient(
            server.url,
            token="",
            org="-",
        )
        encode(50_000, ("value",), 0), ours(sender, 20_000, 99)
        single, six, wide, mine, spent, point = [], [], [], [], [], []
        for run in range(RUNS):
            single.append(encode(200_000, ("value",), run) / 200_000)
            six.append(encode(100_000, SIX, run) / 100_000)
            wide.append(rows(50_000, run) / 50_000)
            before = server_cpu_s(server)
            mine.append(ours(sender, 50_000, run) / 50_000)
            spent.append((server_cpu_s(server) - before) / 50_000)
            point.append(theirs(client, 5_000, 1_000 + run) / 5_000)

        assert sender.dead.count == 0
        client.close()
        sender.close()
        server.stop()

    of = {
        name: statistics.median(v) * 1e6
        for name, v in (
            ("single", single),
            ("six", six),
            ("wide", wide),
            ("mine", mine),
            ("spent", spent),
            ("point", point),
        )
    }
    record("influx", [
        figure("encoding, points of one field", 1.0 / of["single"], "M points/core*s", 4.0, at_most=False,),
        figure("encoding, points of six fields", of["six"], "us CPU/point",),
        figure("encoding, six fields from readings in rows", of["wide"], "us CPU/point",),
        figure("writing points of six fields to 1.8, our CPU", of["mine"], "us CPU/point", 2.0,),
        figure("the same, CPU of influxd", of["spent"], "us CPU/point",),
        figure("the same with influxdb-client's Point", of["point"], "us CPU/point",),
        figure("ratio", of["point"] / of["mine"], "x", 10.0, at_most=False,),
    ],)  # fmt: skip


if __name__ == "__main__":
    main()
