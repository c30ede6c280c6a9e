"""One clock of rules on one plant: windows in; history, and the alerts that fire now, out.

The desk is shared by both clocks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from plant.site import Site
from rules.alert import Alert, AlertState, HistoryRow
from rules.desk.desk import Desk, key_of, reconcile
from rules.variables.subjects import names
from rules.variables.variable import KINDS
from rules.watching.step import Noted, RuleState, RuleWindow, firing, step
from rules.watching.words import Occurrence, alert_of


@dataclass(slots=True)
class Run:
    """Steps the rules of one clock and keeps the desk in agreement with them."""

    clock: str
    site: Site
    state: RuleState
    names: dict[str, dict[str, dict[str, str]]] = field(init=False)

    def __post_init__(self) -> None:
        self.names = {per: names(self.site, per) for per in KINDS}

    def take(self, window: RuleWindow) -> list[Noted]:
        """One window; what history gets to know."""
        return step(self.state, window)

    def agree(
        self,
        desk: Desk,
        noted: list[Noted],
        at_ns: int,
    ) -> list[Alert]:
        """Open and close alerts after a window; those that changed.

        Spans that late data found, and that are over, are alerts of the past.
        """
        seen: dict[int, Noted] = {}
        for found in noted:
            if found.change.fired and not found.withdrawn:
                seen[found.change.instance] = found

        alerts: dict[str, Alert] = {}
        for instance in firing(self.state):
            watch, subject = self.state.rules.subject(instance.index, self.state.views)
            key = key_of(watch.rule.id, subject)
            state = AlertState.NO_DATA if instance.no_data else AlertState.FIRING
            there = desk.open.get(key)
            if there is not None and there.alert.state is state:
                alerts[key] = there.alert
                continue

            occurrence = Occurrence(
                state=state,
                since_ns=instance.since_ns,
                fired_ns=instance.fired_ns,
                late=instance.fired_ns < at_ns,
            )
            alerts[key] = self._alert(
                instance.index,
                occurrence,
                seen.get(instance.index),
            )

        past = self._past(noted)
        desk.summary += past
        return (
            reconcile(
                desk,
                self.clock,
                at_ns,
                alerts,
            )
            + past
        )

    def _past(self, noted: list[Noted]) -> list[Alert]:
        """Alerts that late data found, and that are over."""
        found = []
        for late in noted:
            change = late.change
            if not late.late or late.withdrawn or change.state is not AlertState.RESOLVED:
                continue

            occurrence = Occurrence(
                state=AlertState.RESOLVED,
                since_ns=change.since,
                fired_ns=change.fired,
                late=True,
            )
            alert = self._alert(change.instance, occurrence, late)
            found.append(msgspec.structs.replace(alert, resolved_ns=change.at))

        return found

    def _alert(
        self,
        instance: int,
        occurrence: Occurrence,
        seen: Noted | None,
    ) -> Alert:
        """The alert of an instance, with its value and limit as
        they were noted, or as they are now.
        """
        rules = self.state.rules
        watch, subject = rules.subject(instance, self.state.views)
        if seen is None:
            value, limit = rules.shown(instance, self.state.views)
        else:
            value, limit = seen.value, seen.limit

        shown = msgspec.structs.replace(
            occurrence,
            value=value,
            limit=limit,
        )
        name = self.names[watch.rule.on.per][subject]
        return alert_of(
            watch,
            subject,
            name,
            shown,
            timezone=self.site.timezone,
        )

    def rows(self, noted: Iterable[Noted]) -> list[HistoryRow]:
        """History of changes as `store.alert_book` keeps it."""
        rows: list[HistoryRow] = []
        for found in noted:
            change = found.change
            watch, subject = self.state.rules.subject(change.instance, self.state.views)
            row = HistoryRow(
                clock=self.clock,
                at_ns=change.at,
                rule=watch.rule.id,
                subject=subject,
                state=change.state.value,
                value=found.value,
                limit=found.limit,
                unit=watch.unit,
                late=found.late,
                withdrawn=found.withdrawn,
            )
            rows.append(row)

        return rows
