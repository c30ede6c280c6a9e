"""What differs between what we would write and what Grafana has.

Keys that Grafana adds of its own are no difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, TypeAlias

Json: TypeAlias = dict[str, Any]

OWN: Final = frozenset({"id", "version", "iteration"})
"""Keys at the top of a dashboard that belong to the Grafana it is in."""


def differences(
    ours: object,
    theirs: object,
    path: str = "",
) -> Iterator[str]:
    """Paths at which `theirs` is not as `ours` says; a null is the same as nothing."""
    if isinstance(ours, dict):
        there = theirs if isinstance(theirs, dict) else {}
        for key, value in ours.items():
            yield from differences(
                value,
                there.get(key),
                f"{path}.{key}" if path else key,
            )
    elif isinstance(ours, list):
        listed = theirs if isinstance(theirs, list) else []
        if len(ours) != len(listed):
            yield f"{path} ({len(listed)} instead of {len(ours)})"
            return

        for index, (mine, other) in enumerate(
            zip(
                ours,
                listed,
                strict=True,
            )
        ):
            yield from differences(mine, other, f"{path}[{index}]")
    elif ours != theirs:
        yield path


def of_dashboards(ours: Json, theirs: Json) -> list[str]:
    """Differences of two dashboards.

    A Grafana newer than our schema may have moved the schema up; what it means is then still ours.
    """
    newer = theirs.get("schemaVersion", 0) > ours.get("schemaVersion", 0)
    left_out = {*OWN, "schemaVersion"} if newer else OWN
    compared = {key: value for key, value in ours.items() if key not in left_out}
    return list(differences(compared, theirs))


def of_datasources(ours: Json, theirs: Json) -> list[str]:
    """Differences of two data sources.

    Secrets cannot be read back: one that is set counts as the same.
    """
    known = theirs.get("secureJsonFields") or {}
    readable = {key: value for key, value in ours.items() if key != "secureJsonData"}
    found = list(differences(readable, theirs))
    for name in ours.get("secureJsonData", {}):
        if not known.get(name):
            found.append(f"secureJsonData.{name}")

    return found
