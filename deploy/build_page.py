"""Build the live page, or with `lint` check how its sources read.

Uses the machine's Node where it is new enough, else the one that a Python package carries.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "dashboards" / "live"


def new_enough(node: str) -> bool:
    """Vite 8 needs Node 20.19 or later within 20, or 22.12 and later."""
    said = subprocess.run(
        [node, "--version"],
        capture_output=True,
        text=True,
        check=False,
    )
    match = re.match(r"v(\d+)\.(\d+)", said.stdout)
    if not match:
        return False

    major = int(match[1])
    minor = int(match[2])
    if major == 20:
        return minor >= 19

    if major == 22:
        return minor >= 12

    return major > 22


def npm() -> list[str]:
    """The npm to use, as the start of a command."""
    node = shutil.which("node")
    found = shutil.which("npm")
    if node and found and new_enough(node):
        return [found]

    lock = ROOT / "requirements" / "node.txt"
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--disable-pip-version-check",
        "--require-hashes",
        "-r",
        str(lock),
    ]
    installed = subprocess.run(install, check=False)
    if installed.returncode != 0:
        sys.exit(
            "the live page needs Node 20.19 or newer, and it could not be installed from its Python"
            " package; install Node and run make page"
        )

    beside_python = Path(sys.executable).parent / "npm"
    return [str(beside_python)]


INSTALL = ("ci", "--no-audit", "--no-fund", "--loglevel", "error")
BUILD = ("run", "-s", "build")
LINT = ("run", "-s", "lint")


def run(step: tuple[str, ...], command: list[str]) -> None:
    """One call of npm in the folder of the page; the words of a failure are npm's own."""
    ended = subprocess.run(
        [*command, *step],
        cwd=PAGE,
        check=False,
    )
    if ended.returncode != 0:
        said = " ".join(step[:2])
        sys.exit(f"the live page failed at `npm {said}`; the lines above say why")


def build() -> None:
    """Install what the lock file says, check the types, and build into `dist`."""
    command = npm()
    run(INSTALL, command)
    run(BUILD, command)


def lint() -> None:
    """Formatter, linter and types of the page; installs only where nothing is installed yet."""
    command = npm()
    if not (PAGE / "node_modules" / "eslint").exists():
        run(INSTALL, command)

    run(LINT, command)


if __name__ == "__main__":
    if sys.argv[1:] == ["lint"]:
        lint()
    else:
        build()
