"""A meter that was replaced, as the plant file declares it: energy goes on across the change."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from collector.catalogue import load_catalogue
from plant.load import load_plant_text
from plant.names import Verdict
from plant.resolve import resolve
from plant.site import Control
from tests.rig import Rig, text

PLANT = """
sources: {grid: {carrier: electricity, meter: g, into: board, kind: grid}}
buses: {board: {carrier: electricity}}
storages: {battery: {bus: board, meter: b, capacity: 100 kWh}}
lines: {press: {draws: {board: l}}}
"""
BEFORE = text(PLANT, "g b l", window="1m")
SWAPS = "l: {swaps: [{at: 2026-01-01T00:20:30Z, starts_at: %s}], "
MINUTES = 40


def swapped(starts_at: float) -> str:
    """The plant with a swap of the meter of the press, between the 20th and the 21st minute."""
    return BEFORE.replace("l: {", SWAPS % starts_at, 1)


def run(rig: Rig, minutes: int) -> None:
    for _ in range(minutes):
        rig.feed({"g": 8.0, "b": 2.0, "l": 5.0})


# From zero, from a used device, and from one that stands where a running counter could stand too.
@pytest.mark.parametrize("starts_at", [0.0, 777.0, 1104.0])
@pytest.mark.parametrize("declared", ["from the start", "before the new device is read"])
def test_energy_goes_on_across_a_declared_swap(
    tmp_path: Path, starts_at: float, declared: str
) -> None:
    first = BEFORE if declared == "before the new device is read" else swapped(starts_at)
    rig = Rig(first, tmp_path)
    run(rig, 20)
    if declared == "before the new device is read":
        rig.close_so_far()
        site = resolve(
            load_plant_text("plant.yaml", swapped(starts_at)), load_catalogue(), rig.journal
        )
        rig.site = msgspec.structs.replace(site, properties=rig.site.properties)
        rig.sequencer.control(Control(site=rig.site))
    rig.counters[rig.channel("l")] = starts_at
    rig.counters[rig.channel("l", reverse=True)] = 0.0
    run(rig, MINUTES - 20)
    books = rig.close()
    assert sum(book.taps[0] for book in books) == pytest.approx(5.0 * MINUTES)
    verdicts = [odd.verdict for out in rig.outs for odd in out.unusual]
    assert verdicts == [Verdict.SWAP, Verdict.SWAP]  # import and export
    # The storages go on too: a swap is no other plant.
    assert books[-1].held_kwh[0] == pytest.approx(2.0 * MINUTES * 0.95)


def test_a_swap_that_is_declared_after_the_new_device_was_read_changes_nothing(
    tmp_path: Path,
) -> None:
    rig = Rig(BEFORE, tmp_path)
    run(rig, 30)
    rig.close_so_far()
    site = resolve(load_plant_text("plant.yaml", swapped(5.0)), load_catalogue(), rig.journal)
    rig.sequencer.control(Control(site=site))
    run(rig, 10)
    books = rig.close()
    assert sum(book.taps[0] for book in books) == pytest.approx(5.0 * MINUTES)
    assert not [odd for out in rig.outs for odd in out.unusual]


def test_a_swap_is_in_the_unit_of_the_device(tmp_path: Path) -> None:
    """A counter in MWh begins at 2 MWh, which is 2,000 kWh."""
    plant = swapped(2.0).replace("l: {swaps", "l: {unit: MWh, swaps", 1)
    rig = Rig(plant, tmp_path)
    assert rig.site.channels[rig.channel("l")].swaps[0].starts_at == pytest.approx(2000.0)
    assert rig.site.channels[rig.channel("l", True)].swaps[0].starts_at == 0.0


def test_a_time_without_offset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="swaps"):
        Rig(swapped(1.0).replace("00:20:30Z", "00:20:30"), tmp_path)
