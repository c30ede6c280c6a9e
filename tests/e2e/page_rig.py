"""The built page in front of recorded answers, so that any
state can be shown and any rate of updates be fed.

`python -m tests.e2e.page_rig http://127.0.0.1:8080` records what
the page asks of a running demo into page_answers.json.
"""

from __future__ import annotations

import asyncio
import copy
import json
import random
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, Response, StreamingResponse

from api.access import CSP
from api.hub import Hub
from wattline.places import page_folder

ANSWERS = Path(__file__).with_name("page_answers.json")
PAGES = (
    "/",
    "/lines/cells_steam",
    "/lines/electronics",
    "/health",
    "/compare",
    "/alerts",
    "/factors",
)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


def recorded() -> dict[str, Any]:
    """Answers by path and query, as one running demo gave them; no alert is open."""
    found: dict[str, Any] = json.loads(ANSWERS.read_text(encoding="utf-8"))
    calm = {
        "at_ms": found["/api/v1/live"]["now"]["at_ms"],
        "open": [],
        "chattering": [],
        "past": [],
    }
    return {"/api/v1/alerts": calm, **found}


class PageRig:
    """Serves the built page and `answers`; `publish` is the live stream. `base` is its address,
    `sent` what the page asked to be done.

    An answer to another method than GET stands under "POST
    /path"; one with `error` is answered with 400.
    """

    def __init__(self, answers: dict[str, Any] | None = None, folder: Path | None = None) -> None:
        self.folder = folder or page_folder()
        self.answers = copy.deepcopy(recorded() if answers is None else answers)
        self.live = self.answers["/api/v1/live"]
        self.hub, self.streaming, self.base = Hub(), True, ""
        self.sent: list[tuple[str, str, Any]] = []
        self.loop = asyncio.new_event_loop()
        self.first, self.chance = copy.deepcopy(self.live["now"]), random.Random(1)

    def publish(self, kind: str, message: Any) -> None:
        """Push one message to the viewers."""
        self.live[kind] = message
        asyncio.run_coroutine_threadsafe(self.hub.publish(kind, message), self.loop).result(10)

    def tick(self, step_ms: int = 1000) -> None:
        """The next second: every power and figure a little different; the books each minute."""
        now = _shaken(self.first, self.chance)
        now["at_ms"] = self.live["now"]["at_ms"] + step_ms
        self.publish("now", now)
        if now["at_ms"] // 60_000 * 60_000 > self.live["books"]["to_ms"]:
            books = copy.deepcopy(self.live["books"])
            books["to_ms"] = now["at_ms"] // 60_000 * 60_000
            self.publish("books", books)

    def app(self) -> FastAPI:
        app = FastAPI(openapi_url=None)
        app.add_api_route(
            "/{path:path}", self._serve, methods=["GET", "POST", "DELETE"], response_model=None
        )
        return app

    async def _serve(self, request: Request, path: str) -> Response:
        if request.method != "GET":
            body = await request.body()
            self.sent.append(
                (request.method, request.url.path, json.loads(body) if body else request.url.query)
            )
        answer = self._stream() if path == "api/v1/live/stream" else self._answer(request, path)
        answer.headers["Content-Security-Policy"] = CSP
        return answer

    def _stream(self) -> Response:
        if not self.streaming:
            return Response(status_code=503)
        return StreamingResponse(self.hub.stream(), media_type="text/event-stream")

    def _answer(self, request: Request, path: str) -> Response:
        if path.startswith("api/"):
            key = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            key = key if request.method == "GET" else f"{request.method} {key}"
            if (
                request.url.path == "/api/v1/series"
                and key not in self.answers
                and (made := self._series(request))
            ):
                return JSONResponse(made)
            if request.url.path == "/api/v1/explain":
                key = self._explained(request)
            missing = {
                "error": {"code": "not_found", "message": f"not recorded: {key}", "hint": ""}
            }
            found = self.answers.get(key, missing)
            status = (
                404
                if key not in self.answers
                else 400
                if isinstance(found, dict) and "error" in found
                else 200
            )
            return JSONResponse(found, status)
        file = self.folder / path
        return FileResponse(file if path and file.is_file() else self.folder / "index.html")

    def _explained(self, request: Request) -> str:
        """The recorded explanation of this figure, whatever span is asked for."""
        asked = request.query_params
        figure_of = {f"figure={asked['figure']}", f"of={asked['of']}"}
        for key in self.answers:
            path, _, query = key.partition("?")
            if path == request.url.path and figure_of <= set(query.split("&")):
                return key
        return str(request.url)

    def _series(self, request: Request) -> dict[str, Any] | None:
        """A day put together from what was recorded; a span in the
        time of the stream repeats the last values.
        """
        asked = request.query_params
        columns: dict[str, list[Any]] = {}
        for wanted in asked["figures"].split(","):
            start = wanted.rstrip("*")
            for key, answer in self.answers.items():
                if key.startswith("/api/v1/series") and answer["of"] in (
                    asked["of"],
                    "cells_steam",
                ):
                    own = answer["of"] == asked["of"] or start == "seconds."
                    columns |= {
                        k: v
                        for k, v in answer["columns"].items()
                        if own and (k.startswith(start) or k == "start_ms")
                    }
                    form = answer
        if not columns:
            return None
        if not asked["from"].startswith("-"):
            a, b = (
                round(datetime.fromisoformat(asked[k]).timestamp() * 1000) for k in ("from", "to")
            )
            starts = list(range(a, b, 900_000))
            columns = {
                k: starts if k == "start_ms" else [v[-2]] * len(starts) for k, v in columns.items()
            }
        return {**form, "of": asked["of"], "columns": columns}

    def stop_stream(self) -> None:
        """Viewers stay connected and hear nothing more; a new connection is refused."""
        self.streaming = False

    @contextmanager
    def running(self) -> Iterator[PageRig]:
        config = uvicorn.Config(
            self.app(), "127.0.0.1", 0, log_level="error", lifespan="off", loop="none"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(
            target=self.loop.run_until_complete, args=(server.serve(),), daemon=True
        )
        thread.start()
        while not server.started:
            threading.Event().wait(0.02)
        self.base = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.should_exit = server.force_exit = True
            thread.join(10)


def _shaken(x: Any, chance: random.Random, key: str = "") -> Any:
    """The same shape with every float a little different; times and counts stay."""
    if isinstance(x, dict):
        return {k: _shaken(v, chance, k) for k, v in x.items()}
    if isinstance(x, list):
        return [_shaken(v, chance) for v in x]
    return x * chance.uniform(0.98, 1.02) if isinstance(x, float) and not key.endswith("_ms") else x


def short(x: Any) -> Any:
    """Floats to five digits, so that the recording stays small."""
    if isinstance(x, dict):
        return {k: short(v) for k, v in x.items()}
    if isinstance(x, list):
        return [short(v) for v in x]
    return float(f"{x:.5g}") if isinstance(x, float) else x


def record(base: str) -> None:
    """Visit every page and open every explanation of a running demo; keep what the API said."""
    from playwright.sync_api import sync_playwright

    asked: set[str] = {"/api/v1/live"}
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        page = browser.new_page(viewport={"width": 1366, "height": 900})
        page.on(
            "request",
            lambda r: asked.add(r.url.removeprefix(base)) if "/api/v1/" in r.url else None,
        )
        for path in PAGES:
            page.goto(base + path)
            page.wait_for_timeout(4000)
            for button in page.query_selector_all("button.tile, button.cell"):
                button.click()
                page.wait_for_selector(".panel .answer")
                page.keyboard.press("Escape")
        browser.close()
    found = {path: fetched(base + path) for path in sorted(asked) if not path.endswith("/stream")}
    ANSWERS.write_text(
        json.dumps(short(found), separators=(",", ":"), ensure_ascii=False) + "\n", encoding="utf-8"
    )


def fetched(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return json.load(answer)


if __name__ == "__main__":
    record(sys.argv[1])
