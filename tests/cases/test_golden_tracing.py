"""Golden cases 1 to 5 and 7 of the method, to the digits
shown, through sequencer, journal and step.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.tracing.block import close
from engine.tracing.flow import Flow
from engine.tracing.graph import Edges, Graph
from engine.tracing.storage import Account
from engine.tracing.tracing import Held
from tests.rig import Rig, text

BATTERY = """
sources:
  grid: {carrier: electricity, meter: g, into: board}
  pv: {carrier: electricity, kind: pv, meter: p, into: board}
storages: {battery: {bus: board, meter: b, capacity: 1000, charge_efficiency: 0.95, discharge_efficiency: 0.9, account: %s}}
buses: {board: {carrier: electricity}}
lines: {line: {draws: {board: l}}}
"""


def _battery(tmp_path: Path, account: str) -> Rig:
    rig = Rig(text(BATTERY % account, "g p b l"), tmp_path)
    rig.feed({"g": 100.0, "b": 60.0, "l": 40.0})
    rig.feed({"p": 80.0, "g": 20.0, "b": 40.0, "l": 60.0})
    rig.feed({"g": 30.0, "b": (0.0, 45.0), "l": 75.0})
    return rig


def test_case_1_battery_fifo(tmp_path: Path) -> None:
    rig = _battery(tmp_path, "fifo")
    books = rig.close()
    rows = books[2].flows.via == 0
    from_battery = rows & (books[2].flows.kind == Flow.LINE)
    assert books[2].flows.amount[from_battery] == pytest.approx([52.631579], abs=1e-6)
    assert set(books[2].flows.source[from_battery]) == {0}
    assert set(books[2].flows.origin[from_battery]) == {
        books[0].start
    }  # the factor of W1 applies: 52.631579 * .4 = 21.052632 kg
    factors = {books[0].start: 0.4, books[1].start: 0.6}
    held = sum(
        amount * factors[origin]
        for layer in books[2].layers[0]
        for source, origin, amount in layer[2]
        if source == 0
    )
    assert held == pytest.approx(7.747368, abs=1e-6)
    assert books[2].held_kwh[0] == pytest.approx(45.0)


def test_case_1_battery_well_mixed(tmp_path: Path) -> None:
    books = _battery(tmp_path, "well_mixed").close()
    flows = books[2].flows
    rows = (flows.via == 0) & (flows.kind == Flow.LINE)
    got = {
        (int(s), int(o)): a
        for s, o, a in zip(flows.source[rows], flows.origin[rows], flows.amount[rows], strict=True)
    }
    assert got[(0, books[0].start)] == pytest.approx(31.578947, abs=1e-6)
    assert got[(0, books[1].start)] == pytest.approx(4.210526, abs=1e-6)
    assert got[(1, books[1].start)] == pytest.approx(16.842105, abs=1e-6)
    kg = got[(0, books[0].start)] * 0.4 + got[(0, books[1].start)] * 0.6
    assert kg == pytest.approx(15.157895, abs=1e-6)
    assert kg / 45 * 1000 == pytest.approx(336.842, abs=1e-3)


def test_case_1b_battery_management_says_less() -> None:
    account = Account(0.95, 0.9, mixed=True)
    account.charge(0, 100.0, [((0, 0), 100.0)])
    account.discharge(45.0)
    assert sum(account.amounts().values()) == pytest.approx(47.368421, abs=1e-6)
    assert sum(account.amounts().values()) / (account.energy_kwh * 0.9) == pytest.approx(
        1.169591, abs=1e-6
    )
    account.settle(40.0)
    assert sum(account.amounts().values()) == pytest.approx(47.368421, abs=1e-6)
    assert sum(account.amounts().values()) / (account.energy_kwh * 0.9) == pytest.approx(
        1.315789, abs=1e-6
    )


CHP = """
sources: {gas: {carrier: natural_gas, meter: g, into: gas_net}}
buses: {gas_net: {carrier: natural_gas, unit: kWh}, board: {carrier: electricity}, heat: {carrier: heat, mix_over: 1h}}
converters: {chp: {inputs: {gas_net: g2}, outputs: {board: {meter: p, efficiency: 0.35}, heat: {meter: h, efficiency: 0.80}}, split: %s}}
lines: {a: {draws: {board: la}}, b: {draws: {heat: lb}}}
"""


@pytest.mark.parametrize(
    ("split", "alpha"),
    [("efficiency", 0.658721560), ("energy_content", 0.457831325), ("work_potential", 0.825108971)],
)
def test_case_2_chp(tmp_path: Path, split: str, alpha: float) -> None:
    rig = Rig(text(CHP % split, "g g2 p h la lb"), tmp_path)
    rig.feed({"g": 1000, "g2": 1000, "p": 380, "h": 450, "la": 380, "lb": 450})
    book = rig.close()[0]
    power, heat = rig.traced(book, 0)["gas"], rig.traced(book, 1)["gas"]
    assert power == pytest.approx(1000 * alpha, abs=1e-6)
    assert heat == pytest.approx(1000 * (1 - alpha), abs=1e-6)
    if split == "efficiency":
        assert power / 380 == pytest.approx(1.733477790, abs=1e-9)
        assert heat / 450 == pytest.approx(0.758396533, abs=1e-9)
        assert power * 0.1999405 == pytest.approx(131.7051, abs=1e-4)
        assert heat * 0.1999405 == pytest.approx(68.2354, abs=1e-4)


def test_case_2_no_heat(tmp_path: Path) -> None:
    rig = Rig(text(CHP % "efficiency", "g g2 p h la lb"), tmp_path)
    rig.feed({"g": 1000, "g2": 1000, "p": 380, "h": 0, "la": 380, "lb": 0})
    assert rig.traced(rig.close()[0], 0)["gas"] == pytest.approx(1000)


LOOP = """
sources:
  grid: {carrier: electricity, meter: g, into: board}
  pv: {carrier: electricity, kind: pv, meter: p, into: board}
  gas: {carrier: natural_gas, meter: gm, into: gas_net}
