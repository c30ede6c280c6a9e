"""The guides, followed as written: every `sh` block is run, in order, in an empty folder."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.loopback import answers, until

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.net, pytest.mark.slow, pytest.mark.timeout(120)]
BLOCK = re.compile(r"^```sh( in [^\n]*)?\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: str) -> list[tuple[bool, str]]:
    """Commands of a guide in order; True for those that stay on in a terminal of their own."""
    return [(bool(m[1]), m[2].strip()) for m in BLOCK.finditer((ROOT / "docs" / page).read_text(encoding="utf-8"))]


@contextmanager
def terminal(command: str, folder: Path, env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A command that stays on; ended as Ctrl-C ends it."""
    process = subprocess.Popen(command.split(), cwd=folder, env=env)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(15) == 0, f"{command}: must end clean"


def test_first_plant(tmp_path: Path) -> None:
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    with ExitStack() as terminals:
        for stays, command in blocks("first-plant.md"):
            if stays:
                terminals.enter_context(terminal(command, tmp_path, env))
                until((tmp_path / "endpoints.json").exists, 40, "endpoints.json")
            else:
                subprocess.run(command, shell=True, cwd=tmp_path, env=env, check=True, timeout=60)
        until(lambda: answers(8020, "/readyz"), 40, "the page of the guide")
    assert (tmp_path / "plant-file.schema.json").read_text() == (ROOT / "docs" / "plant-file.schema.json").read_text()
