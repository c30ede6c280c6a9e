"""The meter profiles that ship with Wattline: one YAML per model in `collector/profiles`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from collector.plan import span
from plant.document import Finding
from plant.errors import ConfigError, Mistake
from plant.hints import missing
from plant.load import load_text
from plant.profile import Profile
from plant.quantity import QUANTITIES


def load_catalogue() -> dict[str, Profile]:
    """Every packaged profile by id; read once per process."""
    return {profile.id: profile for profile in _load()}


@cache
def _load() -> tuple[Profile, ...]:
    found: list[Profile] = []
    mistakes: list[Mistake] = []
    for name, text in _packaged():
        try:
            found.append(parse_profile(name, text))
        except ConfigError as error:
            mistakes += error.mistakes

    if mistakes:
        raise ConfigError(mistakes)

    return tuple(found)


def _packaged() -> Iterator[tuple[str, str]]:
    """Name and text of each file of the folder, in the order of their names."""
    folder = files("collector").joinpath("profiles")
    texts = {
        f"profiles/{entry.name}": entry.read_text(encoding="utf-8")
        for entry in folder.iterdir()
        if entry.name.endswith(".yaml")
    }
    yield from sorted(texts.items())


def parse_profile(name: str, text: str) -> Profile:
    """One profile from YAML text; ConfigError names the file `name` and every line at fault."""
    profile, document = load_text(name, text, Profile)
    findings = [
        *_names(profile),
        *_requests(profile),
        *_quantities(profile),
    ]
    if findings:
        raise ConfigError([document.mistake(place, message) for place, message in findings])

    return profile


def _names(profile: Profile) -> Iterator[Finding]:
    """No value stands twice in a map."""
    first: dict[str, int] = {}
    for index, row in enumerate(profile.registers):
        other = first.setdefault(row.name, index)
        if other != index:
            yield (
                ("registers", index),
                f"'{row.name}' stands in registers.{other} too; keep one",
            )


def _requests(profile: Profile) -> Iterator[Finding]:
    """A value and its scale register come with one request, so that they belong together."""
    most = profile.defaults.max_registers_per_request
    for index, row in enumerate(profile.registers):
        needed = span(row)
        if needed.high - needed.low > most:
            yield ("registers", index), "value and scale_register do not fit one request"


def _quantities(profile: Profile) -> Iterator[Finding]:
    """Every row is of a quantity that is known."""
    for index, row in enumerate(profile.registers):
        if row.quantity not in QUANTITIES and row.type != "sunssf":
            at = ("registers", index, "quantity")
            yield at, missing(row.quantity, QUANTITIES, "quantity")
