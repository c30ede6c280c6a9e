"""A picture of a board without a Grafana: `python -m deploy.render_dashboard URL BOARD OUT.png`.

It asks a running Wattline every query of the board, as Grafana would over the last 24 hours, and
draws the answers where the board puts its panels. Grafana itself draws them in its own way;
figures, places and colours are those of the board.
"""

from __future__ import annotations

import html
import json
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Final, cast

from playwright.sync_api import sync_playwright

from dashboards.grafana.shipped import dashboards
from deploy.render_panels import Frame, Json, Series, body

WIDTH: Final = 1500
COLUMN: Final = WIDTH / 24
CELL: Final = 30
HOURS: Final = 24
HOUR_MS: Final = 3_600_000
WEEK_MS: Final = 7 * 24 * HOUR_MS
CHROMIUM: Final = Path("/usr/bin/chromium")
STYLE: Final = Path(__file__).with_suffix(".css")


class Asker:
    """Sends queries as Grafana does: variables replaced, times in ms, answers as JSON.

    `only_first`: the board is about one line, the first of the plant.
    """

    def __init__(self, base: str, only_first: bool) -> None:
        with urllib.request.urlopen(f"{base}/api/v1/site", timeout=20) as answer:
            site = json.load(answer)

        self.base = base
        self.until = int(time.time() * 1000)
        self.since = self.until - HOURS * HOUR_MS
        lines = [line["id"] for line in site["lines"]]
        self.line = lines[0]
        self.site = str(site["name"]["en"])
        shown = "|".join(lines[:1] if only_first else lines)
        self.values = {
            "$__interval_ms": "300000",
            "$__interval": "5m",
            "$window": f"{round(site['window_s'])}s",
            "$tz": site["timezone"],
            "$bucket": "1h",
            "$shift_offset": "6h",
            "$shift": "8h",
            "/^$site$/": f"/^{site['id']}$/",
            "/^$line$/": f"/^({shown})$/",
        }

    def ask(self, target: Json, shift: str) -> list[Series]:
        """Series of a target, named as its alias says."""
        result = self._answer(target, self._query(target, shift))
        found = []
        for series in cast("list[Series]", result.get("series", [])):
            series["alias"] = named(target.get("alias", ""), series.get("tags", {}))
            found.append(series)

        return found

    def _query(self, target: Json, shift: str) -> str:
        """The query with all variables replaced; `shift` 7d asks for a week before."""
        back = WEEK_MS if shift == "7d" else 0
        since = self.since - back
        until = self.until - back
        query = str(target["query"])
        query = query.replace(
            "$timeFilter",
            f"time >= {since}ms and time <= {until}ms",
        )
        for name, value in self.values.items():
            query = query.replace(name, value)

        return query

    def _answer(self, target: Json, query: str) -> Json:
        is_of_readings = target["datasource"]["uid"] == "${readings}"
        database = "wattline_raw" if is_of_readings else "wattline"
        form = urllib.parse.urlencode({"q": query}).encode()
        url = f"{self.base}/api/influx/query?db={database}&epoch=ms"
        with urllib.request.urlopen(
            url,
            form,
            timeout=60,
        ) as answer:
            (result,) = json.load(answer)["results"]

        if "error" in result:
            raise SystemExit(f"{result['error']}: {query}")

        return cast(Json, result)


def named(alias: str, tags: dict[str, str]) -> str:
    """`$tag_x` replaced, as Grafana does."""
    for tag, value in tags.items():
        alias = alias.replace(f"$tag_{tag}", value)

    return alias


def page(board: Json, asker: Asker) -> tuple[str, int]:
    """The board as a page, and how high it is."""
    found = []
    height = 0
    for panel in board["panels"]:
        at = panel["gridPos"]
        height = max(height, (at["y"] + at["h"]) * CELL)
        found.append(_section(panel, asker))

    style = STYLE.read_text(encoding="utf-8")
    title = html.escape(board["title"])
    site = html.escape(asker.site)
    head = f"<h1>{title}<small>{site} · last {HOURS} hours</small></h1>"
    text = (
        f"<!doctype html><meta charset=utf-8><style>{style}</style>{head}"
        f"<main style='height:{height}px'>{''.join(found)}</main>"
    )
    return text, height + 46


def _section(panel: Json, asker: Asker) -> str:
    """One panel in its place, with what is drawn in it."""
    at = panel["gridPos"]
    wide = at["w"] * COLUMN
    high = at["h"] * CELL
    left = at["x"] * COLUMN
    top = at["y"] * CELL
    place = f"left:{left:.0f}px;top:{top}px;width:{wide:.0f}px;height:{high}px"
    title = html.escape(panel["title"].replace("$line", asker.line))
    if panel["type"] == "row":
        return f'<section class="row" style="{place}">{title}</section>'

    shift = panel.get("timeShift", "")
    answers = [asker.ask(target, shift) for target in panel["targets"]]
    # The frame of the panel and its title take the rest.
    frame = Frame(
        since=asker.since,
        until=asker.until,
        wide=wide - 24,
        high=high - 50,
    )
    inside = body(panel, answers, frame)
    return f'<section style="{place}"><div><h2>{title}</h2>{inside}</div></section>'


def main(
    base: str,
    name: str,
    out: str,
) -> None:
    """Ask, draw, take the picture."""
    asker = Asker(base.rstrip("/"), only_first=name == "line")
    text, height = page(dashboards()[f"{name}.json"], asker)
    with sync_playwright() as play:
        installed = CHROMIUM if CHROMIUM.exists() else None
        browser = play.chromium.launch(executable_path=installed)
        view = browser.new_page(
            viewport={
                "width": WIDTH,
                "height": height,
            }
        )
        view.set_content(text)
        view.screenshot(path=out)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:4])
