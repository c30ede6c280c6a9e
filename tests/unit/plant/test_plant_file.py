"""Every mistake of a plant file at once, with its line and what to do."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from collector.catalogue import load_catalogue
from engine.figures.figures import figure_names
from plant.errors import ConfigError
from plant.load import load_plant, load_plant_text

GOOD = """site: {id: works, timezone: Asia/Shanghai, grid: CN-ZJ}
connections: {hall: {modbus: "tcp://192.0.2.1:502"}}
meters:
  m1: {on: hall, unit: 1, profile: siemens_pac3220}
buses: {board: {carrier: electricity}}
lines: {press: {draws: {board: m1}}}
"""


def mistakes(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_plant_text("plant.yaml", text, frozenset(load_catalogue()))
    return [str(m) for m in caught.value.mistakes]


def test_a_good_file_is_read() -> None:
    plant = load_plant_text("plant.yaml", GOOD, frozenset(load_catalogue()))
    assert plant.meters["m1"].every.energy == 10.0


def test_all_mistakes_come_at_once_with_lines_and_hints() -> None:
    found = mistakes(
        GOOD.replace("grid: CN-ZJ", "grid: CN-ZJ, methd: GHGP")
        .replace("profile:", "profil:")
        .replace("draws", "draw")
    )
    assert found[0] == "plant.yaml:1: site.methd: unknown key (did you mean 'method'?)"
    assert "plant.yaml:4: meters.m1.profil: unknown key (did you mean 'profile'?)" in found
    assert any(
        m.startswith("plant.yaml:6: lines.press.draw: unknown key (did you mean 'draws'?)")
        for m in found
    )


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            ("on: hall", "on: hal"),
            "plant.yaml:4: meters.m1.on: there is no connection 'hal' (did you mean 'hall'?)",
        ),
        (
            ("siemens_pac3220", "siemens_pac322"),
            "plant.yaml:4: meters.m1.profile: there is no profile 'siemens_pac322' (did you mean 'siemens_pac3220'?)",
        ),
        (
            ("board: m1", "bord: m1"),
            "plant.yaml:6: lines.press.draws.bord: there is no bus 'bord' (did you mean 'board'?)",
        ),
        (
            ("Asia/Shanghai", "Asia/Shangai"),
            "plant.yaml:1: site.timezone: 'Asia/Shangai' is not an IANA time zone such as Asia/Shanghai",
        ),
        (
            ("carrier: electricity", "carrier: steem"),
            "plant.yaml:5: buses.board.carrier: must be one of",
        ),
        (("unit: 1,", "unit: 1, unit: 2,"), "plant.yaml:4: meters.m1.unit: given twice; keep one"),
        (
            ("connections: {", "connections: {other: {modbus: 'tcp://192.0.2.1:502'}, "),
            "plant.yaml:2: connections.hall.modbus: is the address of 'other' too",
        ),
        (
            ("unit: 1,", "unit: 1, every: {power: 20ms},"),
            "plant.yaml:4: meters.m1.every.power: must be at least 100ms",
        ),
    ],
)
def test_one_mistake(change: tuple[str, str], expected: str) -> None:
    assert mistakes(GOOD.replace(*change))[0].startswith(expected)


def test_not_yaml_says_where() -> None:
    assert mistakes("site: {id: x\n")[0].startswith("plant.yaml:2: not valid YAML")


@pytest.mark.parametrize("name", ["jiaxing", "dyeworks"])
def test_shipped_plants_are_good(name: str) -> None:
    load_plant(
        Path(str(files("simulator") / "plants" / f"{name}.yaml")), frozenset(load_catalogue())
    )


def test_the_starter_is_good() -> None:
    load_plant(Path(str(files("wattline") / "starter.yaml")), frozenset(load_catalogue()))


@pytest.mark.parametrize(
    ("connection", "meter", "expected"),
    [
        (
            '{modbs: "tcp://192.0.2.1:502"}',
            "{on: hall}",
            "plant.yaml:2: connections.hall.modbs: unknown key (did you mean 'modbus'?)",
        ),
        (
            "{timeout: 2s}",
            "{on: hall}",
            "plant.yaml:2: connections.hall: exactly one of modbus, opcua, mqtt is needed",
        ),
        (
            "{modbus: tcp://192.0.2.1, mqtt: mqtt://192.0.2.1}",
            "{on: hall}",
            "plant.yaml:2: connections.hall: exactly one of modbus, opcua, mqtt is needed",
        ),
        (
            '{modbus: "tcp://192.0.2.1:502"}',
            "{on: hall, unit: 1}",
            "plant.yaml:4: meters.m1.profile: is needed and missing: profile of the catalogue",
        ),
        (
            '{modbus: "tcp://192.0.2.1:502"}',
            "{on: hall, unit: 1, profile: siemens_pac3220, topic: gas}",
            "plant.yaml:4: meters.m1.topic: unknown key",
        ),
        (
            "{mqtt: mqtt://192.0.2.1}",
            "{on: hall, topic: gas, id: g1}",
            "plant.yaml:4: meters.m1.unit: is needed and missing: unit of its counter, such as Nm3",
        ),
        (
            "{mqtt: mqtt://192.0.2.1, topics: {gas: {filter: gas/+}}}",
            "{on: hall, topic: gass, id: g1, unit: kWh}",
            "plant.yaml:4: meters.m1.topic: there is no topic on connection 'hall' 'gass' "
            "(did you mean 'gas'?)",
        ),
        (
            "{opcua: opc.tcp://192.0.2.1:4840, security: Sign}",
            "{on: hall, nodes: {active_powr: i=1}}",
            "plant.yaml:2: connections.hall.security: 'Sign' is not offered yet",
        ),
        (
            "{opcua: opc.tcp://192.0.2.1:4840}",
            "{on: hall, nodes: {active_powr: i=1}}",
            "plant.yaml:4: meters.m1.nodes.active_powr: there is no quantity 'active_powr' "
            "(did you mean 'active_power'?)",
        ),
        (
            '{modbus: "tcp://192.0.2.1:502"}',
            "{on: hall, unit: 1, profile: siemens_pac3220, max: a lot}",
            "plant.yaml:4: meters.m1.max: expected a number with a unit such as '12 MW'",
        ),
        (
            '{modbus: "tcp://192.0.2.1:502"}',
            "{on: hall, unit: 1, profile: siemens_pac3220, counter: active_energi_net}",
            "plant.yaml:4: meters.m1.counter: there is no counter 'active_energi_net' "
            "(did you mean 'active_energy_net'?)",
        ),
    ],
)
def test_a_connection_and_its_meters_are_read_by_its_protocol(
    connection: str, meter: str, expected: str
) -> None:
    text = GOOD.replace('{modbus: "tcp://192.0.2.1:502"}', connection).replace(
        "{on: hall, unit: 1, profile: siemens_pac3220}", meter
    )
    assert mistakes(text)[0].startswith(expected)


def test_a_comparison_is_of_two_lines_that_there_are() -> None:
    text = GOOD + "compare: {sisters: {lines: [press, pres], figure: per_good.carbon}}\n"
    assert mistakes(text) == [
        "plant.yaml:7: compare.sisters.lines.1: there is no line 'pres' (did you mean 'press'?)"
    ]
    assert mistakes(text.replace("pres]", "press]"))[0].endswith(
        "a line cannot be compared with itself"
    )


def test_a_comparison_is_in_a_figure_that_there_is() -> None:
    text = GOOD.replace("lines: {", "lines: {oven: {draws: {}}, ") + (
        "compare: {sisters: {lines: [press, oven], figure: per_good.carbn}}\n"
    )
    load_plant_text("plant.yaml", text)
    with pytest.raises(ConfigError) as caught:
        load_plant_text("plant.yaml", text, (), figure_names())
    assert str(caught.value).startswith(
        "plant.yaml:7: compare.sisters.figure: there is no figure 'per_good.carbn' "
        "(did you mean 'per_good.carbon'?)"
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("\x00", "characters that no text has"),
        ("a: &a [*a]", "contains itself"),
        ("a: " + "[" * 60 + "]" * 60, "nested more than"),
    ],
)
def test_yaml_that_is_none_is_a_mistake(text: str, says: str) -> None:
    assert says in mistakes(text)[0]
