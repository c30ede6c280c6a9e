"""The desk: one message for what has one cause, nothing for
yesterday, quiet when asked, again when nobody came.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import pytest

from plant.errors import QueryError
from plant.site import Site
from rules.alert import Alert, AlertState, Occasion, Severity, Telling
from rules.desk import cause, telling
from rules.desk.alerts import Alerts
from rules.desk.cause import Hangs
from rules.desk.desk import Desk, Quiet, Taken, alert_id, forget_quiets, key_of, reconcile
from rules.language.config import Rule
from store.alert_book import AlertBook

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
RULES = {
    "silent": Rule.model_validate({"id": "silent", "on": {"figure": "silence", "per": "meter", "clock": "now"}, "when": "value > 30 s", "severity": "warning", "gather": True}),
    "low": Rule.model_validate({"id": "low", "on": {"figure": "power.electricity", "per": "line"}, "when": "value < 4 kW", "severity": "warning"}),
    "high": Rule.model_validate({"id": "high", "on": {"figure": "power.electricity", "per": "line"}, "when": "value > 4 kW", "severity": "critical", "repeat": "30m", "escalate": [{"after": "10m", "to": ["boss"]}]}),
}  # fmt: skip


def alert(
    rule: str, subject: str, fired: int, *, per: str = "line", group: str | None = None
) -> Alert:
    name = dict.fromkeys(("en", "zh", "de"), subject)
    return Alert(
        id=alert_id(rule, subject, fired), rule=rule, title=name, per=per, subject=subject, subject_name=name, severity=RULES[rule].severity, state=AlertState.FIRING,
        since_ns=fired, fired_ns=fired, group=group or rule,
    )  # fmt: skip


class DeskRig:
    """A desk on a clock moved by hand; `fire` says what fires now, `turn` what is told."""

    def __init__(self, hangs: Hangs | None = None) -> None:
        self.desk, self.hangs = Desk(), hangs or Hangs({}, {}, {})
        self.firing: dict[str, Alert] = {}
        self.now = 1_000_000 * MINUTE
        self.told: list[Telling] = []

    def fire(self, rule: str, subjects: Iterable[str], per: str = "line") -> None:
        for s in subjects:
            self.firing.setdefault(key_of(rule, s), alert(rule, s, self.now, per=per))
        reconcile(self.desk, "now", self.now, self.firing)

    def stop(self, rule: str, subjects: Iterable[str]) -> None:
        for s in subjects:
            self.firing.pop(key_of(rule, s), None)
        reconcile(self.desk, "now", self.now, self.firing)

    def turn(self, seconds: int = 0) -> list[Telling]:
        self.now += seconds * SECOND
        cause.find(self.desk, RULES, self.hangs, self.now)
        found = telling.tell(self.desk, RULES, self.now)
        self.told += found
        return found

    def occasions(self) -> list[str]:
        return [t.occasion.value for t in self.told]


def gateways(count: int, meters: int) -> Hangs:
    behind = {f"gw{g}": tuple(f"m{g}_{i}" for i in range(meters)) for g in range(count)}
    return Hangs({m: g for g, found in behind.items() for m in found}, behind, {})


@pytest.mark.parametrize("count", [1, 3])
def test_ten_thousand_meters_behind_a_gateway_are_one_message(count: int) -> None:
    """Lost over a minute, each at its own moment; behind three gateways they are three."""
    rig = DeskRig(gateways(count, 10_000 // count))
    meters = [m for found in rig.hangs.behind.values() for m in found]
    for second in range(0, 60, 5):
        share = len(meters) // 12
        rig.fire(
            "silent",
            [
                m
                for i, m in enumerate(meters)
                if second // 5 * share <= i % len(meters) < (second // 5 + 1) * share
            ],
            per="meter",
        )
        rig.turn(5)
    rig.fire("silent", meters, per="meter")
    for _ in range(30):
        rig.turn(10)
    assert rig.occasions() == ["fired"] * count
    assert sorted(t.alerts[0].subject for t in rig.told) == [f"gw{g}" for g in range(count)]
    assert sum(len(t.alerts[0].members) for t in rig.told) >= len(meters) // 2, (
        "it names those it knew of"
    )
    assert {
        len(o.alert.members) for o in rig.desk.open.values() if o.alert.per == "connection"
    } == {10_000 // count}
    rig.stop("silent", meters)
    assert [t.occasion for t in rig.turn(10)] == [Occasion.RESOLVED] * count


def test_meters_that_stay_silent_after_their_gateway_is_back_speak_for_themselves() -> None:
    rig = DeskRig(gateways(1, 10))
    meters = list(rig.hangs.behind["gw0"])
    rig.fire("silent", meters, per="meter")
    for _ in range(12):
        rig.turn(10)
    rig.stop("silent", meters[1:])
    for _ in range(60):
        rig.turn(10)
    assert [(t.occasion, t.alerts[0].subject) for t in rig.told] == [
        (Occasion.FIRED, "gw0"),
        (Occasion.RESOLVED, "gw0"),
        (Occasion.FIRED, meters[0]),
    ]


def test_a_single_meter_of_many_is_told_after_the_time_in_which_others_may_follow() -> None:
    rig = DeskRig(gateways(1, 10))
    rig.fire("silent", ["m0_3"], per="meter")
    assert rig.turn(60) == []
    (told,) = rig.turn(20)
    assert [a.subject for a in told.alerts] == ["m0_3"]


def test_what_hangs_on_a_silent_meter_is_not_told_beside_it() -> None:
    rig = DeskRig(
        Hangs({"m": "gw"}, {"gw": ("m", "n", "o", "p")}, {("line", "press"): frozenset({"m"})})
    )
    rig.fire("silent", ["m"], per="meter")
    rig.turn(1)
    rig.fire("high", ["press"])
    rig.turn(200)
    assert [t.alerts[0].rule for t in rig.told] == ["silent"]
    rig.stop("silent", ["m"])
    rig.turn(10)
    assert [t.alerts[0].rule for t in rig.told if t.occasion is Occasion.FIRED] == [
        "silent",
        "high",
    ], "it comes back by itself"


def test_many_subjects_of_a_rule_are_one_message_and_joiners_wait() -> None:
    rig = DeskRig()
    rig.fire("low", ["a", "b", "c"])
    (first,) = rig.turn(1)
    assert [a.subject for a in first.alerts] == ["a", "b", "c"]
    rig.fire("low", ["d"])
    assert rig.turn(60) == []
    (second,) = rig.turn(300)
    assert [a.subject for a in second.alerts] == ["d"]


def test_what_is_critical_does_not_wait_for_others() -> None:
    rig = DeskRig()
    rig.fire("high", ["a"])
    rig.turn(1)
    rig.fire("high", ["b"])
    assert [a.subject for t in rig.turn(60) for a in t.alerts] == ["b"]


def test_what_was_over_before_anybody_was_told_is_in_the_summary() -> None:
    """In a backlog, or while its rule waited; a meter that was
    back within the time for others is not.
    """
    rig = DeskRig(gateways(1, 10))
    rig.fire("low", ["a"])
    rig.stop("low", ["a"])
    rig.fire("silent", ["m0_1"], per="meter")
    rig.stop("silent", ["m0_1"])
    for _ in range(3):
        rig.turn(40)
    assert [(t.occasion, [a.subject for a in t.alerts]) for t in rig.told] == [
        (Occasion.SUMMARY, ["a"])
    ]


def test_a_silence_on_one_meter_does_not_hide_its_gateway() -> None:
    rig = DeskRig(gateways(1, 10))
    rig.desk.quiets = [
        Quiet(
            id="q", kind="silence", by="li", reason="x", from_ns=0, until_ns=2**62, subject="m0_3"
        )
    ]
    rig.fire("silent", rig.hangs.behind["gw0"], per="meter")
    for _ in range(12):
        rig.turn(10)
    assert [t.alerts[0].subject for t in rig.told] == ["gw0"]


def test_a_small_gateway_is_told_although_one_of_its_meters_was() -> None:
    rig = DeskRig(gateways(1, 4))
    rig.fire("silent", ["m0_0"], per="meter")
    for _ in range(100):
        rig.turn(60)
    rig.fire("silent", ["m0_1"], per="meter")
    rig.turn(10)
    rig.fire("silent", ["m0_2", "m0_3"], per="meter")
    for _ in range(12):
        rig.turn(60)
    assert [t.alerts[0].subject for t in rig.told] == ["m0_0", "gw0"]


def test_a_connection_that_is_no_more_has_no_alert() -> None:
    rig = DeskRig(gateways(1, 4))
    rig.fire("silent", rig.hangs.behind["gw0"], per="meter")
    rig.turn(100)
    cause.find(rig.desk, {}, rig.hangs, rig.now)
    assert not [o for o in rig.desk.open.values() if o.alert.per == "connection"]


def test_yesterday_is_one_summary() -> None:
    rig = DeskRig()
    rig.fire("high", ["a", "b"])
    rig.now += 16 * MINUTE
    assert rig.turn() == []
    assert rig.turn(30) == []
    (told,) = rig.turn(60)
    assert (told.occasion, len(told.alerts)) == (Occasion.SUMMARY, 2)
    rig.stop("high", ["a", "b"])
    assert rig.turn(60) == [], "what was not told is not told as over"


def test_repeats_and_escalates_until_somebody_has_it() -> None:
    rig = DeskRig()
    rig.fire("high", ["a"])
    for _ in range(65):
        rig.turn(60)
    assert rig.occasions() == ["fired", "escalated", "repeated", "repeated"]
    assert next(t.to for t in rig.told if t.occasion is Occasion.ESCALATED) == ("boss",)
    next(iter(rig.desk.open.values())).taken = Taken("li", rig.now)
    for _ in range(65):
        rig.turn(60)
    assert len(rig.told) == 4


def test_silence_ends_by_itself_and_what_still_fires_is_told() -> None:
    rig = DeskRig()
    rig.desk.quiets = [
        Quiet(
            id="q",
            kind="silence",
            by="li",
            reason="tests",
            from_ns=rig.now,
            until_ns=rig.now + 60 * MINUTE,
            rule="high",
        )
    ]
    rig.fire("high", ["a", "b"])
    for _ in range(59):
        assert rig.turn(60) == []
    rig.stop("high", ["b"])
    rig.now += 2 * MINUTE
    assert [q.id for q in forget_quiets(rig.desk, rig.now)] == ["q"]
    (told,) = rig.turn()
    assert [a.subject for a in told.alerts] == ["a"], (
        "although it is an hour old: it has only now become audible"
    )


def test_a_telling_has_the_same_key_after_a_crash() -> None:
    one, other = DeskRig(), DeskRig()
    for rig in (one, other):
        rig.fire("high", ["a"])
    other.now += 3 * SECOND
    assert one.turn()[0].key == other.turn()[0].key


WORDS = dict.fromkeys(("id", "timezone", "method", "grid", "day_starts"), "x")
PARTS = dict.fromkeys(
    ("meters", "channels", "sources", "stores", "buses", "converters", "lines"), ()
)
SITE = msgspec.convert({**WORDS, **PARTS, "name": {}, "window_s": 60.0, "grace_s": 1.0}, Site)


def test_people_act_within_bounds_and_the_trail_says_so() -> None:
    alerts, now = Alerts(AlertBook(":memory:"), SITE, RULES), 1_000_000 * MINUTE
    opened = alert("high", "a", now)
    with alerts.book.together():
        alerts.note([], reconcile(alerts.desk, "now", now, {key_of("high", "a"): opened}))
    with pytest.raises(
        QueryError, match="severity critical can be shelved for up to 4 h, not 300 min"
    ):
        alerts.shelve(opened.id, "li", "waiting for parts", 300, now)
    with pytest.raises(QueryError, match="say why"):
        alerts.shelve(opened.id, "li", " ", 30, now)
    with pytest.raises(QueryError, match="say who"):
        alerts.acknowledge(opened.id, " ", "", now)
    with pytest.raises(QueryError, match="cannot be for everything"):
        alerts.silence("li", "x", now, now + MINUTE, "", "", now)
    with pytest.raises(QueryError, match="of severity critical ends within 4 h"):
        alerts.silence("li", "x", now, now + 300 * MINUTE, "", "site", now)
    with pytest.raises(
        QueryError,
        match=r"there is no line, group, bus, meter or connection 'sit'.*did you mean 'site'",
    ):
        alerts.silence("li", "x", now, now + MINUTE, "", "sit", now)
    with pytest.raises(QueryError, match="there is no open alert 'zzz'"):
        alerts.acknowledge("zzz", "li", "", now)
    alerts.acknowledge(opened.id, "li", "on my way", now)
    quiet = alerts.shelve(opened.id, "li", "waiting for parts", 30, now + MINUTE)
    with pytest.raises(QueryError, match="say who"):
        alerts.lift(quiet.id, " ", now + 2 * MINUTE)
    assert alerts.desk.quiets, "an error changes nothing"
    alerts.lift(quiet.id, "anna", now + 2 * MINUTE)
    trail = alerts.book.rows(
        "SELECT actor, action, detail FROM audit WHERE alert = ? ORDER BY n", (opened.id,)
    )
    assert [(r["actor"], r["action"], r["detail"]) for r in trail] == [
        ("wattline", "fired", ""), ("li", "acknowledged", "on my way"), ("li", "shelved", "waiting for parts"), ("anna", "shelve lifted", "waiting for parts"),
    ]  # fmt: skip
    again = Alerts(alerts.book, SITE, RULES)
    assert again.desk.by_id(opened.id).taken.by == "li", "a restart forgets nothing"  # type: ignore[union-attr]


def test_severities_have_an_order_in_a_message() -> None:
    rig = DeskRig()
    rig.fire("high", ["a"])
    (told,) = rig.turn()
    assert told.severity is Severity.CRITICAL
