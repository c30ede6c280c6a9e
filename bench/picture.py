"""The curves of bench-hour as a picture, docs/images/hour.svg: what a minute costs and holds, over an hour
of plant time.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path

from bench.record import RESULTS

PICTURE = Path(__file__).parent.parent / "docs" / "images" / "hour.svg"
WIDTH, HEIGHT = 720, 150
LEFT, RIGHT, TOP, BOTTOM = 60, 20, 34, 24
CURVES = {
    "cpu_s": "CPU of a minute of plant time, s",
    "rss_mib": "memory, MiB",
    "journal_mib": "journal, MiB",
}
STYLE = (
    "text{font:12px sans-serif;fill:#333} .title{font-weight:bold} .grid{stroke:#ddd}"
    " .curve{fill:none;stroke:#0b6e4f;stroke-width:2}"
    " @media (prefers-color-scheme: dark){text{fill:#ddd}.grid{stroke:#444}.curve{stroke:#5fd3a5}}"
)


def panel(title: str, values: Sequence[float], top: int) -> list[str]:
    """One curve from zero up, with its largest value and the minutes written beside it."""
    most = max(values) or 1.0
    inner_width = WIDTH - LEFT - RIGHT
    inner_height = HEIGHT - TOP - BOTTOM
    base = top + HEIGHT - BOTTOM
    points = []
    for place, value in enumerate(values):
        x = LEFT + inner_width * place / max(len(values) - 1, 1)
        y = base - inner_height * value / most
        points.append(f"{x:.1f},{y:.1f}")

    return [
        f'<text class="title" x="{LEFT}" y="{top + 18}">{escape(title)}</text>',
        f'<line class="grid" x1="{LEFT}" y1="{base}" x2="{WIDTH - RIGHT}" y2="{base}"/>',
        f'<line class="grid" x1="{LEFT}" y1="{base - inner_height}" x2="{WIDTH - RIGHT}"'
        f' y2="{base - inner_height}"/>',
        f'<text x="{LEFT - 8}" y="{base}" text-anchor="end">0</text>',
        f'<text x="{LEFT - 8}" y="{base - inner_height + 4}" text-anchor="end">{most:.3g}</text>',
        f'<text x="{LEFT}" y="{base + 16}">minute 1</text>',
        f'<text x="{WIDTH - RIGHT}" y="{base + 16}" text-anchor="end">{len(values)}</text>',
        f'<polyline class="curve" points="{" ".join(points)}"/>',
    ]


def main() -> None:
    """Draw what was recorded last."""
    found = json.loads((RESULTS / "hour.json").read_text(encoding="utf-8"))["curves"]
    parts: list[str] = []
    for nth, (key, title) in enumerate(CURVES.items()):
        parts += panel(title, found[key], nth * HEIGHT)

    height = HEIGHT * len(CURVES)
    picture = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}">',
        f"<style>{STYLE}</style>",
        *parts,
        "</svg>",
    ]
    PICTURE.write_text("\n".join(picture) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
