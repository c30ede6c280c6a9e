"""The guide to notifications: its sample is a good plant file, and it names what there is."""

from __future__ import annotations

import re
from pathlib import Path

from plant.load import load_plant_text
from plant.notify import Notify
from rules.notify.bots import ADDRESS

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs" / "notifications.md").read_text(encoding="utf-8")


def test_the_sample_passes_check() -> None:
    samples = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
    starter = (ROOT / "wattline" / "starter.yaml").read_text(encoding="utf-8")
    assert samples
    for sample in samples:
        parsed = load_plant_text("guide", f"{starter}\n{sample}")
        assert parsed.notify is not None and parsed.notify.tell.critical == [
            "on_call",
            "scada",
            "am",
        ]


def test_every_setting_of_notify_is_named() -> None:
    for name in (
        *Notify.model_fields,
        "webhook",
        "alertmanager",
        "mqtt",
        "url",
        "instead",
        "at_most",
    ):
        assert name in GUIDE, name
    assert set(ADDRESS) == {scheme for scheme in ADDRESS if f"{scheme}://" in GUIDE}
