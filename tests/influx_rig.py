"""A real InfluxDB 1.8 as a child process, built by deploy/build_influxd.sh; a skip with the reason
where there is none and no compiler.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from store.influx import Access
from tests.loopback import free_port

BUILD = Path(__file__).parents[1] / "deploy" / "build_influxd.sh"


def binary() -> Path:
    """Where influxd is; built first if need be."""
    folder = os.environ.get("WATTLINE_TOOLS")
    found = (Path(folder) if folder else Path.home() / ".cache/wattline/bin") / "influxd-1.8.10"
    if not found.exists():
        if shutil.which("go") is None:
            pytest.skip(
                f"InfluxDB 1.8.10 is not at {found} and there is no Go compiler to build it"
            )
        subprocess.run([str(BUILD)], check=True, timeout=900)
    return found


class Influxd:
    """One server on one port and data folder, which it keeps over `kill` and `start`."""

    def __init__(self, folder: Path, auth: bool = False) -> None:
        self.folder, self.auth, self.port = folder, auth, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.token = "wl:w:l" if auth else None
        self.binary = binary()
        self.start()
        if auth:
            self.post("CREATE USER wl WITH PASSWORD 'w:l' WITH ALL PRIVILEGES", None)

    def start(self) -> None:
        data = {
            key: str(self.folder / key.lower()) for key in ("META_DIR", "DATA_DIR", "DATA_WAL_DIR")
        }
        settings = data | {
            "REPORTING_DISABLED": "true", "HTTP_BIND_ADDRESS": f"127.0.0.1:{self.port}", "BIND_ADDRESS": "127.0.0.1:0",
            "HTTP_LOG_ENABLED": "false", "MONITOR_STORE_ENABLED": "false", "HTTP_AUTH_ENABLED": str(self.auth).lower(),
        }  # fmt: skip
        log = (self.folder / "influxd.log").open("a")
        env = os.environ | {f"INFLUXDB_{key}": value for key, value in settings.items()}
        self.process = subprocess.Popen([str(self.binary), "run"], env=env, stdout=log, stderr=log)
        log.close()
        self._wait()

    def _wait(self) -> None:
        end = time.monotonic() + 20
        while time.monotonic() < end and self.process.poll() is None:
            try:
                urllib.request.urlopen(f"{self.url}/ping", timeout=2).close()
                return
            except OSError:
                time.sleep(0.03)
        raise AssertionError(
            f"influxd did not start: {(self.folder / 'influxd.log').read_text()[-2000:]}"
        )

    def post(self, statement: str, token: str | None = "") -> str:
        """One statement as administrator."""
        known = self.token if token == "" else token
        headers = {"Authorization": f"Token {known}"} if known else {}
        body = urllib.parse.urlencode({"q": statement}).encode()
        with urllib.request.urlopen(
            urllib.request.Request(f"{self.url}/query", body, headers), timeout=10
        ) as answer:
            text = answer.read().decode()
        assert "error" not in text, text
        return str(text)

    def ask(
        self, query: str, db: str = "wattline", epoch: str = "ns", most_s: float = 120.0
    ) -> dict[str, Any]:
        """What `/query` answers, an error too."""
        parameters = urllib.parse.urlencode({"db": db, "epoch": epoch, "q": query})
        try:
            with urllib.request.urlopen(f"{self.url}/query?{parameters}", timeout=most_s) as answer:
                found: dict[str, Any] = json.loads(answer.read())
        except urllib.error.HTTPError as error:
            found = json.loads(error.read())
        return found

    def write(self, lines: list[str], db: str = "wattline") -> None:
        """Points in line protocol."""
        urllib.request.urlopen(
            f"{self.url}/write?db={db}", "\n".join(lines).encode(), timeout=60
        ).close()

    def access(self, token: str | None = "") -> Access:
        return Access(self.url, token=self.token if token == "" else token)

    def databases(self) -> None:
        for name in ("wattline", "wattline_raw"):
            self.post(f"CREATE DATABASE {name}")

    def kill(self) -> None:
        """As a power cut would, as far as a process can tell."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)
