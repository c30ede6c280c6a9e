"""Write the dashboards:

`python -m dashboards.grafana.build`. `make regen` does it
too, and a test says when they are out of date.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards.grafana.boards import carbon, compare, flows, health, line, site
from dashboards.grafana.model import Board, dashboard

FOLDER: Final = Path(__file__).parent / "json"
BOARDS: Final = (site.board, line.board, compare.board, flows.board, carbon.board, health.board)


def text(board: Board) -> str:
    """The JSON of one dashboard, the same each time."""
    return (
        json.dumps(
            dashboard(board),
            cls=JSONEncoder,
            indent=1,
            ensure_ascii=False,
        )
        + "\n"
    )


def files() -> dict[Path, str]:
    """All dashboards, by file."""
    found = {}
    for make in BOARDS:
        board = make()
        name = board.uid.removeprefix("wattline-")
        found[FOLDER / f"{name}.json"] = text(board)

    return found


def main() -> None:
    """Write them, and nothing else."""
    FOLDER.mkdir(exist_ok=True)
    for path, found in files().items():
        path.write_text(found, encoding="utf-8")


if __name__ == "__main__":
    main()
