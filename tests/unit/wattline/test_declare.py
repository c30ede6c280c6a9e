"""`wattline declare swap`: the entry stands in the plant file, and nothing else has changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from collector.catalogue import load_catalogue
from plant.errors import ConfigError, WattlineError
from plant.load import load_plant
from store.journal import SqliteJournal
from wattline.cli import app
from wattline.demo.demo import plant_path
from wattline.site_build import build_site

AT = "2026-11-21T10:30:00+08:00"
AT_NS = 1_795_228_200_000_000_000


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    return Path(shutil.copy(plant_path("jiaxing"), tmp_path / "plant.yaml"))


def declare(*words: str) -> str:
    done = CliRunner().invoke(app, ["declare", "swap", *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_the_counter_goes_on_from_the_new_device(plant: Path, tmp_path: Path) -> None:
    before = plant.read_text(encoding="utf-8")
    said = declare("modules_el", str(plant), "--at", AT, "--starts-at", "12")
    assert "meters.modules_el.swaps" in said
    assert "next start" in said
    after = plant.read_text(encoding="utf-8")
    changed = [
        (old, new)
        for old, new in zip(before.splitlines(), after.splitlines(), strict=True)
        if old != new
    ]
    assert len(changed) == 1, "one line of the file has changed"
    catalogue = load_catalogue()
    journal = SqliteJournal(tmp_path / "journal.db")
    site = build_site(load_plant(plant, catalogue), catalogue, journal)
    journal.close()
    index = [meter.id for meter in site.meters].index("modules_el")
    swapped = [channel for channel in site.channels if channel.swaps]
    assert {channel.meter for channel in swapped} == {index}
    (swap,) = next(channel for channel in swapped if not channel.reverse).swaps
    assert (swap.at, swap.starts_at) == (AT_NS, 12.0)


def test_without_a_time_it_was_now(plant: Path) -> None:
    declare("modules_el", str(plant))
    (swap,) = load_plant(plant, load_catalogue()).meters["modules_el"].swaps
    assert swap.at.tzinfo is not None


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("module_el",), r"there is no meter 'module_el' \(did you mean 'modules_el'\?\)"),
        (("modules_el", "--at", "yesterday"), "is no time"),
        (("modules_el", "--at", "2026-11-21T10:30:00"), "lacks its offset from UTC"),
    ],
)
def test_a_mistake_is_said_and_nothing_written(
    plant: Path, words: tuple[str, ...], why: str
) -> None:
    before = plant.read_bytes()
    meter, *more = words
    with pytest.raises(WattlineError, match=why):
        CliRunner().invoke(
            app, ["declare", "swap", meter, str(plant), *more], catch_exceptions=False
        )

    assert plant.read_bytes() == before


def test_a_file_with_mistakes_is_left_alone(plant: Path) -> None:
    plant.write_text(plant.read_text(encoding="utf-8") + "nonsense: 1\n", encoding="utf-8")
    before = plant.read_bytes()
    with pytest.raises(ConfigError, match="nonsense"):
        CliRunner().invoke(
            app, ["declare", "swap", "modules_el", str(plant)], catch_exceptions=False
        )

    assert plant.read_bytes() == before
