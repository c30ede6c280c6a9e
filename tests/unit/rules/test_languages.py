"""A language of alerts is one entry of words: each language of
the plant file has one, and a further one is used.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import cast

import pytest

from plant.config import LANGUAGES
from rules.desk import cause
from rules.words import WORDS, Words, words
from tests.unit.rules import test_desk


def test_each_language_has_words() -> None:
    assert set(WORDS) == set(LANGUAGES)
    assert words("xx") is WORDS["en"]


def test_a_further_language_is_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    pseudo = Words(decimal="'", meters_silent="[{n}/{all} @ {connection}]")
    monkeypatch.setitem(cast(MutableMapping[str, Words], WORDS), "xx", pseudo)
    rig = test_desk.DeskRig(test_desk.gateways(1, 4))
    rig.fire("silent", rig.hangs.behind["gw0"], per="meter")
    (alert,) = cause.find(rig.desk, test_desk.RULES, rig.hangs, rig.now)
    assert alert.say["xx"] == "[4/4 @ gw0]"
    assert words("xx").decimal == "'"
