"""The service guide, followed as written under another root.

What stands in: `systemctl` (starts what the unit says, without its sandbox),
the download of the locked packages (those of this environment are seen
instead), and the address of the starter's meters (loopback).
"""

from __future__ import annotations

import configparser
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.e2e.test_guides import ROOT, steps
from tests.loopback import answers, free_port, until

UNIT = ROOT / "deploy" / "systemd" / "wattline.service"
pytestmark = [pytest.mark.net, pytest.mark.slow, pytest.mark.timeout(180)]


class UnitFile(configparser.RawConfigParser):
    """A unit, in which a setting may stand again."""

    def __init__(self) -> None:
        super().__init__(strict=False, interpolation=None)

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def unit(path: Path) -> dict[str, str]:
    found = UnitFile()
    found.read_string(path.read_text(encoding="utf-8"))
    return dict(found["Service"])


def test_the_guide(tmp_path: Path) -> None:
    port, started = free_port(), None
    for name in ("opt", "etc/systemd/system", "var/lib/wattline", "dist"):
        (tmp_path / name).mkdir(parents=True)
    try:
        for command in [
            line for step in steps("service.md") for line in step.commands.splitlines()
        ]:
            if command.startswith("systemctl"):
                if "enable --now" in command:
                    started = start(tmp_path, port)
            elif "--require-hashes" in command:
                (packages,) = (tmp_path / "opt" / "wattline").glob("lib/python*/site-packages")
                (packages / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
            else:
                run(command, tmp_path)
        until(lambda: answers(port, "/healthz"), 60, "the service")
    finally:
        if started is not None:
            started.send_signal(signal.SIGTERM)
            assert started.wait(20) == 0, "SIGTERM must end it clean"
    assert (tmp_path / "var" / "lib" / "wattline" / "journal.db").exists()


def run(command: str, root: Path) -> None:
    """A line of the guide, its paths under `root`."""
    command = re.sub(r"(?<![\w.])/(opt|etc)/", rf"{root}/\1/", command).replace(
        ".venv/bin/python", sys.executable
    )
    command = command.replace("--outdir dist", f"--outdir {root}/dist").replace(
        " dist/", f" {root}/dist/"
    )
    command = command.replace("pip install --no-deps", "pip install --no-index --no-deps")
    done = subprocess.run(
        command, shell=True, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


def start(root: Path, port: int) -> subprocess.Popen[bytes]:
    """What `systemctl start` runs."""
    plant = root / "etc" / "wattline" / "plant.yaml"
    plant.write_text(
        plant.read_text(encoding="utf-8").replace("192.0.2.20:502", "127.0.0.1:1"), encoding="utf-8"
    )
    settings = unit(root / "etc" / "systemd" / "system" / "wattline.service")
    command = re.sub(r"/(opt|etc|var)/", rf"{root}/\1/", settings["ExecStart"]).replace(
        "--port 8000", f"--port {port}"
    )
    env = {"PATH": os.environ["PATH"], "WATTLINE_SECRETS": str(root)}
    return subprocess.Popen(command.split(), cwd=root / "var" / "lib" / "wattline", env=env)


def test_the_unit_is_sound(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    mine = tmp_path / "wattline.service"
    mine.write_text(
        UNIT.read_text(encoding="utf-8").replace("/opt/wattline/bin/wattline", "/bin/true"),
        encoding="utf-8",
    )
    done = subprocess.run(
        ["systemd-analyze", "verify", str(mine)], capture_output=True, text=True, check=False
    )
    assert "wattline.service" not in done.stderr, done.stderr
    rated = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(mine)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert rated.returncode == 0, rated.stdout[-300:]
