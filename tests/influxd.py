"""A real InfluxDB 1.8 on loopback, with a data folder of its own."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest

VERSION = "1.8.10"
TOOLS = Path(os.environ.get("WATTLINE_TOOLS", Path.home() / ".cache" / "wattline" / "bin"))
BINARY = TOOLS / f"influxd-{VERSION}"
USER, PASSWORD = "wattline", "pass:word"


class Influxd:
    """`start` and `kill` as often as needed; the port stays."""

    def __init__(self, folder: Path, auth: bool = False) -> None:
        if not BINARY.exists():
            pytest.skip(f"InfluxDB {VERSION} is not built (deploy/build_influxd.sh)")
        self.folder, self.auth, self.port = folder, auth, 0
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Influxd:
        log = self.folder / "influxd.log"
        settings = {
            "REPORTING_DISABLED": "true", "META_DIR": self.folder / "meta", "DATA_DIR": self.folder / "data", "DATA_WAL_DIR": self.folder / "wal",
            "HTTP_BIND_ADDRESS": f"127.0.0.1:{self.port}", "BIND_ADDRESS": "127.0.0.1:0", "HTTP_LOG_ENABLED": "false",
            "MONITOR_STORE_ENABLED": "false", "HTTP_AUTH_ENABLED": str(self.auth).lower(),
        }  # fmt: skip
        env = {**os.environ, **{f"INFLUXDB_{k}": str(v) for k, v in settings.items()}}
        with log.open("wb") as stream:
            self.process = subprocess.Popen([str(BINARY), "run"], env=env, stdout=stream, stderr=stream)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            found = re.search(rb"Listening on HTTP.*?addr=127\.0\.0\.1:(\d+)", log.read_bytes())
            if found:
                self.port = int(found[1])
                return self
            time.sleep(0.02)
        raise AssertionError(log.read_text())

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def ask(self, query: str, db: str = "wattline", epoch: str = "ns") -> dict[str, Any]:
        """The answer of /query; of a refused one the body too."""
        parameters = urllib.parse.urlencode({"db": db, "epoch": epoch, "q": query})
        return self._send(f"/query?{parameters}", b"" if query.startswith(("CREATE", "DROP", "GRANT")) else None)

    def write(self, lines: list[str], db: str = "wattline") -> None:
        self._send(f"/write?db={db}", "\n".join(lines).encode())

    def _send(self, path: str, body: bytes | None) -> dict[str, Any]:
        request = urllib.request.Request(self.url + path, data=body)
        if self.auth:
            request.add_header("Authorization", "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode())
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return json.loads(answer.read() or b"{}")  # type: ignore[no-any-return]
        except urllib.error.HTTPError as error:
            return json.loads(error.read() or b"{}")  # type: ignore[no-any-return]
