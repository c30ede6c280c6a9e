"""The rule file: strict YAML, rules and the tests that stand beside them.

Reading and cross-checking live in `rules.language.load`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from plant import units
from plant.languages import Name
from plant.names import Carrier
from plant.strict import Id, Seconds, Strict
from rules.alert import AlertState, Severity

Duration = Annotated[
    float,
    BeforeValidator(units.seconds),
    Field(ge=0, description="a duration such as 0s, 10m or 4h"),
]
Per = Literal["line", "group", "bus", "meter", "site"]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class On(Strict):
    """What a rule watches."""

    figure: str = Field(description="a figure of docs/figures.md, such as power.electricity")
    per: Per = Field(description="what it is worked out for: line, group, bus, meter or site")
    clock: Literal["books", "now"] = Field(
        "books",
        description="books: closed windows, counted; "
        "now: newest values each ten seconds, for what must be early",
    )
    carrier: Carrier | None = Field(None, description="only buses or meters of this carrier")
    only: list[str] = Field([], description="ids of the subjects it is for; default: all")
    not_: list[str] = Field([], alias="except", description="ids that it is not for")


class Active(Strict):
    """When a rule is awake; outside of it nothing is true."""

    shifts: list[Id] = Field([], description="shifts of the plant file")
    days: list[Day] = Field(
        [], description="days of the week; a night shift belongs to the day it began"
    )
    outside_shifts: bool = Field(False, description="the hours that belong to no shift")


class Escalation(Strict):
    """Who is told too when nobody has acknowledged."""

    after: Seconds = Field(description="time since people were told")
    to: list[Id] = Field(min_length=1, description="people, rotas or channels of the plant file")


class Rule(Strict):
    """One rule.

    It reads like a sentence: on what, when, for how long, how bad, what to say and do.
    """

    id: Id
    title: Name = Field("", description="a few words, by language if wanted")
    why: Name = Field("", description="why this matters")
    on: On
    when: str = Field(
        description="condition that is true when something is wrong, "
        "such as mean(10m) > 4 kW and state == 'idle'"
    )
    until: str | None = Field(
        None,
        description="condition that ends it; default: when `when` is no longer true. "
        "A lower level here keeps it from flapping",
    )
    limits: dict[Id, str | dict[str, str]] = Field(
        {},
        description="levels by name, such as limit: 4 kW, or "
        "{default: 4 kW, press_1: 6 kW} by subject",
    )
    for_: Duration = Field(
        0.0, alias="for", description="how long `when` must hold before it fires"
    )
    keep_firing_for: Duration = Field(
        0.0, description="how long it must be over before it is resolved"
    )
    on_gap: Literal["hold", "alert", "clear"] = Field(
        "hold",
        description="when the figure is unknown for longer than `gap_grace`: "
        "stay as it is, say so, or count as well",
    )
    gap_grace: Duration = Field(300.0, description="how long the unknown is waited out")
    active: Active | None = Field(None, description="only in these shifts or days")
    severity: Severity
    say: Name = Field(
        "",
        description="the message; {subject}, {value}, {limit}, {since} "
        "and the kind such as {line} are filled in",
    )
    do: Name = Field("", description="what to do: the runbook in a sentence or two")
    tell: list[Id] = Field([], description="people, rotas or channels; default: by severity")
    notify_within: Seconds = Field(
        900.0,
        description="people are told of what is younger than this; "
        "what is found later is history and one summary",
    )
    repeat: Duration = Field(
        0.0, description="told again after this while it lasts and nobody acknowledged; 0s: never"
    )
    escalate: list[Escalation] = Field([], description="who is told too, in steps")
    gather: bool = Field(
        False, description="meters of one connection are one alert when most of them have it"
    )
    enabled: bool = Field(True, description="false: kept, tested, not run")
    page: str = Field("", description="page of the docs")


class Expectation(Strict):
    """What a test expects at a time."""

    at: Duration
    state: AlertState
    subject: str | None = Field(None, description="of several subjects; default: the only one")


class RuleTest(Strict):
    """Series in, states expected.

    One sample each `every` from 0 on: `2kW x5, unknown x3, 6kW x20`.
    """

    rule: Id | None = Field(None, description="which rule; default: the only one of the file")
    name: str = Field("", description="what the test shows")
    every: Seconds = 60.0
    starts: str = Field(
        "2026-01-05T00:00:00Z", description="time of the first sample; matters for shifts and days"
    )
    series: dict[str, dict[str, str]] = Field(
        description="subject to figure to samples; `state` is one of the machine's states"
    )
    shifts: dict[Id, str] = Field(
        {}, description="shift calendar of the test, if the rule has active hours"
    )
    expect: list[Expectation] = Field(min_length=1)


class RuleFile(Strict):
    """The whole file."""

    rules: list[Rule] = Field(min_length=1)
    tests: list[RuleTest] = Field([])

    @model_validator(mode="before")
    @classmethod
    def _lists(cls, value: Any) -> Any:
        return {} if value is None else value
