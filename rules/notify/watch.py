"""Who watches the watchman: a heartbeat to the outside, a weekly message through every channel, and
alerts said again where programs need it.

One thread, a look each second of real time; event time in ns. The retained MQTT status with its
last will is part of `mqtt_channel`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from plant.clock import Clock
from plant.errors import PermanentError, RetryableError
from plant.notify import Notify, SelfTest
from plant.units import SECOND_NS
from rules.alert import Alert, Occasion, Severity, Telling
from rules.notify.alertmanager import over
from rules.notify.channels import Channel
from rules.notify.mqtt_channel import ended
from rules.notify.rota import instant_ns, local, on_call
from rules.notify.route import to_channel
from store.outbox import Outbox

log = logging.getLogger("wattline.notify")

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LOOK_S: Final = 1.0
STAND_S: Final = 60.0
TIDY_S: Final = 3600.0
AFTER_A_MISTAKE_S: Final = 60.0
_decode = msgspec.msgpack.Decoder(Telling).decode


def self_test_before(
    test: SelfTest,
    now_ns: int,
    zone: ZoneInfo,
) -> int:
    """When the weekly message was due last."""
    today = local(now_ns, zone).date()
    days_since = (today.weekday() - DAYS.index(test.day)) % 7
    this_week = today - timedelta(days=days_since)
    # Today may be the day, and the hour still to come.
    dates = (this_week, this_week - timedelta(weeks=1))
    instants = [
        instant_ns(
            datetime.fromisoformat(f"{date} {test.at}"),
            zone,
        )
        for date in dates
    ]
    return max(at for at in instants if at <= now_ns)


def self_test(
    notify: Notify,
    now_ns: int,
    zone: ZoneInfo,
) -> Telling | None:
    """The weekly message, while its time is not long past; the same week gives the same key."""
    if notify.self_test is None:
        return None

    due_ns = self_test_before(notify.self_test, now_ns, zone)
    if now_ns - due_ns >= notify.expires * SECOND_NS:
        return None

    people = []
    for key, rota in notify.rotas.items():
        person = on_call(rota, now_ns, zone)
        people.append(f"{key}: {notify.people[person].name or person}")

    return Telling(
        key=f"weekly:{local(due_ns, zone):%Y-%m-%d}",
        occasion=Occasion.WEEKLY,
        severity=Severity.INFO,
        alerts=(),
        at_ns=due_ns,
        note=", ".join(people),
    )


class About(NamedTuple):
    """What an alert is of: a later one of the same takes its place."""

    rule: str
    subject: str


class Repeated:
    """What a channel to programs was told last of each rule and subject, and what of it still
    holds."""

    def __init__(
        self,
        name: str,
        channel: Channel,
        outbox: Outbox,
    ) -> None:
        self.name = name
        self.channel = channel
        self.outbox = outbox
        self._told: dict[About, Alert] = {}
        self._read_ns = 0

    def say(self, now_ns: int, still: Sequence[Alert]) -> None:
        """Once a minute: what holds, as it is now, and what is no more though the channel was not
        told so."""
        self._read()
        told = [alert for alert in self._told.values() if not over(alert)]
        known = {alert.id: alert for alert in still}
        holds = [alert for alert in told if alert.id in known]
        gone = [ended(alert, now_ns) for alert in told if alert.id not in known]
        self.channel.stand(
            [known[alert.id] for alert in holds],
            gone,
        )
        self._told = _by_subject(holds)

    def _read(self) -> None:
        """What the channel has taken since the last time."""
        for delivery in self.outbox.told(self.name, self._read_ns):
            self._told |= _by_subject(_decode(delivery.body).alerts)
            self._read_ns = max(self._read_ns, delivery.done_ns or 0)


def _by_subject(alerts: Iterable[Alert]) -> dict[About, Alert]:
    return {About(alert.rule, alert.subject): alert for alert in alerts}


class Watchman:
    """Its thread, from `start` to `stop`.

    `still` gives the alerts that are open now; `well` whether all parts of Wattline work.
    """

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
        self._standing = [Repeated(name, channel, outbox) for name, channel in programs.items()]
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._failing: dict[str, str] = {}
        self._next: dict[str, float] = {}
        self.beats = 0

    def start(self) -> None:
        self._thread = threading.Thread(
            target=self._run,
            name="notify-watch",
            daemon=True,
        )
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
        pause_s = 0.0  # the first look is at once
        while not self._ended.wait(pause_s):
            seconds += LOOK_S
            pause_s = LOOK_S
            try:
                self.tick(seconds)
            except Exception:  # the task wrapper: said, and tried again
                log.exception(
                    "the watch over notifications: a mistake in Wattline; tried again in a minute"
                )
                self._ended.wait(AFTER_A_MISTAKE_S)

    def tick(self, seconds: float) -> None:
        """One look; `seconds` of real time since the start."""
        now_ns = self.clock.now()
        self._weekly(now_ns)
        self._expire(now_ns)
        if self._is_time("tidy", TIDY_S, seconds):
            self.outbox.forget(now_ns)

        self._beat_in_time(seconds)

        for standing in self._standing:
            if self._is_time(standing.name, STAND_S, seconds):
                self._try(
                    f"repeating alerts to {standing.name}",
                    partial(standing.say, now_ns, self._still()),
                )

    def _expire(self, now_ns: int) -> None:
        """What is too old to be told is given up, and said."""
        for delivery in self.outbox.expire(now_ns):
            log.error(
                "message %s to %s expired: nobody was told; last error: %s",
                delivery.id,
                delivery.person or delivery.channel,
                delivery.error or "none",
            )

    def _is_time(
        self,
        what: str,
        every_s: float,
        seconds: float,
    ) -> bool:
        if seconds < self._next.get(what, 0.0):
            return False

        self._next[what] = seconds + every_s
        return True

    def _weekly(self, now_ns: int) -> None:
        """The self-test goes through every channel, once a week."""
        telling = self_test(self.notify, now_ns, self.zone)
        if telling is None:
            return

        found = [
            to_channel(
                telling,
                self.notify,
                name,
                now_ns,
            )
            for name in self.notify.channels
        ]
        if self.outbox.get(found[0].id) is None:
            self.outbox.put_now(found)

    def _beat_in_time(self, seconds: float) -> None:
        """Only while all parts work: a heart that beats in a dead body is worse than none."""
        heartbeat = self.notify.heartbeat
        if self._beat is None or heartbeat is None:
            return

        if not self._is_time("beat", heartbeat.every, seconds):
            return

        if self._well() and self._try("the heartbeat", self._beat):
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
