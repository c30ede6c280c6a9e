"""Reading rule files: form, conditions, units, names of the
plant; every mistake in one go as file:line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from plant.config import PlantFile
from plant.document import Document
from plant.errors import ConfigError, Mistake
from plant.hints import suggestion
from plant.load import load_text, read_text
from plant.names import PSEUDO_SOURCES
from plant.site import Site
from rules.language.config import Rule, RuleFile
from rules.language.cross_check import Known, cross_check_rules
from rules.language.pack_words import pack_words, with_words
from rules.variables.subjects import subjects
from rules.variables.variable import KINDS

PACKS = "rules/packs/"


def known_of(plant: PlantFile) -> Known:
    """What rules of a plant file may name."""
    ids = {
        "line": tuple(plant.lines),
        "group": tuple(plant.groups),
        "bus": tuple(plant.buses),
        "meter": tuple(plant.meters),
        "site": ("site",),
    }
    told = plant.notify.names if plant.notify else []
    sources = (*plant.sources, *plant.storages, *PSEUDO_SOURCES)
    return Known(
        subjects=ids,
        shifts=tuple(plant.site.shifts),
        tell=tuple(told),
        window_s=plant.site.window,
        sources=sources,
    )


def known_of_site(site: Site) -> Known:
    """What a rule that is only tried may name; who is told does not matter to a back-test."""
    sources = (
        *(source.id for source in site.sources),
        *(source.id for source in site.storages),
        *PSEUDO_SOURCES,
    )
    return Known(
        subjects={per: subjects(site, per) for per in KINDS},
        shifts=tuple(site.shifts),
        tell=None,
        window_s=site.window_s,
        sources=sources,
    )


def rules_for(path: Path, plant: PlantFile) -> list[Rule]:
    """The rules of a plant file: packs less what is off, and its own files beside it.

    ConfigError carries every mistake of all of them.
    """
    own = [path.parent / name for name in plant.rules.files]
    loaded = load_all(own, known_of(plant), plant.rules.packs)
    shipped: set[str] = set()
    for item in loaded:
        if item.is_shipped:
            shipped.update(rule.id for rule in item.file.rules)

    mistakes = []
    for name in plant.rules.off:
        if name not in shipped:
            hint = suggestion(name, sorted(shipped))
            message = f"there is no shipped rule '{name}'{hint}"
            mistakes.append(
                Mistake(
                    str(path),
                    1,
                    "rules.off",
                    message,
                )
            )

    if mistakes:
        raise ConfigError(mistakes)

    return [rule for rule in rules_of(loaded) if rule.id not in plant.rules.off]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A rule file and where it came from."""

    path: str
    file: RuleFile

    @property
    def is_shipped(self) -> bool:
        """Whether it is one of the packs."""
        return self.path.startswith(PACKS)


def load_packs(known: Known | None = None) -> list[Loaded]:
    """The rule files that ship, with what they say in all languages."""
    folder = files("rules") / "packs"
    words = pack_words()
    loaded = []
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        if not path.name.endswith(".yaml"):
            continue

        text = path.read_text(encoding="utf-8")
        file, document = load_text(f"{PACKS}{path.name}", text, RuleFile)
        loaded.append(_checked(with_words(file, words), document, known))

    return loaded


def load_rules(path: Path, known: Known | None = None) -> Loaded:
    """Read and check one rule file."""
    return load_rules_text(str(path), read_text(path), known)


def load_rules_text(
    name: str,
    text: str,
    known: Known | None = None,
) -> Loaded:
    """Like `load_rules`, from text; ConfigError carries every mistake."""
    file, document = load_text(name, text, RuleFile)
    return _checked(file, document, known)


def _checked(
    file: RuleFile,
    document: Document,
    known: Known | None,
) -> Loaded:
    """A rule file whose rules mean something; ConfigError carries every mistake."""
    found = [document.mistake(path, message) for path, message in cross_check_rules(file, known)]
    if found:
        raise ConfigError(found)

    return Loaded(document.name, file)


def load_all(
    paths: Sequence[Path],
    known: Known | None,
    with_packs: bool = True,
) -> list[Loaded]:
    """The shipped packs and the plant's own files.

    A rule of the plant with the id of a shipped one
    replaces it; mistakes of all files in one error.
    """
    own = []
    mistakes = []
    for path in paths:
        try:
            own.append(load_rules(path, known))
        except ConfigError as error:
            mistakes += error.mistakes

    mistakes += _twice(own)
    if mistakes:
        raise ConfigError(mistakes)

    packs = load_packs(known) if with_packs else []
    return [*packs, *own]


def rules_of(loaded: Sequence[Loaded]) -> list[Rule]:
    """The rules in force: later files replace earlier ones by id."""
    by_id: dict[str, Rule] = {}
    for item in loaded:
        for rule in item.file.rules:
            by_id[rule.id] = rule

    return list(by_id.values())


def _twice(loaded: Sequence[Loaded]) -> list[Mistake]:
    seen: dict[str, str] = {}
    found = []
    for item in loaded:
        for index, rule in enumerate(item.file.rules):
            if rule.id in seen:
                message = f"'{rule.id}' is the id of a rule in {seen[rule.id]} too; give it another"
                found.append(
                    Mistake(
                        item.path,
                        1,
                        f"rules.{index}.id",
                        message,
                    )
                )

            seen[rule.id] = item.path

    return found
