"""Paths into JSON: `$.a.b[0].c`, compiled once."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

_PART = re.compile(r"\.([A-Za-z_][\w-]*)|\[(\d+)\]|\['([^']+)'\]")


def compile_path(path: str) -> Callable[[Any], Any]:
    """A function from a decoded payload to what stands at `path`; KeyError says what is missing. ValueError for a bad path."""
    rest, keys = path.removeprefix("$"), []
    at = 0
    while at < len(rest):
        match = _PART.match(rest, at)
        if not match:
            raise ValueError(f"{path!r} is not a path such as $.a.b[0].c")
        keys.append(int(match[2]) if match[2] is not None else match[1] or match[3])
        at = match.end()

    def look(value: Any) -> Any:
        for key in keys:
            try:
                value = value[key]
            except (KeyError, IndexError, TypeError):
                raise KeyError(f"{path}: nothing at {key!r}") from None
        return value

    return look