buses: {board: {carrier: electricity}, gas_net: {carrier: natural_gas, unit: kWh}, steam: {carrier: steam, mix_over: %s}}
converters:
  turbine: {inputs: {steam: ts}, outputs: {board: {meter: tp}}}
  electric_boiler: {inputs: {board: eb}, outputs: {steam: {meter: es}}}
  pump: {inputs: {board: pu}, outputs: {steam: {efficiency: 0}}}
  boiler: {inputs: {gas_net: gb}, outputs: {steam: {meter: gs}}}
lines: {a: {draws: {board: la}}, b: {draws: {steam: lb}}}
"""


@pytest.mark.parametrize("mix_over", ["15m", "1h"])
def test_case_3_loop(tmp_path: Path, mix_over: str) -> None:
    """Fast and slow steam give the same where flows are steady;
    the slow one is solved jointly with the board.
    """
    window = "15m" if mix_over == "15m" else "1m"
    rig = Rig(text(LOOP % mix_over, "g p gm ts tp eb es pu gb gs la lb", window=window), tmp_path)
    for _ in range(1 if window == "15m" else 60):
        rig.feed(
            {
                "g": 900,
                "p": 300,
                "tp": 50,
                "eb": 200,
                "es": 196,
                "pu": 10,
                "la": 1040,
                "gm": 1000,
                "gb": 1000,
                "gs": 900,
                "ts": 60,
                "lb": 1036,
            }
        )
    book = rig.close()[0]
    board, steam = rig.traced(book, 0), rig.traced(book, 1)
    assert [board[s] / 1040 for s in ("grid", "pv", "gas")] == pytest.approx(
        [0.726683365, 0.242227788, 0.044202151], abs=1e-9
    )
    assert [steam[s] / 1036 for s in ("grid", "pv", "gas")] == pytest.approx(
        [0.139236776, 0.046412259, 0.920878149], abs=1e-9
    )
    assert [board[s] + steam[s] for s in ("grid", "pv", "gas")] == pytest.approx([900, 300, 1000])
    assert (board["grid"] * 0.5 + board["gas"] * 0.2) / 1040 == pytest.approx(0.372182113, abs=1e-9)
    assert (steam["grid"] * 0.5 + steam["gas"] * 0.2) / 1036 == pytest.approx(0.253794018, abs=1e-9)


HEAT_PUMP = """
sources:
  grid: {carrier: electricity, meter: g, into: board}
  pv: {carrier: electricity, kind: pv, meter: p, into: board}
  gas: {carrier: natural_gas, meter: gm, into: gas_net}
