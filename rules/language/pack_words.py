"""What the rules that ship say: `rules/packs/words/LANGUAGE.yaml`, one file a language. A new
language of the packs is one file more.

The rules themselves, and their tests, stand in `rules/packs`. A rule file of a plant has its words
beside its rules, in one language or in several.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import PurePath
from typing import TypeAlias

from plant.errors import ConfigError, Mistake
from plant.load import load_text
from plant.strict import Id, Strict
from rules.language.config import RuleFile

FOLDER = "rules/packs/words/"


class RuleWords(Strict):
    """What one rule says in one language."""

    title: str
    why: str
    say: str
    do: str


class WordsFile(Strict):
    """The words of one language, by rule."""

    rules: dict[Id, RuleWords]


PackWords: TypeAlias = Mapping[str, WordsFile]
"""By language."""


def shipped() -> dict[str, str]:
    """Texts of the words files, by language."""
    folder = files("rules") / "packs" / "words"
    found = {}
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        if path.name.endswith(".yaml"):
            language = PurePath(path.name).stem
            found[language] = path.read_text(encoding="utf-8")

    return found


def pack_words() -> PackWords:
    """The words of the packs, in all languages that there are."""
    found = {}
    for language, text in shipped().items():
        words, _ = load_text(f"{FOLDER}{language}.yaml", text, WordsFile)
        found[language] = words

    return found


def with_words(file: RuleFile, words: PackWords) -> RuleFile:
    """A pack with what its rules say in each language; ConfigError where one lacks a rule."""
    missing = []
    rules = []
    for rule in file.rules:
        spoken: dict[str, dict[str, str]] = {}
        for language, of_language in words.items():
            own = of_language.rules.get(rule.id)
            if own is None:
                path = f"rules.{rule.id}"
                message = f"there are no words for the shipped rule '{rule.id}'"
                missing.append(
                    Mistake(
                        f"{FOLDER}{language}.yaml",
                        1,
                        path,
                        message,
                    )
                )
                continue

            for key, text in own.model_dump().items():
                spoken.setdefault(key, {})[language] = text

        rules.append(rule.model_copy(update=spoken))

    if missing:
        raise ConfigError(missing)

    return file.model_copy(update={"rules": rules})
