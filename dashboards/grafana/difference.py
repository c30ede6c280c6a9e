"""What differs between what we would write and what Grafana has. Keys that Grafana adds of its own are no difference."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

OWN: Final = frozenset({"id", "version", "iteration"})
"""Keys at the top of a dashboard that belong to the Grafana it is in."""


def differences(ours: Any, theirs: Any, path: str = "") -> Iterator[str]:
    """Paths at which `theirs` is not as `ours` says; a null is the same as nothing."""
    if isinstance(ours, dict):
        there = theirs if isinstance(theirs, dict) else {}
        for key, value in ours.items():
            yield from differences(value, there.get(key), f"{path}.{key}" if path else key)
    elif isinstance(ours, list):
        there_ = theirs if isinstance(theirs, list) else []
        if len(ours) != len(there_):
            yield f"{path} ({len(there_)} instead of {len(ours)})"
        else:
            for i, (a, b) in enumerate(zip(ours, there_, strict=True)):
                yield from differences(a, b, f"{path}[{i}]")
    elif ours != theirs:
        yield path


def of_dashboards(ours: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    """Differences of two dashboards. A Grafana newer than our schema may have moved the schema up; what it means is then still ours."""
    newer = theirs.get("schemaVersion", 0) > ours.get("schemaVersion", 0)
    left_out = OWN | ({"schemaVersion"} if newer else set())
    return list(differences({k: v for k, v in ours.items() if k not in left_out}, theirs))


def of_datasources(ours: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    """Differences of two data sources. Secrets cannot be read back: one that is set counts as the same."""
    known = theirs.get("secureJsonFields") or {}
    found = list(differences({k: v for k, v in ours.items() if k != "secureJsonData"}, theirs))
    return found + [
        f"secureJsonData.{name}" for name in ours.get("secureJsonData", {}) if not known.get(name)
    ]
