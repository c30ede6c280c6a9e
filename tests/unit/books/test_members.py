"""Pieces add up only where lines make the same thing."""

from __future__ import annotations

from pathlib import Path

from books.members import output_units
from collector.catalogue import load_catalogue
from plant.load import load_plant
from store.journal import SqliteJournal
from wattline.demo.demo import plant_path
from wattline.site_build import build_site


def test_pieces_of_unlike_lines_are_no_sum(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "journal.sqlite")
    site = build_site(load_plant(plant_path()), load_catalogue(), journal)
    assert len(output_units(site, "site")) > 1
    assert len(output_units(site, "electronics")) == 1
    assert output_units(site, site.buses[0].id) == set()
