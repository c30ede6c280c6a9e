"""The meter profiles that ship with Wattline: one YAML per model in `collector/profiles`."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from plant.errors import ConfigError, Mistake
from plant.load import load_text
from plant.profile import Profile


@cache
def _load() -> tuple[Profile, ...]:
    found: list[Profile] = []
    mistakes: list[Mistake] = []
    folder = files("collector").joinpath("profiles")
    for entry in sorted(folder.iterdir(), key=lambda e: e.name):
        if not entry.name.endswith(".yaml"):
            continue
        try:
            found.append(parse_profile(f"profiles/{entry.name}", entry.read_text(encoding="utf-8")))
        except ConfigError as error:
            mistakes.extend(error.mistakes)
    if mistakes:
        raise ConfigError(mistakes)
    return tuple(found)


def parse_profile(name: str, text: str) -> Profile:
    """One profile from YAML text; ConfigError names the file `name` and every line at fault."""
    profile, document = load_text(name, text, Profile)
    mistakes = []
    seen: dict[str, int] = {}
    for index, row in enumerate(profile.registers):
        at = ("registers", index)
        if row.name in seen:
            mistakes.append(
                document.mistake(
                    at, f"'{row.name}' stands in registers.{seen[row.name]} too; keep one"
                )
            )
        seen.setdefault(row.name, index)
        low = row.address
        high = row.address + row.registers
        if row.scale_register is not None:
            low = min(low, row.scale_register)
            high = max(high, row.scale_register + 1)
        if high - low > profile.defaults.max_registers_per_request:
            mistakes.append(document.mistake(at, "value and scale_register do not fit one request"))
    if mistakes:
        raise ConfigError(mistakes)
    return profile


def load_catalogue() -> dict[str, Profile]:
    """Every packaged profile by id; read once per process."""
    return {profile.id: profile for profile in _load()}
