"""`/api/docs`: the routes with their parameters and examples, as one plain page.

No script, and nothing from outside the host.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Any

from api.routing import JSON

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "color-scheme:light dark}"
    "pre{overflow-x:auto;padding:.75rem;border:1px solid #8886;border-radius:.4rem;"
    "font-size:.85rem}"
    "h2{margin-top:2.5rem}td,th{text-align:left;padding:.2rem 1rem .2rem 0;vertical-align:top}"
)
HEAD = (
    "<!doctype html><html lang='en'><meta charset='utf-8'>"
    f"<title>Wattline API</title><style>{STYLE}</style>"
)
ABOUT = "<p>For programs: <a href='/api/openapi.json'>openapi.json</a>.</p>"

Document = Mapping[str, Any]
"""A part of an OpenAPI document, which has no fixed shape."""


def docs_page(found: Document) -> str:
    """The page, from the OpenAPI document of the app."""
    name = escape(found["info"]["title"])
    version = escape(found["info"]["version"])
    page = f"{HEAD}<h1>{name} {version}: the API</h1>{ABOUT}"

    for path, methods in found["paths"].items():
        for method, operation in methods.items():
            page += _route(path, method, operation)

    return page + "</html>"


def _route(
    path: str,
    method: str,
    operation: Document,
) -> str:
    """One route: what it says of itself, its parameters, and an answer."""
    title = f"{escape(method.upper())} {escape(path)}"
    said = escape(operation.get("description") or operation.get("summary", ""))
    page = f"<h2><code>{title}</code></h2><p>{said}</p>"
    rows = "".join(_parameter(given) for given in operation.get("parameters", ()))

    if rows:
        page += f"<table><tr><th>parameter<th>means<th>default<th>such as{rows}</table>"

    content = (
        operation["responses"]
        .get("200", {})
        .get("content", {})
        .get(
            JSON,
            {},
        )
    )

    if "example" in content:
        example = json.dumps(
            content["example"],
            indent=1,
            ensure_ascii=False,
        )
        page += (
            "<details><summary>an answer, cut short</summary>"
            f"<pre>{escape(example)}</pre></details>"
        )

    return page


def _parameter(given: Document) -> str:
    """A row of the table of parameters."""
    schema = given.get("schema", {})
    examples = [*schema.get("examples", ()), *given.get("examples", ())]
    cells = (
        given["name"],
        given.get("description", ""),
        str(schema.get("default", "")),
        ", ".join(str(example) for example in examples),
    )
    return "<tr>" + "".join(f"<td>{escape(cell)}" for cell in cells)
