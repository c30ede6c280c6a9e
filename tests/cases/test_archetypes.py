"""The ten archetypes at steady state: frames enter at the
sequencer, results are read through the API.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.api_rig import ApiRig
from tests.rig import text

CASES = yaml.safe_load((Path(__file__).parent / "archetypes.yaml").read_text(encoding="utf-8"))
TABLE = {  # ES %, kgce/unit, kgCO2/unit, tCO2/tce as printed in the golden table
    "A1p": (39.98, 153.7520, 441.4060, 2.871), "A1": (56.24, 240.4340, 822.9721, 3.423), "A2": (57.14, 4.3005, 17.5940, 4.091),
    "A2e": (100.00, 3.4412, 16.3156, 4.741), "A3c": (95.19, 7.1007, 33.1485, 4.668), "A3m": (100.00, 1.6591, 7.8665, 4.741),
    "A4": (100.00, 0.0492, 0.2331, 4.741), "A5": (16.95, 0.8701, 2.7737, 3.188), "A6e": (86.62, 59.5980, 257.7071, 4.324), "A6r": (19.35, 50.8276, 113.2628, 2.228),
}  # fmt: skip
PLANT = """
sources:
  grid: {carrier: electricity, meter: g, into: board}
  gas: {carrier: natural_gas, meter: n, into: gas_net}
  heat: {carrier: steam, meter: s, into: steam_net}
buses: {board: {carrier: electricity}, gas_net: {carrier: natural_gas}, steam_net: {carrier: steam}}
lines: {line: {draws: {board: l, gas_net: ln, steam_net: ls}, output: {good: plc.good, scrap: plc.scrap, unit: unit}}}
"""
FACTORS = "factors: {grid: 0.5827, gas: 2.16219, heat_per_gj: 110}"
HOURS = 3


@pytest.mark.parametrize("case", CASES)
async def test_archetype(case: str, tmp_path: Path) -> None:
    rate, el, gas, heat = (float(CASES[case][k]) for k in ("rate", "el", "gas", "heat"))
    rig = ApiRig(
        text(
            PLANT,
            "g n s l ln ls",
            more=FACTORS,
            nodes="good: 'nsu=u;s=good', scrap: 'nsu=u;s=scrap'",
        ),
        tmp_path,
    )
    for _ in range(HOURS):
        kwh, nm3, kwh_heat = rate * el, rate * gas, rate * heat / 0.0036
        rig.feed(
            {"g": kwh, "l": kwh, "n": nm3, "ln": nm3, "s": kwh_heat, "ls": kwh_heat},
            counts={"line": (rate, 0.0)},
        )
    rig.store_all()
    gj = 0.0036 * el + gas * 0.038931 + heat
    kg = el * 0.5827 + gas * 2.16219 + heat * 110
    kgce = el * 0.1229 + gas * 1.33 + heat * 34.12
    assert await rig.value("power.electricity", "line") == pytest.approx(rate * el, rel=5e-5)
    assert await rig.value("electrification.calorific", "line") == pytest.approx(
        100 * 0.0036 * el / gj, rel=5e-5
    )
    assert await rig.value("per_good.carbon", "line") == pytest.approx(kg, rel=5e-5)
    assert await rig.value("kgce", "line") / (HOURS * rate) == pytest.approx(kgce, rel=5e-5)
    assert await rig.value("carbon_per_tce", "line") == pytest.approx(kg / kgce, rel=5e-5)
    es, kgce_printed, kg_printed, per_tce = TABLE[case]
    assert (100 * 0.0036 * el / gj, kgce, kg, kg / kgce) == pytest.approx(
        (es, kgce_printed, kg_printed, per_tce), rel=1e-3
    )
