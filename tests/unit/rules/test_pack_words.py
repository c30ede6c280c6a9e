"""What the rules that ship say: one words file a language, each with every
rule, and a further language is one file more.
"""

from __future__ import annotations

import json

import pytest

from plant import languages
from plant.errors import ConfigError
from plant.load import load_text
from rules.alert import AlertState
from rules.language import pack_words
from rules.language.load import load_packs
from rules.language.pack_words import WordsFile
from rules.watching.ruleset import Calendar, Subjects, build
from rules.watching.words import Occurrence, alert_of

ENGLISH = pack_words.shipped()["en"]


def with_language(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """A words file more, of the language xx."""
    texts = {**pack_words.shipped(), "xx": text}
    monkeypatch.setattr(pack_words, "shipped", lambda: texts)
    monkeypatch.setattr(languages, "LANGUAGES", (*languages.LANGUAGES, "xx"))


def pseudo() -> str:
    """English words in brackets: what is not in brackets was not translated."""
    words, _ = load_text("en.yaml", ENGLISH, WordsFile)
    rules = {}
    for rule, own in words.rules.items():
        rules[rule] = {key: f"[[{text}]]" for key, text in own.model_dump().items()}

    return json.dumps({"rules": rules})


def test_each_language_of_the_plant_file_has_a_words_file() -> None:
    assert set(pack_words.shipped()) == set(languages.LANGUAGES)


def test_words_are_of_rules_that_there_are() -> None:
    rules = {rule.id for pack in load_packs() for rule in pack.file.rules}
    for words in pack_words.pack_words().values():
        assert set(words.rules) == rules


def test_a_further_language_is_one_file(monkeypatch: pytest.MonkeyPatch) -> None:
    with_language(monkeypatch, pseudo())
    rules = {rule.id: rule for pack in load_packs() for rule in pack.file.rules}
    subjects = {"meter": Subjects(("press_1_el",))}
    ready = build([rules["meter_silent"]], subjects, Calendar("UTC", {}), 10.0)
    occurrence = Occurrence(state=AlertState.FIRING, since_ns=0, fired_ns=1, late=False, value=42.5)
    name = dict.fromkeys(languages.LANGUAGES, "Press 1")
    alert = alert_of(ready.watches[0], "press_1_el", name, occurrence, timezone="UTC")
    assert alert.say["xx"] == "[[Press 1 has been silent for 42.5 s]]"
    assert alert.title["xx"] == "[[Meter silent]]"
    assert alert.do["xx"].startswith("[[Power and network")
    assert alert.say["de"] == "Press 1 schweigt seit 42,5 s"


def test_a_language_that_lacks_a_rule_is_told_with_its_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with_language(monkeypatch, pseudo().replace("idle_load", "idle_lood"))
    with pytest.raises(ConfigError) as told:
        load_packs()

    assert [(found.file, found.message) for found in told.value.mistakes] == [
        ("rules/packs/words/xx.yaml", "there are no words for the shipped rule 'idle_load'")
    ]


def test_what_is_filled_in_is_checked_in_every_language(monkeypatch: pytest.MonkeyPatch) -> None:
    with_language(monkeypatch, pseudo().replace("{line} draws", "{machine} draws"))
    with pytest.raises(ConfigError, match=r"there is nothing to fill in for \{machine\}"):
        load_packs()
