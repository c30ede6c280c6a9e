"""A lane with a channel that does as told: order, retry, fallback, expiry, limit, digest; each
failure said once. No thread, no network.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from plant.clock import ManualClock
from plant.errors import PermanentError, RetryableError
from rules.alert import Alert, AlertState, Severity, Telling
from rules.notify.channels import Message
from rules.notify.lane import Lane, Policy, pause_s
from rules.notify.route import plan
from rules.notify.sender import Sender
from rules.notify.watch import Standing, Watch, self_test, self_test_before
from rules.notify.wording import wording
from store.outbox import Outbox
from tests.notify_rig import MINUTE_NS, NOON_NS, alert, config, outbox, telling

ZONE = ZoneInfo("Asia/Shanghai")
HOUR_NS = 60 * MINUTE_NS


class Fake:
    """Takes messages until told otherwise."""

    def __init__(self) -> None:
        self.taken: list[Message] = []
        self.error: Exception | None = None
        self.never = ""
        self.stood: list[tuple[list[str], list[str]]] = []

    def open(self) -> None: ...
    def close(self) -> None: ...
    def stand(self, alerts: Sequence[Alert], over: Sequence[Alert]) -> None:
        self.stood.append(([a.id for a in alerts], [a.id for a in over]))

    def send(self, message: Message) -> None:
        if self.error is not None:
            raise self.error
        if self.never and message.told[0].key == self.never:
            raise RetryableError("not this one")
        self.taken.append(message)


class Rig:
    """Two lanes on one outbox and a clock moved by hand."""

    def __init__(self, **more: Any) -> None:
        self.notify, self.clock, self.box = config(**more), ManualClock(NOON_NS), outbox()
        policy = Policy(
            falls_back_after_ns=2 * MINUTE_NS,
            at_most={k: p.at_most for k, p in self.notify.people.items()},
        )
        self.teams, self.mail = Fake(), Fake()
        self.lanes = {
            name: Lane(name, fake, self.box, self.clock, policy, self.write, str)
            for name, fake in (("teams", self.teams), ("mail", self.mail))
        }

    @staticmethod
    def write(told: Sequence[Telling], language: str) -> Any:
        return wording(told, language, ZONE, "http://e", "Works")

    def tell(
        self, key: str, to: str = "li", severity: Severity = Severity.WARNING, **more: Any
    ) -> None:
        now_ns = self.clock.now()
        found = telling(
            severity, now_ns, key=key, to=(to,), alerts=(alert(id=key, severity=severity),), **more
        )
        self.box.put_now(plan(found, self.notify, now_ns, ZONE))

    def step(self, seconds: float = 0.0) -> None:
        self.clock.advance(seconds)
        for lane in self.lanes.values():
            lane.step()


def keys(fake: Fake) -> list[str]:
    return [m.key for m in fake.taken]


def test_sent_once_in_order_and_marked() -> None:
    rig = Rig()
    rig.tell("k1")
    rig.tell("k2")
    rig.step()
    rig.step(60)
    assert keys(rig.teams) == ["k1:teams:li", "k2:teams:li"] and rig.box.counts()["sent"] == 2


def test_a_failure_is_tried_again_and_order_is_kept() -> None:
    rig = Rig()
    rig.teams.error = RetryableError("away")
    rig.tell("k1")
    rig.tell("k2")
    rig.step()
    rig.step(30)
    rig.teams.error = None
    rig.step(30)
    assert keys(rig.teams) == ["k1:teams:li", "k2:teams:li"] and rig.mail.taken == []


def test_after_two_minutes_all_that_waits_takes_the_fallback() -> None:
    rig = Rig()
    rig.teams.error = RetryableError("away")
    rig.tell("k1")
    rig.step()
    rig.tell("k2")
    rig.step(119)
    assert rig.mail.taken == []
    rig.step(1)
    assert keys(rig.mail) == ["k1:teams:li", "k2:teams:li"], "the same idempotency keys"


def test_when_the_fallback_fails_too_it_goes_round_until_it_expires(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig = Rig()
    rig.teams.error = rig.mail.error = RetryableError("away")
    rig.tell("k1")
    for _ in range(10):
        rig.step(60)
    rig.teams.error = None
    for _ in range(10):
        rig.step(60)
    assert keys(rig.teams) == ["k1:teams:li"]
    rig.teams.error = RetryableError("away")
    rig.tell("k2")
    rig.step(86_400)
    watch(rig).tick(0.0)
    assert rig.box.counts()["expired"] == 1 and "message k2:teams:li to li expired" in caplog.text


def test_a_refusal_goes_to_the_next_channel_at_once() -> None:
    rig = Rig()
    rig.teams.error = PermanentError("404")
    rig.tell("k1")
    rig.step()
    assert keys(rig.mail) == ["k1:teams:li"]


def test_what_all_refuse_goes_round_until_one_takes_it() -> None:
    rig = Rig()
    rig.teams.error = rig.mail.error = PermanentError("404")
    rig.tell("k1")
    for _ in range(5):
        rig.step(60)
    found = rig.box.get("k1:teams:li")
    assert found is not None and (found.state, found.error, found.attempts >= 5) == (
        "pending",
        "404",
        True,
    )
    rig.mail.error = None
    rig.step()
    rig.step()
    assert keys(rig.mail) == ["k1:teams:li"], "somebody mended the rights"


def test_one_message_that_is_never_taken_does_not_hold_up_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig = Rig(fallback=None)
    rig.teams.never = "odd"
    for key in ("odd", "k1", "k2", "k3"):
        rig.tell(key, to="teams")
    rig.step()
    rig.step(119)
    assert rig.teams.taken == []
    rig.step(1)
    assert set(keys(rig.teams)) == {"k1:teams", "k2:teams", "k3:teams"}
    rig.tell("k4", to="teams")
    rig.step()
    assert keys(rig.teams)[-1] == "k4:teams" and rig.lanes["teams"].health()["ok"]
    assert "channel teams does not take message odd:teams, but others" in caplog.text
    rig.teams.never = ""
    rig.lanes["teams"]._odd_next_s = 0.0
    rig.step()
    assert keys(rig.teams)[-1] == "odd:teams"


def test_after_a_long_absence_without_a_fallback_the_order_is_kept() -> None:
    rig = Rig(fallback=None)
    rig.teams.error = RetryableError("away")
    for n in range(5):
        rig.tell(f"k{n}", to="teams")
    for _ in range(10):
        rig.step(60)
    rig.teams.error = None
    rig.step()
    assert keys(rig.teams) == [f"k{n}:teams" for n in range(5)]


def test_a_mistake_of_our_own_does_not_hold_up_the_others(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()
    rig.tell("k1")
    rig.tell("k2")
    lane, write = rig.lanes["teams"], rig.write
    lane._write = lambda told, language: 1 / 0 if told[0].key == "k1" else write(told, language)  # type: ignore[assignment,return-value]
    sender = Sender([lane], rig.box, rig.clock)
    sender._round(lane)
    sender._round(lane)
    assert keys(rig.teams) == ["k2:teams:li"] and "ZeroDivisionError" in caplog.text
    rig.lanes["mail"].step()
    assert keys(rig.mail) == ["k1:teams:li"]


def test_what_was_taken_is_not_sent_again_while_the_disk_is_full(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rig = Rig()
    rig.tell("k1")
    lane = rig.lanes["teams"]
    sender, real = Sender([lane], rig.box, rig.clock), Outbox.sent

    def full(*_: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Outbox, "sent", full)
    sender._round(lane)
    sender._round(lane)
    monkeypatch.setattr(Outbox, "sent", real)
    sender._round(lane)
    assert keys(rig.teams) == ["k1:teams:li"] and rig.box.counts()["sent"] == 1


def test_a_failure_is_logged_once_and_its_end_once(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()
    rig.teams.error = RetryableError("away")
    rig.tell("k1")
    with caplog.at_level(logging.INFO, "wattline"):
        for _ in range(3):
            rig.step()
        rig.teams.error = None
        for _ in range(3):
            rig.step()
    assert [r.message for r in caplog.records] == [
        "channel teams does not take messages: away",
        "channel teams takes messages again",
    ]
    assert rig.lanes["teams"].health() == {
        "ok": True,
        "since_ms": None,
        "error": "",
        "sent": 1,
        "failures": 3,
    }


def test_over_the_limit_comes_as_one_message_when_the_hour_is_over() -> None:
    people = {"li": {"channels": ["teams"], "at_most": 2}, "anna": {"channels": ["mail"]}}
    rig = Rig(people=people)
    for n in range(5):
        rig.tell(f"k{n}")
    rig.tell("urgent", severity=Severity.CRITICAL)
    rig.tell("anna1", to="anna")
    rig.step()
    assert (
        keys(rig.teams) == ["k0:teams:li", "k1:teams:li", "urgent:teams:li"]
        and len(rig.mail.taken) == 1
    )
    rig.step(3599)
    assert len(rig.teams.taken) == 3
    rig.step(1)
    (more,) = rig.teams.taken[3:]
    assert more.words.title == "[Warnung] Works: 3 Alarme" and rig.box.counts()["sent"] == 7
    rig.step(1)
    assert rig.box.counts() == {"pending": 0, "sent": 7, "failed": 0, "expired": 0}


def test_a_digest_is_one_message_a_person() -> None:
    rig = Rig(tell={"critical": ["li"]})
    for n in range(3):
        rig.tell(f"k{n}", severity=Severity.INFO)
    rig.tell("anna1", to="anna", severity=Severity.INFO)
    rig.step(18 * 3600)
    assert rig.teams.taken == []
    rig.step(3600)
    assert [m.words.title for m in rig.teams.taken] == ["[提示] Works：3 条报警"] and len(
        rig.mail.taken
    ) == 1
    assert rig.teams.taken[0].key == "digest:k0:teams:li"


def test_what_waits_for_a_channel_that_is_gone_takes_the_next() -> None:
    rig = Rig()
    rig.tell("k1")
    sender = Sender([rig.lanes["mail"]], rig.box, rig.clock)
    sender.start()
    assert sender.stop() == []
    rig.lanes["mail"].step()
    assert keys(rig.mail) == ["k1:teams:li"]


def test_pauses_grow_to_a_minute() -> None:
    found = [pause_s(n) for n in (1, 2, 3, 7, 400)]
    assert all(0.8 * a <= b <= 1.2 * a for a, b in zip((1, 2, 4, 60, 60), found, strict=True))


def watch(
    rig: Rig, still: Sequence[Alert] = (), beat: Any = None, well: Any = lambda: True
) -> Watch:
    return Watch(
        rig.notify, ZONE, rig.box, rig.clock, {"mail": rig.mail}, beat, lambda: still, well
    )


def test_the_weekly_message_goes_through_every_channel_once_and_is_caught_up() -> None:
    rig = Rig(self_test={"day": "mon", "at": "09:00"})
    watch(rig).tick(0.0)  # Wednesday: Monday's is too long ago
    assert rig.box.counts()["pending"] == 0
    rig.clock.advance(
        5 * 86_400 - 3 * 3600 + 600
    )  # next Monday 09:10: we were not running at 09:00
    for _ in range(2):
        watch(rig).tick(0.0)
    rig.step()
    assert rig.box.counts() == {"pending": 1, "sent": 2, "failed": 0, "expired": 0}, (
        "scada has no lane here"
    )
    assert (
        keys(rig.teams) == ["weekly:2026-03-30:teams"]
        and "on_call: Li Wei" in rig.teams.taken[0].words.plain
    )


def test_the_weekly_time_is_local_over_a_change_of_the_clocks() -> None:
    notify, zone = config(self_test={"day": "sun", "at": "09:00"}), ZoneInfo("Europe/Berlin")
    assert notify.self_test is not None
    at_ns = 1_774_767_600_000_000_000  # Sunday 2026-03-29 09:00 summer time, the day of the change
    assert self_test_before(notify.self_test, at_ns, zone) == at_ns
    assert self_test_before(notify.self_test, at_ns - 1, zone) == at_ns - 167 * HOUR_NS
    assert self_test(notify, at_ns - 1, zone) is None


def test_the_heart_beats_only_while_all_is_well(caplog: pytest.LogCaptureFixture) -> None:
    rig, beats = Rig(heartbeat={"url": "http://hc/x", "every": "1m"}), []
    well = True

    def beat() -> None:
        if len(beats) == 1:
            beats.append("failed")
            raise RetryableError("no answer")
        beats.append("sent")

    looking = watch(rig, beat=beat, well=lambda: well)
    for seconds in range(0, 181, 10):
        looking.tick(float(seconds))
    assert beats == ["sent", "failed", "sent", "sent"] and looking.beats == 3
    assert [r.message for r in caplog.records] == [
        "the heartbeat fails: no answer",
        "the heartbeat works again",
    ]
    well = False
    looking.tick(300.0)
    assert len(beats) == 4


def test_what_stands_is_said_again_and_what_is_gone_is_said_once() -> None:
    rig = Rig()
    for key in ("a", "b", "c"):
        send(rig, alert(id=key, subject=key))
    send(rig, alert(id="c", subject="c", state=AlertState.RESOLVED, resolved_ns=rig.clock.now()))
    send(rig, alert(id="b2", subject="b"))  # b itself ended in silence, and began anew
    standing = Standing("mail", rig.mail, rig.box)
    for still in (("a", "b2", "x"), ("a", "x"), ("a",)):
        standing.say(rig.clock.now(), [alert(id=key) for key in still])
    assert rig.mail.stood == [(["a", "b2"], []), (["a"], ["b2"]), (["a"], [])]


def send(rig: Rig, found: Alert) -> None:
    now_ns = rig.clock.now()
    rig.box.put_now(
        plan(telling(key=f"k{now_ns}", to=("mail",), alerts=(found,)), rig.notify, now_ns, ZONE)
    )
    rig.step()
    rig.clock.advance(1)
