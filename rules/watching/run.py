"""One clock of rules on one plant: windows in; history, and the alerts that fire now, out. The desk is shared by both clocks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from plant.site import Site
from rules.alert import Alert, AlertState
from rules.desk.desk import Desk, key_of, reconcile
from rules.watching.step import Noted, RuleState, Window, firing, step
from rules.watching.subjects import KINDS, names
from rules.watching.words import alert_of

Row = tuple[str, int, str, str, str, float | None, float | None, str, bool, bool]


@dataclass(slots=True)
class Run:
    """Steps the rules of one clock and keeps the desk in agreement with them."""

    clock: str
    site: Site
    state: RuleState
    names: dict[str, dict[str, dict[str, str]]] = field(init=False)

    def __post_init__(self) -> None:
        self.names = {per: names(self.site, per) for per in KINDS}

    def take(self, window: Window) -> list[Noted]:
        """One window; what history gets to know."""
        return step(self.state, window)

    def agree(self, desk: Desk, noted: list[Noted], at_ns: int) -> list[Alert]:
        """Open and close alerts after a window; those that changed. Spans that late data found, and that are over, are alerts of the past."""
        seen = {n.change.instance: n for n in noted if n.change.fired and not n.withdrawn}
        now: dict[str, Alert] = {}
        for instance, (gap, since, fired) in firing(self.state).items():
            watch, subject = self.state.rules.subject(instance, self.state.views)
            key = key_of(watch.rule.id, subject)
            word = AlertState.NO_DATA if gap else AlertState.FIRING
            there = desk.open.get(key)
            if there is not None and there.alert.state is word:
                now[key] = there.alert
            else:
                now[key] = self._alert(
                    instance, word, since, fired, seen.get(instance), fired < at_ns
                )
        past = self._past(noted)
        desk.summary += past
        return reconcile(desk, self.clock, at_ns, now) + past

    def _past(self, noted: list[Noted]) -> list[Alert]:
        found = []
        for n in noted:
            if n.late and not n.withdrawn and n.change.state is AlertState.RESOLVED:
                alert = self._alert(
                    n.change.instance, AlertState.RESOLVED, n.change.since, n.change.fired, n, True
                )
                found.append(msgspec.structs.replace(alert, resolved_ns=n.change.at))
        return found

    def _alert(
        self,
        instance: int,
        word: AlertState,
        since: int,
        fired: int,
        seen: Noted | None,
        late: bool,
    ) -> Alert:
        watch, subject = self.state.rules.subject(instance, self.state.views)
        value, limit = (
            (seen.value, seen.limit) if seen else self.state.rules.shown(instance, self.state.views)
        )
        name = self.names[watch.rule.on.per][subject]
        return alert_of(
            watch,
            subject,
            name,
            word,
            since,
            fired,
            value,
            limit,
            late=late,
            timezone=self.site.timezone,
        )

    def rows(self, noted: Iterable[Noted]) -> list[Row]:
        """History of changes as `store.alert_book` keeps it."""
        out: list[Row] = []
        for n in noted:
            watch, subject = self.state.rules.subject(n.change.instance, self.state.views)
            out.append(
                (
                    self.clock,
                    n.change.at,
                    watch.rule.id,
                    subject,
                    n.change.state.value,
                    n.value,
                    n.limit,
                    watch.unit,
                    n.late,
                    n.withdrawn,
                )
            )
        return out
