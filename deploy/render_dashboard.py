"""A picture of a board without a Grafana: `python -m deploy.render_dashboard URL BOARD OUT.png` asks a running Wattline every query of the board, as Grafana
would over the last 24 hours, and draws the answers where the board puts its panels. Grafana itself draws them in its own way; figures, places and colours are
those of the board.
"""

from __future__ import annotations

import html
import json
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from dashboards.grafana.shipped import dashboards
from deploy.render_panels import body

WIDTH = 1500
CELL = 30
HOURS = 24
STYLE = """
body { margin: 0; background: #f4f5f5; font: 12px/1.35 "Liberation Sans", "Noto Sans", Arial, sans-serif; color: #24292e; }
h1 { font-size: 17px; font-weight: 600; margin: 0; padding: 10px 14px; } h1 small { font-weight: 400; color: #6e7378; font-size: 12px; margin-left: 12px; }
main { position: relative; } section { position: absolute; box-sizing: border-box; padding: 3px; }
section > div { box-sizing: border-box; width: 100%; height: 100%; background: #fff; border: 1px solid #e1e4e8; border-radius: 3px; padding: 5px 8px; overflow: hidden; display: flex; flex-direction: column; }
h2 { font-size: 12px; font-weight: 600; margin: 0 0 2px; } .row { font-size: 14px; font-weight: 600; padding: 5px 8px; }
.stats { flex: 1; display: flex; align-items: center; justify-content: space-around; } .stat { text-align: center; } .stat b { font-size: 25px; font-weight: 600; }
.stat i { font-style: normal; font-size: 12px; } table { border-collapse: collapse; width: 100%; } td, th { text-align: right; padding: 2.5px 8px; border-bottom: 1px solid #eceef0; font-variant-numeric: tabular-nums; font-weight: 400; }
th { font-weight: 600; } td:first-child, th:first-child { text-align: left; } .bar { display: inline-block; height: 9px; vertical-align: middle; margin-left: 6px; }
.key { color: #57606a; font-size: 11px; } .key span { margin-right: 10px; white-space: nowrap; } .key u { text-decoration: none; display: inline-block; width: 10px; height: 4px; margin-right: 4px; vertical-align: middle; }
svg { flex: 1; min-height: 0; width: 100%; } svg text { font-size: 10px; fill: #6e7378; }
"""


class Asker:
    """Sends queries as Grafana does: variables replaced, times in ms, answers as JSON."""

    def __init__(self, base: str, one: bool) -> None:
        with urllib.request.urlopen(f"{base}/api/v1/site", timeout=20) as answer:
            site = json.load(answer)
        self.base = base
        self.until = int(time.time() * 1000)
        self.since = self.until - HOURS * 3_600_000
        lines = [x["id"] for x in site["lines"]]
        self.line = lines[0]
        self.site = str(site["name"]["en"])
        window = round(site["window_s"])
        self.values = {
            "$__interval_ms": "300000",
            "$__interval": "5m",
            "$window": f"{window}s",
            "$tz": site["timezone"],
            "$bucket": "1h",
            "$shift_offset": "6h",
            "$shift": "8h",
            "/^$site$/": f"/^{site['id']}$/",
            "/^$line$/": f"/^({'|'.join(lines[:1] if one else lines)})$/",
        }

    def ask(self, target: dict[str, Any], shift: str) -> list[dict[str, Any]]:
        """Series of a target, named as its alias says."""
        back = 7 * 86_400_000 if shift == "7d" else 0
        query = target["query"].replace(
            "$timeFilter", f"time >= {self.since - back}ms and time <= {self.until - back}ms"
        )
        for name, value in self.values.items():
            query = query.replace(name, value)
        database = "wattline_raw" if target["datasource"]["uid"] == "${readings}" else "wattline"
        form = urllib.parse.urlencode({"q": query}).encode()
        with urllib.request.urlopen(
            f"{self.base}/api/influx/query?db={database}&epoch=ms", form, timeout=60
        ) as answer:
            (result,) = json.load(answer)["results"]
        if "error" in result:
            raise SystemExit(f"{result['error']}: {query}")
        return [
            s | {"alias": named(target.get("alias", ""), s.get("tags", {}))}
            for s in result.get("series", [])
        ]


def named(alias: str, tags: dict[str, str]) -> str:
    """`$tag_x` replaced, as Grafana does."""
    for tag, value in tags.items():
        alias = alias.replace(f"$tag_{tag}", value)
    return alias


def page(board: dict[str, Any], asker: Asker) -> tuple[str, int]:
    """The board as a page, and how high it is."""
    found = []
    height = 0
    for panel in board["panels"]:
        at = panel["gridPos"]
        unit = WIDTH / 24
        place = f"left:{at['x'] * unit:.0f}px;top:{at['y'] * CELL}px;width:{at['w'] * unit:.0f}px;height:{at['h'] * CELL}px"
        height = max(height, (at["y"] + at["h"]) * CELL)
        title = html.escape(panel["title"].replace("$line", asker.line))
        if panel["type"] == "row":
            found.append(f'<section class="row" style="{place}">{title}</section>')
            continue
        answers = [asker.ask(target, panel.get("timeShift", "")) for target in panel["targets"]]
        found.append(
            f'<section style="{place}"><div><h2>{title}</h2>{body(panel, answers, (asker.since, asker.until), (at["w"] * unit - 24, at["h"] * CELL - 50))}</div></section>'
        )
    head = f"<h1>{html.escape(board['title'])}<small>{html.escape(asker.site)} · last {HOURS} hours</small></h1>"
    text = f"<!doctype html><meta charset=utf-8><style>{STYLE}</style>{head}<main style='height:{height}px'>{''.join(found)}</main>"
    return text, height + 46


def main(base: str, name: str, out: str) -> None:
    """Ask, draw, take the picture."""
    text, height = page(dashboards()[f"{name}.json"], Asker(base.rstrip("/"), name == "line"))
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path="/usr/bin/chromium" if Path("/usr/bin/chromium").exists() else None
        )
        view = browser.new_page(viewport={"width": WIDTH, "height": height})
        view.set_content(text)
        view.screenshot(path=out)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:4])
