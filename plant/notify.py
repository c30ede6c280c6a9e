"""The section `notify:` of the plant file: who is told what, over which channels, and who watches
that.

Durations in seconds, times of day and dates in the site's time zone. `rules.notify` does what is
declared here; what refers to what is checked in `plant.notify_check`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from plant.languages import IN_WORDS, Language
from plant.strict import ClockTime, Id, Seconds, Secret, Strict

LocalTime = Annotated[
    str,
    Field(
        pattern=r"^\d{4}-\d\d-\d\d ([01]\d|2[0-3]):[0-5]\d$",
        description="local date and time: 2026-01-05 08:00",
    ),
]
HTTP = r"^https?://\S+$"
KINDS = ("url", "webhook", "alertmanager", "mqtt")


class Channel(Strict):
    """A way out: exactly one of url, webhook, alertmanager, mqtt."""

    url: str | Secret | None = Field(
        None,
        description="any Apprise URL (mailto://, workflows://, dingtalk://, wecombot://, "
        "feishu://, slack://, ntfy:// ...); as a secret where it carries a token",
    )
    webhook: str | Secret | None = Field(
        None, description="http address that gets the JSON of Alertmanager's webhook"
    )
    alertmanager: str | None = Field(
        None, pattern=HTTP, description="http://HOST:PORT of an Alertmanager"
    )
    mqtt: str | None = Field(
        None, pattern=r"^mqtts?://[^/:@]+(:\d+)?$", description="mqtt://HOST:PORT, or mqtts://"
    )
    topic: str = Field(
        "wattline", pattern=r"^[^+#\s]+$", description="MQTT: topics begin with this"
    )
    user: str | None = Field(None, description="user name at the mail server or broker")
    password: Secret | None = Field(None, description="its password, by reference: {secret: NAME}")
    language: Language | None = Field(
        None, description="language of messages to the channel itself; default: of all"
    )
    timeout: Seconds = Field(10.0, description="real time allowed for one message")

    @model_validator(mode="after")
    def _one_kind(self) -> Channel:
        given = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            raise ValueError("exactly one of url, webhook, alertmanager, mqtt is needed")

        return self

    @property
    def kind(self) -> str:
        """Which of the four it is."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)


class Person(Strict):
    """Somebody who is told. The first channel is used; the next ones when it fails."""

    name: str = Field("", description="as in messages; default: the id")
    channels: list[Id] = Field(
        min_length=1, description="own channels, the first is used, the next when it fails"
    )
    language: Language | None = Field(None, description=f"{IN_WORDS}; default: of all")
    at_most: int = Field(
        20,
        ge=1,
        description="messages an hour; what is over comes as one message. Critical is always told",
    )


class Replacement(Strict):
    """Somebody takes over for a while, whoever's turn it is."""

    person: Id = Field(description="who takes over")
    since: LocalTime = Field(description="local date and time it begins")
    until: LocalTime = Field(description="local date and time it ends")


class Rota(Strict):
    """People on call in turn. Handovers keep their local time when the clocks change."""

    people: list[Id] = Field(min_length=1, description="in turn")
    since: LocalTime = Field(description="when the first turn of the first person began")
    every: Seconds = Field(604800.0, description="length of a turn, such as 7d or 12h")
    instead: list[Replacement] = Field([], description="replacements, for holidays and illness")

    @model_validator(mode="after")
    def _in_order(self) -> Rota:
        for item in self.instead:
            if item.until <= item.since:
                raise ValueError("needs replacements whose until is after their since")

        return self


class Tell(Strict):
    """Who hears of what, unless a rule says otherwise: names of people, rotas and channels."""

    critical: list[Id] = Field(min_length=1, description="look at once")
    warning: list[Id] = Field([], description="look in this shift; empty: page only")
    info: list[Id] = Field([], description="look at the next round; empty: page only")


class Heartbeat(Strict):
    """A sign of life to the outside; whoever waits for it raises the alarm when it stops."""

    url: str | Secret | None = Field(
        None, description="address that is fetched, such as that of a dead man's switch"
    )
    alertmanager: Id | None = Field(
        None, description="a channel: an alert Watchdog that always fires"
    )
    every: Seconds = Field(60.0, description="how often")

    @model_validator(mode="after")
    def _one_way(self) -> Heartbeat:
        if (self.url is None) == (self.alertmanager is None):
            raise ValueError("exactly one of url, alertmanager is needed")

        return self


class SelfTest(Strict):
    """Once a week a message through every channel: a dead one is noticed before it is needed."""

    day: Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"] = Field(
        "mon", description="day of the week"
    )
    at: ClockTime = Field("09:00", description="local time")


class Notify(Strict):
    """Telling people about alerts."""

    link: str = Field(
        pattern=r"^https?://\S*[^/\s]$",
        description="where people reach the page, for links in messages",
    )
    language: Language = Field("en", description="language of messages, where no other is given")
    channels: dict[Id, Channel] = Field(min_length=1, description="ways out by name")
    people: dict[Id, Person] = Field({}, description="who can be told")
    rotas: dict[Id, Rota] = Field({}, description="who is on call")
    tell: Tell = Field(description="who hears of what")
    digest: ClockTime | list[ClockTime] = Field(
        "07:00", description="when what is only info is told, gathered; [] tells it at once"
    )
    fallback: Id | None = Field(
        None, description="channel for what all channels of a person, or a channel, did not take"
    )
    falls_back_after: Seconds = Field(
        120.0, description="how long a channel is tried before the next one is"
    )
    expires: Seconds = Field(86400.0, description="how long it is tried in all")
    heartbeat: Heartbeat | None = Field(None, description="a sign of life to the outside")
    self_test: SelfTest | None = Field(None, description="weekly message through every channel")

    @property
    def names(self) -> list[str]:
        """Everybody who can be told: people, rotas and channels."""
        return [
            *self.people,
            *self.rotas,
            *self.channels,
        ]