buses: {board: {carrier: electricity}, gas_net: {carrier: natural_gas, unit: kWh}, heat: {carrier: heat, mix_over: 1h}}
converters:
  heat_pump: {inputs: {board: hp, ambient: %s}, outputs: {heat: {meter: hh}}}
  boiler: {inputs: {gas_net: gm2}, outputs: {heat: {meter: bh}}}
lines: {a: {draws: {heat: la}}}
"""


@pytest.mark.parametrize("ambient", ["amb", "derived"])
def test_case_4_heat_pump(tmp_path: Path, ambient: str) -> None:
    rig = Rig(text(HEAT_PUMP % ambient, "g p gm gm2 hp hh bh la amb"), tmp_path)
    rig.feed(
        {
            "g": 75,
            "p": 25,
            "hp": 100,
            "amb": 250,
            "hh": 350,
            "gm": 150,
            "gm2": 150,
            "bh": 135,
            "la": 400,
        }
    )
    got = rig.traced(rig.close()[0], 0)
    expected = {"grid": 61.855670, "pv": 20.618557, "ambient": 206.185567, "gas": 123.711340}
    assert got == pytest.approx(expected, abs=1e-6)
    assert got["grid"] * 0.4974 + got["gas"] * 0.19994040 == pytest.approx(55.501905, abs=1e-6)
    assert pytest.approx(67.296060, abs=1e-6) == 75 * 0.4974 + 150 * 0.19994040


EXPORT = """
sources:
  grid: {carrier: electricity, meter: g, into: board, exports: true}
  pv: {carrier: electricity, kind: pv, meter: p, into: board}
buses: {board: {carrier: electricity}}
lines: {a: {draws: {board: la}}, b: {draws: {board: lb}}}
"""


def test_case_5_export(tmp_path: Path) -> None:
    rig = Rig(text(EXPORT, "g p la lb"), tmp_path)
    rig.feed({"p": 80, "g": (10, 30), "la": 40, "lb": 20})
    book = rig.close()[0]
    out = book.flows.kind == Flow.EXPORT
    assert {
        int(s): float(a)
        for s, a in zip(book.flows.source[out], book.flows.amount[out], strict=True)
    } == pytest.approx({1: 30.0})
    a, b = rig.traced(book, 0), rig.traced(book, 1)
    assert a == pytest.approx({"grid": 6.666667, "pv": 33.333333}, abs=1e-6)
    assert a["grid"] * 0.4974 == pytest.approx(3.316, abs=1e-6)
    assert b["grid"] * 0.4974 == pytest.approx(1.658, abs=1e-6)
    assert pytest.approx(0.625) == 1 - 30 / 80


GAP = """
sources: {grid: {carrier: electricity, meter: g, into: board}}
buses: {board: {carrier: electricity}}
lines: {a: {draws: {board: la}}, b: {draws: {board: lb}}}
"""
GAP_SOLO = "buses: {board: {carrier: electricity}}\nlines: {a: {draws: {board: la}}}\n"


def test_case_7_gap_linear(tmp_path: Path) -> None:
    """22:00 to 03:00 local, 100 kWh: 40 before midnight, 60 after."""
    rig = Rig(text(GAP_SOLO, "la"), tmp_path)
    rig.feed({"la": 0.0})
    for _ in range(4):
        rig.feed({"la": 20.0}, silent={"la"})
    rig.feed({"la": 20.0})
    taps = [float(b.taps[0]) for b in rig.close()][1:6]
    assert sum(taps[:2]) == pytest.approx(40.0)
    assert sum(taps[2:]) == pytest.approx(60.0)


def test_case_7_gap_parent_minus_siblings(tmp_path: Path) -> None:
    rig = Rig(text(GAP, "g la lb"), tmp_path)
    rig.feed({"g": 20.0, "la": 10.0, "lb": 10.0})
    shape = [33.0, 33.0, 11.0, 11.0, 22.0]
    for hour in range(5):
        rig.feed(
            {"g": shape[hour] + 10.0, "lb": 10.0, "la": 20.0}, silent={"la"} if hour < 4 else set()
        )
    books = rig.close()
    assert [float(b.taps[0]) for b in books[1:6]] == pytest.approx([30, 30, 10, 10, 20])
    assert sum(float(b.taps_estimated[0]) for b in books[1:6]) == pytest.approx(100.0)
    assert [float(b.taps_seen_s[0]) for b in books[1:6]] == pytest.approx([0.0] * 5)


def test_books_balance_per_source(tmp_path: Path) -> None:
    rig = _battery(tmp_path, "fifo")
    assert max(book.imbalance(2) for book in rig.close()) < 1e-12


def test_a_loop_that_no_source_feeds_is_unknown() -> None:
    from plant.load import load_plant_text
    from plant.resolve import resolve

    class Tags:
        def tag(self, meter: str, quantity: str) -> int:
            return abs(hash((meter, quantity))) % 1000

        def names(self) -> dict[int, tuple[str, str]]:
            return {}

    plant = text(
        "buses: {a: {carrier: electricity}, b: {carrier: electricity}}\nconverters: {x: {inputs: {a: m}, outputs: {b: {meter: m}}}, y: {inputs: {b: n}, outputs: {a: {meter: n}}}}\nlines: {l: {draws: {a: o}}}\n",
        "m n o",
    )
    graph = Graph(resolve(load_plant_text("p", plant), {}, Tags()))
    one = np.ones((1, 1))
    edges = Edges(
        np.zeros((1, 0)),
        np.zeros((1, 2)),
        np.zeros((1, 0)),
        np.zeros((1, 0)),
        [one, one],
        [one, one],
        one,
        np.zeros((1, 2), bool),
    )
    nothing_known = Held(np.zeros((2, graph.columns + 1)), np.zeros(2, np.int64))
    (window,) = close(graph, edges, nothing_known, [0], []).windows
    assert window.traced.loops == 1
    assert window.flows.source.tolist()[0] == 1  # unknown


FORMATION = """
sources:
  grid: {carrier: electricity, meter: g, into: board}
  pv: {carrier: electricity, kind: pv, meter: p, into: board}
