"""`/api/docs`: the routes with their parameters and examples, as one plain page. No script, and nothing from outside the host."""

from __future__ import annotations

import json
from html import escape
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}"
    "pre{overflow-x:auto;padding:.75rem;border:1px solid #8886;border-radius:.4rem;font-size:.85rem}"
    "h2{margin-top:2.5rem}td,th{text-align:left;padding:.2rem 1rem .2rem 0;vertical-align:top}"
)


def docs_page(app: FastAPI) -> None:
    """Adds the page; it is made from the app's OpenAPI when it is asked for."""

    @app.get("/api/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        found = app.openapi()
        routes = [
            _route(path, kind, what)
            for path, kinds in found["paths"].items()
            for kind, what in kinds.items()
        ]
        head = (
            f"<h1>{escape(found['info']['title'])} {escape(found['info']['version'])}: the API</h1>"
        )
        about = "<p>For programs: <a href='/api/openapi.json'>openapi.json</a>.</p>"
        return HTMLResponse(
            f"<!doctype html><html lang='en'><meta charset='utf-8'><title>Wattline API</title><style>{STYLE}</style>{head}{about}{''.join(routes)}</html>"
        )


def _route(path: str, kind: str, what: dict[str, Any]) -> str:
    rows = "".join(_parameter(p) for p in what.get("parameters", ()))
    table = f"<table><tr><th>parameter<th>means<th>default<th>such as{rows}</table>" if rows else ""
    content = what["responses"].get("200", {}).get("content", {}).get("application/json", {})
    example = (
        json.dumps(content["example"], indent=1, ensure_ascii=False) if "example" in content else ""
    )
    shown = (
        f"<details><summary>an answer, cut short</summary><pre>{escape(example)}</pre></details>"
        if example
        else ""
    )
    said = escape(what.get("description") or what.get("summary", ""))
    return f"<h2><code>{escape(kind.upper())} {escape(path)}</code></h2><p>{said}</p>{table}{shown}"


def _parameter(given: dict[str, Any]) -> str:
    shape = given.get("schema", {})
    such = [*shape.get("examples", ()), *given.get("examples", ())]
    cells = (
        given["name"],
        given.get("description", ""),
        str(shape.get("default", "")),
        ", ".join(map(str, such)),
    )
    return "<tr>" + "".join(f"<td>{escape(c)}" for c in cells)
