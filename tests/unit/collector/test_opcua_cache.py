"""Known values of OPC UA nodes: rows and events of what a publish says, repetition, times."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from collector.drivers.opcua_cache import Cache, Signal
from plant.clock import ManualClock
from plant.frame import Quality
from plant.units import SECOND_NS as SECOND
from tests.unit.collector.opcua_answer import BAD, UNCERTAIN, changes, item


def cache(clock: ManualClock) -> Cache:
    return Cache([Signal("plc", "good", "n", 1, 2.0), Signal("plc", "state", "n", 2)], clock)


def test_numbers_become_rows_and_texts_events_on_change() -> None:
    clock = ManualClock(10 * SECOND)
    known = cache(clock)
    first = known.changed(changes(item(0, 5), item(1, "RUN")))
    assert first.value.tolist() == [10.0]
    assert [(e.tag, e.text) for e in first.events] == [(2, "RUN")]
    assert not known.changed(changes(item(1, "RUN"))).events


def test_status_becomes_quality() -> None:
    known = cache(ManualClock(10 * SECOND))
    rows = known.changed(
        changes(item(0, 5, UNCERTAIN), item(0, 5, BAD), item(0, float("inf")), item(0, True))
    )
    assert rows.quality.tolist() == [Quality.UNCERTAIN, Quality.BAD, Quality.BAD, Quality.BAD]
    assert math.isnan(rows.value[1])


def test_known_values_are_repeated_until_they_are_lost() -> None:
    clock = ManualClock(10 * SECOND)
    known = cache(clock)
    known.changed(changes(item(0, 5), item(1, "RUN")))
    clock.advance(1)
    again = known.held(1.0)
    assert (again.value.tolist(), again.ts.tolist()) == ([10.0], [11 * SECOND])
    lost = known.forget("UNKNOWN")
    assert [e.text for e in lost.events] == ["UNKNOWN"]
    assert len(known.held(1.0)) == 0
    assert not known.forget("UNKNOWN").events


def test_source_times_are_believed_when_close_and_never_run_backwards() -> None:
    clock = ManualClock(1_800_000_000 * SECOND)
    now = datetime.fromtimestamp(1_800_000_000, UTC)
    known = cache(clock)
    assert known.changed(changes(item(0, 1, source=now - timedelta(seconds=1)))).ts.tolist() == [
        clock.now() - SECOND
    ]
    assert known.changed(changes(item(0, 1, source=now - timedelta(hours=8)))).ts.tolist() == [
        clock.now()
    ]
    assert known.changed(changes(item(0, 1, source=now - timedelta(seconds=1)))).ts.tolist() == [
        clock.now() + 1
    ]


def test_scaled_clocks_take_the_time_of_receipt() -> None:
    clock = ManualClock(1_800_000_000 * SECOND, speed=60.0)
    known = cache(clock)
    assert known.changed(
        changes(item(0, 1, source=datetime.fromtimestamp(1_799_999_999, UTC)))
    ).ts.tolist() == [clock.now()]


def test_several_values_of_a_node_keep_their_order_and_the_last_stays() -> None:
    clock = ManualClock(10 * SECOND)
    known = cache(clock)
    said = [item(0, 1), item(1, "RUN"), item(0, 2), item(1, "IDLE"), item(0, 3)]
    rows = known.changed(changes(*said))
    assert rows.value.tolist() == [2.0, 4.0, 6.0]
    assert rows.ts.tolist() == [10 * SECOND, 10 * SECOND + 1, 10 * SECOND + 2]
    assert [(e.ts, e.text) for e in rows.events] == [
        (10 * SECOND, "RUN"),
        (10 * SECOND + 1, "IDLE"),
    ]
    clock.advance(1)
    assert known.held(1.0).value.tolist() == [6.0]
    assert known.good() == {"plc": 1}


def test_what_was_said_lately_is_not_said_again() -> None:
    clock = ManualClock(10 * SECOND)
    known = cache(clock)
    known.changed(changes(item(0, 5)))
    clock.advance(0.5)
    assert len(known.held(1.0)) == 0
    clock.advance(0.3)
    assert len(known.held(1.0)) == 1
    assert len(known.held(2.0)) == 0, "of another period"


def test_a_text_that_ends_is_unknown() -> None:
    known = cache(ManualClock(10 * SECOND))
    known.changed(changes(item(1, "RUN")))
    assert [e.text for e in known.changed(changes(item(1, None))).events] == ["UNKNOWN"]
    assert [e.text for e in known.changed(changes(item(1, "RUN"))).events] == ["RUN"]
    assert [e.text for e in known.changed(changes(item(1, "RUN", BAD))).events] == ["UNKNOWN"]