buses: {board: {carrier: electricity}}
lines: {formation: {feeds_back: true, draws: {board: lf}}, other: {draws: {board: lo}}}
"""


def test_a_line_that_feeds_back_returns_what_it_took(tmp_path: Path) -> None:
    """It takes 60 grid + 20 sun in one hour and returns 30 in the next: three quarters of that is
    grid, and its own books shrink.
    """
    rig = Rig(text(FORMATION, "g p lf lo"), tmp_path)
    rig.feed({"g": 75.0, "p": 25.0, "lf": 80.0, "lo": 20.0})
    rig.feed({"g": 10.0, "lf": (0.0, 30.0), "lo": 40.0})
    books = rig.close()
    assert books[1].taps.tolist() == pytest.approx([-30.0, 40.0])
    assert rig.traced(books[1], 0) == pytest.approx({"grid": -22.5, "pv": -7.5})
    assert rig.traced(books[1], 1) == pytest.approx({"grid": 32.5, "pv": 7.5})
    assert books[1].remainder[0] == pytest.approx(0.0)
    assert max(book.imbalance(2) for book in books) < 1e-12


def test_case_7_gap_by_the_day_before(tmp_path: Path) -> None:
    """No parent is metered: the shape is that of the same
    hours a day earlier, the total the counter's.
    """
    rig = Rig(text(GAP_SOLO, "la"), tmp_path)
    shape = [4.0, 1.0, 1.0, 2.0]
    for hour in range(24):
        rig.feed({"la": shape[hour] if hour < 4 else 5.0})
    for hour in range(4):
        rig.feed({"la": 20.0}, silent={"la"} if hour < 3 else set())
    books = rig.close()
    assert [float(b.taps[0]) for b in books[24:28]] == pytest.approx([40.0, 10.0, 10.0, 20.0])
    assert sum(float(b.taps_estimated[0]) for b in books[24:28]) == pytest.approx(80.0)


def test_a_gap_longer_than_the_horizon_makes_no_peak(tmp_path: Path) -> None:
    """Sixty hours of silence, one kilowatt-hour each: nothing is lost, and no window holds more
    than its share of what can be corrected.
    """
    rig = Rig(text(GAP_SOLO, "la"), tmp_path)
    rig.feed({"la": 1.0})
    for _ in range(60):
        rig.feed({"la": 1.0}, silent={"la"})
        rig.close()
    rig.feed({"la": 1.0})
    rig.feed({"la": 1.0})
    taps = [float(b.taps[0]) for b in rig.close()]
    assert sum(taps) == pytest.approx(63.0)
    assert max(taps) < 4.0
