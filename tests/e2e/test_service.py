"""The service guide, followed as written under another root, and the files beside it, checked as files.

What stands in: `systemctl` (starts what the unit says, without its sandbox), the download of the locked packages (those of this environment are seen
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
from typing import Any

import pytest
import yaml

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
        for command in [line for step in steps("service.md") for line in step.commands.splitlines()]:
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
    command = re.sub(r"(?<![\w.])/(opt|etc)/", rf"{root}/\1/", command).replace(".venv/bin/python", sys.executable)
    command = command.replace("--outdir dist", f"--outdir {root}/dist").replace(" dist/", f" {root}/dist/")
    command = command.replace("pip install --no-deps", "pip install --no-index --no-deps")
    done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


def start(root: Path, port: int) -> subprocess.Popen[bytes]:
    """What `systemctl start` runs."""
    plant = root / "etc" / "wattline" / "plant.yaml"
    plant.write_text(plant.read_text(encoding="utf-8").replace("192.0.2.20:502", "127.0.0.1:1"), encoding="utf-8")
    settings = unit(root / "etc" / "systemd" / "system" / "wattline.service")
    command = re.sub(r"/(opt|etc|var)/", rf"{root}/\1/", settings["ExecStart"]).replace("--port 8000", f"--port {port}")
    env = {"PATH": os.environ["PATH"], "WATTLINE_SECRETS": str(root)}
    return subprocess.Popen(command.split(), cwd=root / "var" / "lib" / "wattline", env=env)


def test_the_unit_is_sound(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    mine = tmp_path / "wattline.service"
    mine.write_text(
        UNIT.read_text(encoding="utf-8").replace("/opt/wattline/bin/wattline", "/bin/true"), encoding="utf-8"
    )
    done = subprocess.run(["systemd-analyze", "verify", str(mine)], capture_output=True, text=True, check=False)
    assert "wattline.service" not in done.stderr, done.stderr
    rated = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(mine)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert rated.returncode == 0, rated.stdout[-300:]


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((ROOT / "deploy" / name).read_text(encoding="utf-8")))


def test_compose_mounts_what_is_there() -> None:
    (compose,) = documents("docker/compose.yaml")
    made_by_the_user = {"./plant", "./secrets"}
    for service in compose["services"].values():
        for mount in service.get("volumes", ()):
            source = mount.split(":")[0]
            if source.startswith(".") and source not in made_by_the_user:
                assert (ROOT / "deploy" / "docker" / source).exists(), source
            elif not source.startswith("."):
                assert source in compose["volumes"]
        assert set(service.get("depends_on", ())) <= set(compose["services"])


def test_kubernetes_parts_fit_together() -> None:
    parts = {d["kind"]: d for d in documents("kubernetes/wattline.yaml")}
    pod = parts["StatefulSet"]["spec"]["template"]
    assert (
        parts["Service"]["spec"]["selector"]
        == pod["metadata"]["labels"]
        == parts["StatefulSet"]["spec"]["selector"]["matchLabels"]
    )
    claims = {c["metadata"]["name"] for c in parts["StatefulSet"]["spec"]["volumeClaimTemplates"]}
    (container,) = pod["spec"]["containers"]
    assert {m["name"] for m in container["volumeMounts"]} == claims | {v["name"] for v in pod["spec"]["volumes"]}
    assert parts["StatefulSet"]["spec"]["replicas"] == 1, "the embedded store has one writer"


def test_images_run_what_the_command_line_knows() -> None:
    dockerfile = (ROOT / "deploy" / "docker" / "Dockerfile").read_text(encoding="utf-8")
    listed = re.search(r"^CMD (\[.*\])$", dockerfile, re.MULTILINE)
    assert listed is not None
    given = yaml.safe_load(listed[1])
    (container,) = documents("kubernetes/wattline.yaml")[-1]["spec"]["template"]["spec"]["containers"]
    assert given == container["args"]
    help_text = subprocess.run(
        [sys.executable, "-m", "wattline.cli", "run", "--help"], capture_output=True, text=True, check=True
    )
    assert all(word in help_text.stdout for word in given if word.startswith("--"))
    for source in re.findall(r"^COPY (?!--from)(\S+) ", dockerfile, re.MULTILINE):
        assert (ROOT / source).exists()
