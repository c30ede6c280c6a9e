"""`wattline notify test` as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.receivers import Http

pytestmark = pytest.mark.net
STARTER = Path(__file__).parents[3] / "wattline" / "starter.yaml"


@pytest.fixture
def hook() -> Iterator[Http]:
    made = Http()
    yield made
    made.close()


def plant(folder: Path) -> Path:
    path = folder / "plant.yaml"
    section = "\nnotify:\n  link: http://e.local\n  channels: {hook: {webhook: {secret: hook}}}\n  tell: {critical: [hook]}\n"
    path.write_text(STARTER.read_text() + section)
    return path


def run(*args: str, secret: str = "") -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("WATTLINE_SECRET")}
    if secret:
        environment["WATTLINE_SECRET_HOOK"] = secret
    command = [sys.executable, "-m", "wattline.cli", "notify", "test", *args]
    return subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=60, check=False
    )


def test_a_test_message_goes_out(tmp_path: Path, hook: Http) -> None:
    done = run("hook", str(plant(tmp_path)), "--by", "Anna", secret=f"{hook.url}/s3cr3t")
    assert (done.returncode, done.stdout) == (
        0,
        "hook took the message; look whether it has arrived\n",
    ), done.stderr
    ((path, _, body),) = hook.got
    assert (
        path == "/s3cr3t"
        and body["alerts"][0]["labels"]["alertname"] == "WattlineTest"
        and "Anna" in body["text"]
    )


def test_what_is_wrong_is_said_with_what_to_do(tmp_path: Path, hook: Http) -> None:
    hook.status = 404
    refused, unknown, missing = (
        run("hook", str(plant(tmp_path)), secret=f"{hook.url}/s3cr3t"),
        run("hok", str(plant(tmp_path))),
        run("hook", str(plant(tmp_path))),
    )
    assert [done.returncode for done in (refused, unknown, missing)] == [1, 1, 1]
    assert (
        refused.stdout
        == f"the webhook at 127.0.0.1:{hook.port} answered 404; look at its address and rights\n"
    )
    assert unknown.stdout == "there is no channel 'hok'; there are: hook\n"
    assert (
        "WATTLINE_SECRET_HOOK" in missing.stdout and "s3cr3t" not in refused.stdout + refused.stderr
    )
