"""Data health: one rule says how a meter is heard, and
everything else is told as its driver counts it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from books.health import HealthOf, Sources
from collector.health import LinkHealth, logging
from plant.ports import Sink
from plant.reports import DriverReport
from plant.silence import Heard
from store.duck import DuckStore, VerdictRow
from tests.rig import Rig, text

BODY = "buses: {board: {carrier: electricity}}\nlines: {press: {draws: {board: la}}, mill: {draws: {board: lb}}}\n"
NOW = 1_767_225_600_000_000_000
SECOND = 1_000_000_000


class OneLink:
    """A driver that was heard at these times, and reads nothing."""

    connection = "plc"

    def __init__(self, heard_at: Iterable[int]) -> None:
        self.link = LinkHealth("plc", "opcua", "opc.tcp://x", logging.getLogger("test"))
        meter = self.link.add("la", "opcua", {"power": 1.0})
        for at in heard_at:
            meter.groups["power"].ok(at, 1)

    async def run(self, sink: Sink) -> None: ...

    def health(self) -> DriverReport:
        return self.link.report()


def health(rig: Rig, store: DuckStore, *heard_at: int, slack_s: float = 0.0) -> HealthOf:
    return HealthOf(
        rig.site,
        Sources(
            drivers=[OneLink(heard_at)],
            store=store,
            journal=rig.journal,
            now_ns=lambda: NOW,
            places=lambda: {"step": 1},
            last=lambda: [12.5 if meter.id == "la" else None for meter in rig.site.meters],
            beside=list,
            slack_s=slack_s,
        ),
    )


def test_how_a_meter_is_heard(tmp_path: Path) -> None:
    rig = Rig(text(BODY, "la lb", window="1m"), tmp_path)
    store = DuckStore(None)
    la, lb = health(rig, store, NOW - 2 * SECOND)().meters
    assert (la.state, la.lag_s, la.power, la.power_unit) == (Heard.HEARD, 2.0, 12.5, "kW")
    assert (lb.state, lb.last_ms, lb.power) == (Heard.NEVER, None, None)
    silent_since = NOW - 3600 * SECOND
    assert health(rig, store, silent_since)().meters[0].state is Heard.SILENT
    assert health(rig, store, silent_since, slack_s=3600.0)().meters[0].state is Heard.HEARD


def test_gaps_and_unusual_steps_of_a_day(tmp_path: Path) -> None:
    rig = Rig(text(BODY, "la lb", window="1m"), tmp_path)
    store = DuckStore(None)
    code = store.code("la")
    rows = [
        VerdictRow(NOW - at * SECOND, NOW - 2 * at * SECOND, code, verdict, 1.5, None, False)
        for at, verdict in ((60, "gap"), (120, "reset"), (200_000, "reset"))
    ]
    store.write_books({}, rows, "j", 1)
    found = health(rig, store)()
    (step,) = found.verdicts
    (gap,) = found.gaps
    assert (step.meter, step.verdict.value, step.amount, step.bound) == ("la", "reset", 1.5, None)
    assert (gap.to_ms - gap.from_ms, gap.unit) == (60_000, "kWh")
    assert found.journal.consumers == {"step": 1}
