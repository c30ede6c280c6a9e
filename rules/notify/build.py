"""From the plant file's `notify:` and the secrets to channels, sender and watch: the one place where they are put together.

`Notifier` is what the rest of Wattline knows of telling people. `wattline.runtime` makes it; the host of the rules calls `plan` and puts what it
returns into the outbox within its own transaction, and `wake` after it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from plant.clock import Clock
from plant.errors import PermanentError, RetryableError, WattlineError
from plant.notify import Channel as Declared
from plant.notify import Notify
from plant.strict import Secret
from rules.alert import Alert, Occasion, Severity, Telling
from rules.notify.apprise_channel import AppriseChannel, with_login
from rules.notify.channels import AlertmanagerChannel, Channel, Message, WebhookChannel, http
from rules.notify.lane import Lane, Policy
from rules.notify.mqtt_channel import MqttChannel
from rules.notify.route import plan
from rules.notify.sender import Sender
from rules.notify.watch import Watch
from rules.notify.wording import Wording, wording
from store.outbox import Delivery, Outbox

SecretOf = Callable[[str], str]


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
        for found in sorted(self._known, key=len, reverse=True):
            text = text.replace(found, "***") if found else text
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
    """One channel as declared. Secrets are read when first needed, so that one that is missing fails its channel only."""
    if declared.mqtt is not None:
        password = (lambda: _password(declared, secret)) if declared.password else None
        language = declared.language or notify.language
        return MqttChannel(
            declared.mqtt,
            declared.topic,
            declared.timeout,
            notify.link,
            language,
            declared.user,
            password,
            status,
        )
    if declared.alertmanager is not None:
        return AlertmanagerChannel(
            lambda: _url(declared, declared.alertmanager, secret),
            declared.timeout,
            clock,
            site,
            notify.link,
        )
    if declared.webhook is not None:
        return WebhookChannel(
            lambda: _url(declared, declared.webhook, secret),
            declared.timeout,
            name,
            site,
            notify.link,
        )
    return AppriseChannel(lambda: _url(declared, declared.url, secret), declared.timeout)


def _url(declared: Declared, text: str | Secret | None, secret: SecretOf) -> str:
    return with_login(_read(text or "", secret), declared.user, _password(declared, secret))


def _password(declared: Declared, secret: SecretOf) -> str:
    return _read(declared.password, secret) if declared.password else ""


def _read(declared: str | Secret, secret: SecretOf) -> str:
    """A text, or the secret it refers to. One that is missing now may be there later."""
    try:
        return secret(declared.secret) if isinstance(declared, Secret) else declared
    except WattlineError as error:
        raise RetryableError(str(error)) from None


class Notifier:
    """Telling people, from the plan of a message to its arrival.

    `still` gives the alerts that are open now and must know them before `start`: what it leaves out is said to be over. `well` is whether all parts of
    Wattline work; the heartbeat stops when it is not.
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
        policy = Policy(
            falls_back_after_ns=round(notify.falls_back_after * 1e9),
            at_most={key: person.at_most for key, person in notify.people.items()},
        )
        lanes = [
            Lane(name, made, outbox, clock, policy, self.write, self._stars.hide)
            for name, made in self.channels.items()
        ]
        self.sender = Sender(lanes, outbox, clock)
        programs = {
            name: self._channel(name, status=False)
            for name, c in notify.channels.items()
            if c.kind == "alertmanager"
        }
        programs |= {
            name: made for name, made in self.channels.items() if isinstance(made, MqttChannel)
        }
        self.watch = Watch(notify, zone, outbox, clock, programs, self._beat(), still, well)

    def _channel(self, name: str, status: bool = True) -> Channel:
        declared = self.notify.channels[name]
        return channel(name, declared, self.notify, self.site, self.clock, self._stars.read, status)

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
            _read(declared.url or "", self._stars.read), 10.0, what="the heartbeat's receiver"
        )

    def start(self) -> None:
        self.sender.start()
        self.watch.start()

    def stop(self) -> list[str]:
        """Names what is still running after its deadline."""
        return self.watch.stop() + self.sender.stop()

    def plan(self, telling: Telling, now_ns: int) -> list[Delivery]:
        """Rows for `outbox.put`, to be written in the transaction that writes the alert."""
        return plan(telling, self.notify, now_ns, self.zone)

    def wake(self) -> None:
        """After the commit: there is something to send."""
        self.sender.wake()

    def write(self, told: Sequence[Telling], language: str) -> Wording:
        """The words of a message."""
        return wording(told, language, self.zone, self.notify.link, self.site)

    def test(self, name: str, by: str = "") -> tuple[bool, str]:
        """Send a test message now, past outbox and limits: (taken, what happened). Blocks for up to the channel's timeout."""
        declared = self.notify.channels.get(name)
        if declared is None:
            return (
                False,
                f"there is no channel '{name}'; there are: {', '.join(self.notify.channels)}",
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
        written = self.write([telling], declared.language or self.notify.language)
        made = self._channel(name, status=False)
        try:
            made.send(
                Message(key=telling.key, severity=telling.severity, words=written, told=(telling,))
            )
        except (RetryableError, PermanentError) as error:
            return False, self._stars.hide(str(error))
        finally:
            made.close()
        return True, f"{name} took the message; look whether it has arrived"

    def health(self) -> dict[str, Any]:
        """For data health, metrics and the page; no secret in it."""
        channels = [
            {"id": lane.name, "kind": self.notify.channels[lane.name].kind, **lane.health()}
            for lane in self.sender.lanes
        ]
        return {
            "outbox": self.outbox.counts(),
            "channels": channels,
            "failing": self.watch.failing(),
            "heartbeats": self.watch.beats,
        }
