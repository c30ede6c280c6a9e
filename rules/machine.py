"""The port of the state machine: what any rule is, whatever its kind. Pure and restart-safe; it consumes windows in journal order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from rules.alert import AlertState


@dataclass(frozen=True, slots=True)
class Change:
    """A change of state of one alert at event time `at_ms`."""

    rule: str
    subject: str
    at_ms: int
    state: AlertState


class Rule(Protocol):
    """`step` takes event time and the observation of each subject (None: not seen) and gives the changes."""

    id: str

    def step(self, at_ms: int, seen: dict[str, int | None]) -> list[Change]: ...


@dataclass(slots=True)
class NoData:
    """Built-in kind: a meter that has given nothing for `after_s`. `seen` holds each meter's last good reading in ms, None for never."""

    id: str = "no_data"
    after_s: float = 30.0
    firing: dict[str, int] = field(default_factory=dict)

    def step(self, at_ms: int, seen: dict[str, int | None]) -> list[Change]:
        changes = []
        for subject, last_ms in seen.items():
            silent = last_ms is None or at_ms - last_ms > self.after_s * 1000
            if silent and subject not in self.firing:
                self.firing[subject] = last_ms or at_ms
                changes.append(Change(self.id, subject, at_ms, AlertState.FIRING))
            elif not silent and subject in self.firing:
                del self.firing[subject]
                changes.append(Change(self.id, subject, at_ms, AlertState.RESOLVED))
        return changes
