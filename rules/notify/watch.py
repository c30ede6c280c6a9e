"""Who watches the watchman: a heartbeat to the outside, a weekly message through every channel, and alerts said again where programs need it.

One thread, a look each second of real time; event time in ns. The retained MQTT status with its last will is part of `mqtt_channel`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from plant.clock import Clock
from plant.errors import PermanentError, RetryableError
from plant.notify import Notify, SelfTest
from rules.alert import Alert, Occasion, Severity, Telling
from rules.notify.alertmanager import over
from rules.notify.channels import Channel
from rules.notify.mqtt_channel import ended
from rules.notify.rota import instant_ns, local, on_call
from rules.notify.route import to_channel
from store.outbox import Outbox

log = logging.getLogger("wattline.notify")

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
STAND_S: Final = 60.0
TIDY_S: Final = 3600.0
_decode = msgspec.msgpack.Decoder(Telling).decode


def self_test_before(test: SelfTest, now_ns: int, zone: ZoneInfo) -> int:
    """When the weekly message was due last."""
    today = local(now_ns, zone).date()
    back = (today.weekday() - DAYS.index(test.day)) % 7
    instants = [
        instant_ns(
            datetime.fromisoformat(f"{today - timedelta(days=back + weeks)} {test.at}"), zone
        )
        for weeks in (0, 7)
    ]
    return max(at for at in instants if at <= now_ns)


def self_test(notify: Notify, now_ns: int, zone: ZoneInfo) -> Telling | None:
    """The weekly message, while its time is not long past; the same week gives the same key."""
    if notify.self_test is None:
        return None
    due_ns = self_test_before(notify.self_test, now_ns, zone)
    if now_ns - due_ns >= notify.expires * 1e9:
        return None
    people = ", ".join(
        f"{key}: {_name(notify, on_call(rota, now_ns, zone))}" for key, rota in notify.rotas.items()
    )
    return Telling(
        key=f"weekly:{local(due_ns, zone):%Y-%m-%d}",
        occasion=Occasion.WEEKLY,
        severity=Severity.INFO,
        alerts=(),
        at_ns=due_ns,
        note=people,
    )


def _name(notify: Notify, person: str) -> str:
    return notify.people[person].name or person


class Standing:
    """What a channel to programs was told last of each rule and subject, and what of it still holds."""

    def __init__(self, name: str, channel: Channel, outbox: Outbox) -> None:
        self.name = name
        self.channel = channel
        self.outbox = outbox
        self._told: dict[tuple[str, str], Alert] = {}
        self._read_ns = 0

    def say(self, now_ns: int, still: Sequence[Alert]) -> None:
        """Once a minute: what holds, as it is now, and what is no more though the channel was not told so."""
        for d in self.outbox.told(self.name, self._read_ns):
            self._told |= {(alert.rule, alert.subject): alert for alert in _decode(d.body).alerts}
            self._read_ns = max(self._read_ns, d.done_ns or 0)
        self._told = {key: alert for key, alert in self._told.items() if not over(alert)}
        known = {alert.id: alert for alert in still}
        gone = [ended(alert, now_ns) for alert in self._told.values() if alert.id not in known]
        self.channel.stand(
            [known[alert.id] for alert in self._told.values() if alert.id in known], gone
        )
        self._told = {key: alert for key, alert in self._told.items() if alert.id in known}


class Watch:
    """Its thread, from `start` to `stop`. `still` gives the alerts that are open now; `well` whether all parts of Wattline work."""

    def __init__(
        self,
        notify: Notify,
        zone: ZoneInfo,
        outbox: Outbox,
        clock: Clock,
        programs: Mapping[str, Channel],
        beat: Callable[[], object] | None,
        still: Callable[[], Sequence[Alert]],
        well: Callable[[], bool],
    ) -> None:
        self.notify = notify
        self.zone = zone
        self.outbox = outbox
        self.clock = clock
        self._beat = beat
        self._still = still
        self._well = well
        self._standing = [Standing(name, channel, outbox) for name, channel in programs.items()]
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._failing: dict[str, str] = {}
        self._next: dict[str, float] = {}
        self.beats = 0

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="notify-watch", daemon=True)
        self._thread.start()

    def stop(self, seconds: float = 12.0) -> list[str]:
        """Names itself if it is still running after the time allowed."""
        self._ended.set()
        if self._thread is None:
            return []
        self._thread.join(seconds)
        return [self._thread.name] if self._thread.is_alive() else []

    def _run(self) -> None:
        seconds = 0.0
        while not self._ended.wait(1.0 if seconds else 0.0):
            seconds += 1.0
            try:
                self.tick(seconds)
            except Exception:  # the task wrapper: said, and tried again
                log.exception(
                    "the watch over notifications: a mistake in Wattline; tried again in a minute"
                )
                self._ended.wait(60.0)

    def tick(self, seconds: float) -> None:
        """One look; `seconds` of real time since the start."""
        now_ns = self.clock.now()
        self._weekly(now_ns)
        for d in self.outbox.expire(now_ns):
            log.error(
                "message %s to %s expired: nobody was told; last error: %s",
                d.id,
                d.person or d.channel,
                d.error or "none",
            )
        if self._is_time("tidy", TIDY_S, seconds):
            self.outbox.forget(now_ns)
        if (
            self._beat is not None
            and self.notify.heartbeat
            and self._is_time("beat", self.notify.heartbeat.every, seconds)
        ):
            self._heartbeat(self._beat)
        for standing in self._standing:
            if self._is_time(standing.name, STAND_S, seconds):
                self._try(
                    f"repeating alerts to {standing.name}",
                    partial(standing.say, now_ns, self._still()),
                )

    def _is_time(self, what: str, every_s: float, seconds: float) -> bool:
        if seconds < self._next.get(what, 0.0):
            return False
        self._next[what] = seconds + every_s
        return True

    def _weekly(self, now_ns: int) -> None:
        telling = self_test(self.notify, now_ns, self.zone)
        if telling is not None:
            found = [
                to_channel(telling, self.notify, name, now_ns) for name in self.notify.channels
            ]
            if self.outbox.get(found[0].id) is None:
                self.outbox.put_now(found)

    def _heartbeat(self, beat: Callable[[], object]) -> None:
        """Only while all parts work: a heart that beats in a dead body is worse than none."""
        if self._well() and self._try("the heartbeat", beat):
            self.beats += 1

    def _try(self, what: str, work: Callable[[], object]) -> bool:
        """A failure is said once and its end once."""
        try:
            work()
        except (RetryableError, PermanentError) as error:
            if what not in self._failing:
                log.warning("%s fails: %s", what, error)
            self._failing[what] = str(error)
            return False
        if self._failing.pop(what, None) is not None:
            log.warning("%s works again", what)
        return True

    def failing(self) -> dict[str, str]:
        """What does not work and why."""
        return dict(self._failing)
