"""A language of alerts is one entry of words: each language of
the plant file has one, and a further one is used.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import cast
from zoneinfo import ZoneInfo

import msgspec
import pytest

from plant.languages import LANGUAGES
from rules.alert import Occasion, Telling
from rules.desk import cause
from rules.notify.wording import wording
from rules.words import WORDS, Words, words
from tests.unit.rules import test_desk


def test_each_language_has_words() -> None:
    assert set(WORDS) == set(LANGUAGES)
    assert words("xx") is WORDS["en"]


def test_a_further_language_is_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    pseudo = msgspec.structs.replace(
        WORDS["en"],
        code="xx",
        decimal="'",
        meters_silent="[{n}/{all} @ {connection}]",
        chart="[chart]",
    )
    monkeypatch.setitem(cast(MutableMapping[str, Words], WORDS), "xx", pseudo)
    rig = test_desk.DeskRig(test_desk.gateways(1, 4))
    rig.fire("silent", rig.hangs.behind["gw0"], per="meter")
    (alert,) = cause.find(rig.desk, test_desk.RULES, rig.hangs, rig.now)
    assert alert.say["xx"] == "[4/4 @ gw0]"
    assert words("xx").decimal == "'"
    told = Telling(
        key="k",
        occasion=Occasion.FIRED,
        severity=alert.severity,
        alerts=(alert,),
        at_ns=rig.now,
    )
    message = wording([told], "xx", ZoneInfo("UTC"), "http://page", "Works")
    assert "[4/4 @ gw0]" in message.title
    assert "[chart]: http://page/alerts/" in message.plain
