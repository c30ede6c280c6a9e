"""The catalogue of meter profiles: one YAML per model, in the package."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from plant.load import load_text
from plant.profile import Profile


@cache
def load_catalogue() -> dict[str, Profile]:
    """All profiles by id; ConfigError names file and line of what is wrong in one."""
    folder = files("collector.profiles")
    found: dict[str, Profile] = {}
    for entry in sorted(folder.iterdir(), key=lambda e: e.name):
        if entry.name.endswith(".yaml"):
            profile, _ = load_text(entry.name, entry.read_text(encoding="utf-8"), Profile)
            found[profile.id] = profile
    return found
