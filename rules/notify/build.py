"""From the plant file's `notify:` and the secrets to channels, sender and watch: the one place
where they are put together.

`Notifier` is what the rest of Wattline knows of telling people. `wattline.parts` makes it; the host
of the rules calls `plan` and puts what it returns into the outbox within its own transaction, and
`wake` after it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias, TypedDict
from zoneinfo import ZoneInfo

from plant.clock import Clock
from plant.errors import PermanentError, RetryableError, WattlineError
from plant.notify import Channel as Declared
from plant.notify import Notify
from plant.strict import Secret
from plant.units import SECOND_NS
from rules.alert import Alert, Occasion, Severity, Telling
from rules.notify.apprise_channel import AppriseChannel, with_login
from rules.notify.channels import AlertmanagerChannel, Channel, Message, WebhookChannel, http
from rules.notify.lane import Lane, LaneHealth, Policy
from rules.notify.mqtt_channel import MqttChannel
from rules.notify.route import plan
from rules.notify.sender import Sender
from rules.notify.watch import Watchman
from rules.notify.wording import Wording, wording
from store.outbox import Delivery, Outbox

SecretOf: TypeAlias = Callable[[str], str]
HEARTBEAT_S = 10.0


class ChannelHealth(LaneHealth):
    """A channel, by its name under `notify.channels`."""

    id: str
    kind: str


class NotifyHealth(TypedDict):
    """For data health, metrics and the page; no secret in it."""

    outbox: dict[str, int]
    channels: list[ChannelHealth]
    failing: dict[str, str]
    heartbeats: int


class Tried(NamedTuple):
    """Whether a channel took a test message, and what happened."""

    taken: bool
    said: str


class Stars:
    """Secrets as they are read, and texts with stars in their place."""

    def __init__(self, secret: SecretOf) -> None:
        self._secret = secret
        self._known = set[str]()

    def read(self, name: str) -> str:
        found = self._secret(name)
        self._known.add(found)
        return found

    def hide(self, text: str) -> str:
        # The longest first: one secret may be part of another.
        for found in sorted(
            self._known,
            key=len,
            reverse=True,
        ):
            if found:
                text = text.replace(found, "***")

        return text


def channel(
    name: str,
    declared: Declared,
    notify: Notify,
    site: str,
    clock: Clock,
    secret: SecretOf,
    status: bool = True,
) -> Channel:
    """One channel as declared.

    Secrets are read when first needed, so that one that is missing fails its channel only.
    """
    if declared.mqtt is not None:
        has_password = declared.password is not None
        return MqttChannel(
            url=declared.mqtt,
            topic=declared.topic,
            timeout_s=declared.timeout,
            link=notify.link,
            language=declared.language or notify.language,
            user=declared.user,
            password=(lambda: _password(declared, secret)) if has_password else None,
            status=status,
        )

    if declared.alertmanager is not None:
        return AlertmanagerChannel(
            url=lambda: _url(declared, declared.alertmanager, secret),
            timeout_s=declared.timeout,
            clock=clock,
            site=site,
            link=notify.link,
        )

    if declared.webhook is not None:
        return WebhookChannel(
            url=lambda: _url(declared, declared.webhook, secret),
            timeout_s=declared.timeout,
            name=name,
            site=site,
            link=notify.link,
        )

    return AppriseChannel(
        url=lambda: _url(declared, declared.url, secret),
        timeout_s=declared.timeout,
    )


def _url(
    declared: Declared,
    text: str | Secret | None,
    secret: SecretOf,
) -> str:
    address = _read(text or "", secret)
    return with_login(
        address,
        declared.user,
        _password(declared, secret),
    )


def _password(declared: Declared, secret: SecretOf) -> str:
    return _read(declared.password, secret) if declared.password else ""


def _read(declared: str | Secret, secret: SecretOf) -> str:
    """A text, or the secret it refers to. One that is missing now may be there later."""
    if not isinstance(declared, Secret):
        return declared

    try:
        return secret(declared.secret)
    except WattlineError as error:
        raise RetryableError(str(error)) from None


class Notifier:
    """Telling people, from the plan of a message to its arrival.

    `still` gives the alerts that are open now and must know them before `start`: what it leaves out
    is said to be over. `well` is whether all parts of Wattline work; the heartbeat stops when it is
    not.
    """

    def __init__(
        self,
        notify: Notify,
        site: str,
        zone: ZoneInfo,
        outbox: Outbox,
        clock: Clock,
        secret: SecretOf,
        still: Callable[[], Sequence[Alert]] = tuple,
        well: Callable[[], bool] = lambda: True,
    ) -> None:
        self.notify = notify
        self.site = site
        self.zone = zone
        self.outbox = outbox
        self.clock = clock
        self._stars = Stars(secret)
        self.channels = {name: self._channel(name) for name in notify.channels}
        self.sender = Sender(
            self._lanes(),
            outbox,
            clock,
        )
        self.watch = Watchman(
            notify=notify,
            zone=zone,
            outbox=outbox,
            clock=clock,
            programs=self._programs(),
            beat=self._beat(),
            still=still,
            well=well,
        )

    def _lanes(self) -> list[Lane]:
        people = self.notify.people
        policy = Policy(
            falls_back_after_ns=round(self.notify.falls_back_after * SECOND_NS),
            at_most={key: person.at_most for key, person in people.items()},
        )
        lanes: list[Lane] = []
        for name, made in self.channels.items():
            lane = Lane(
                name=name,
                channel=made,
                outbox=self.outbox,
                clock=self.clock,
                policy=policy,
                write=self.write,
                hide=self._stars.hide,
            )
            lanes.append(lane)

        return lanes

    def _programs(self) -> dict[str, Channel]:
        """Channels that programs listen to, over which what holds is said again."""
        programs: dict[str, Channel] = {}
        for name, declared in self.notify.channels.items():
            if declared.kind == "alertmanager":
                programs[name] = self._channel(name, status=False)

        over_mqtt = {
            name: made for name, made in self.channels.items() if isinstance(made, MqttChannel)
        }
        return programs | over_mqtt

    def _channel(self, name: str, status: bool = True) -> Channel:
        return channel(
            name=name,
            declared=self.notify.channels[name],
            notify=self.notify,
            site=self.site,
            clock=self.clock,
            secret=self._stars.read,
            status=status,
        )

    def _beat(self) -> Callable[[], object] | None:
        """What the heartbeat does."""
        declared = self.notify.heartbeat
        if declared is None:
            return None

        if declared.alertmanager is not None:
            made = self._channel(declared.alertmanager)
            assert isinstance(made, AlertmanagerChannel)  # the plant file was checked
            return made.heartbeat

        return lambda: http(
            _read(declared.url or "", self._stars.read),
            HEARTBEAT_S,
            what="the heartbeat's receiver",
        )

    def start(self) -> None:
        self.sender.start()
        self.watch.start()

    def stop(self) -> list[str]:
        """Names what is still running after its deadline."""
        return self.watch.stop() + self.sender.stop()

    def plan(self, telling: Telling, now_ns: int) -> list[Delivery]:
        """Rows for `outbox.put`, to be written in the transaction that writes the alert."""
        return plan(
            telling,
            self.notify,
            now_ns,
            self.zone,
        )

    def wake(self) -> None:
        """After the commit: there is something to send."""
        self.sender.wake()

    def write(self, told: Sequence[Telling], language: str) -> Wording:
        """The words of a message."""
        return wording(
            told,
            language,
            self.zone,
            self.notify.link,
            self.site,
        )

    def test(self, name: str, by: str = "") -> Tried:
        """Send a test message now, past outbox and limits. Blocks for up to the channel's
        timeout."""
        declared = self.notify.channels.get(name)
        if declared is None:
            known = ", ".join(self.notify.channels)
            return Tried(
                False,
                f"there is no channel '{name}'; there are: {known}",
            )

        now_ns = self.clock.now()
        telling = Telling(
            key=f"test:{name}:{now_ns}",
            occasion=Occasion.TEST,
            severity=Severity.INFO,
            alerts=(),
            at_ns=now_ns,
            note=by,
        )
        message = Message(
            key=telling.key,
            severity=telling.severity,
            words=self.write(
                [telling],
                declared.language or self.notify.language,
            ),
            told=(telling,),
        )
        made = self._channel(name, status=False)
        try:
            made.send(message)
        except (RetryableError, PermanentError) as error:
            return Tried(False, self._stars.hide(str(error)))
        finally:
            made.close()

        return Tried(
            True,
            f"{name} took the message; look whether it has arrived",
        )

    def health(self) -> NotifyHealth:
        """How channels and outbox are."""
        channels: list[ChannelHealth] = []
        for lane in self.sender.lanes:
            kind = self.notify.channels[lane.name].kind
            channels.append(
                {
                    "id": lane.name,
                    "kind": kind,
                    **lane.health(),
                }
            )

        return {
            "outbox": self.outbox.counts(),
            "channels": channels,
            "failing": self.watch.failing(),
            "heartbeats": self.watch.beats,
        }
