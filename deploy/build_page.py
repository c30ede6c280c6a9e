"""Build the live page. Uses the machine's Node where it is new enough, else the one that a Python package carries."""

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
    text = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    match = re.match(r"v(\d+)\.(\d+)", text)
    if not match:
        return False
    major = int(match[1])
    minor = int(match[2])
    return (major == 20 and minor >= 19) or (major == 22 and minor >= 12) or major > 22


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
    if subprocess.run(install, check=False).returncode:
        sys.exit(
            "the live page needs Node 20.19 or newer, and it could not be installed from its Python package; install Node and run make page"
        )
    return [str(Path(sys.executable).parent / "npm")]


def main() -> None:
    command = npm()
    for step in (["ci", "--no-audit", "--no-fund", "--loglevel", "error"], ["run", "-s", "build"]):
        if subprocess.run([*command, *step], cwd=PAGE, check=False).returncode:
            sys.exit(
                f"building the live page failed at `npm {' '.join(step[:2])}`; the lines above say why"
            )


if __name__ == "__main__":
    main()
