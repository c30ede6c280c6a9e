"""What the API says of rules: which are in force, how noisy they are, what they would have done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec

from api.answers import alerts as answers
from api.ports import AlertDesk, Trials
from books.windows import Known
from plant.errors import ConfigError, NotThere, QueryError
from plant.languages import names
from plant.site import Site
from plant.units import HOUR_NS
from rules.language.config import Rule
from rules.language.load import known_of_site, load_rules_text
from rules.watching import backtest as trials

GOAL_PER_HOUR: Final = 6.0
"""More alerts in an hour than a person can follow."""
HOURS_PER_WEEK: Final = 7 * 24


@dataclass(frozen=True, slots=True)
class Tried:
    """Over which span (ns) a rule is tried, on books as known then or now, with its threshold times
    `level`."""

    span: tuple[int, int]
    known: Known
    level: float


@dataclass(frozen=True, slots=True)
class RuleViews:
    """All answers about rules of one site."""

    site: Site
    alerts: AlertDesk
    trials: Trials

    def listed(self) -> list[answers.Rule]:
        """The rules in force, each with how many alerts of it are open."""
        counted = dict.fromkeys(self.alerts.rules, 0)

        with self.alerts.book.lock:
            for there in self.alerts.desk.open.values():
                counted[there.alert.rule] = counted.get(there.alert.rule, 0) + 1

        return [rule_words(rule, counted[rule.id]) for rule in self.alerts.rules.values()]

    def noisiest(self, weeks: int, now_ns: int) -> answers.Noisiest:
        """Which rules fired most in the last weeks."""
        hours = weeks * HOURS_PER_WEEK
        rows = self.alerts.book.noisiest(now_ns - hours * HOUR_NS, now_ns)
        found = [self._noisy(row) for row in rows]
        return answers.Noisiest(
            goal_per_hour=GOAL_PER_HOUR,
            per_hour=sum(row.fired for row in found) / hours,
            rules=found,
        )

    def _noisy(self, row: object) -> answers.Noisy:
        """A row of the alert book, with the title of its rule; one that is no longer in force has
        only its id."""
        counted = msgspec.convert(row, answers.NoisyCounts)
        rule = self.alerts.rules.get(counted.rule)
        title = names(rule.title if rule else "", counted.rule)
        return answers.Noisy(
            rule=counted.rule,
            fired=counted.fired,
            acknowledged=counted.acknowledged,
            no_action=counted.no_action,
            minutes_firing=counted.minutes_firing,
            title=title,
        )

    def backtest(self, rule_id: str, tried: Tried) -> answers.Backtest:
        """A rule in force; NotThere if there is no such rule."""
        rule = self.alerts.rules.get(rule_id)

        if rule is None:
            known = ", ".join(self.alerts.rules)
            raise NotThere(f"there is no rule '{rule_id}'; known are {known}")

        return self._tried(rule, tried)

    def trial(
        self,
        text: str,
        rule_id: str,
        tried: Tried,
    ) -> answers.Backtest:
        """A rule of a text; QueryError carries every mistake of it."""
        try:
            loaded = load_rules_text("rules", text, known_of_site(self.site))
        except ConfigError as error:
            raise QueryError(str(error)) from None

        by_id = {rule.id: rule for rule in loaded.file.rules}

        if rule_id not in by_id:
            raise QueryError(
                f"there is no rule '{rule_id}' in the text; known are {', '.join(by_id)}"
            )

        return self._tried(by_id[rule_id], tried)

    def _tried(self, rule: Rule, tried: Tried) -> answers.Backtest:
        return backtest_words(
            self.trials(
                rule,
                *tried.span,
                tried.known,
                tried.level,
            )
        )


def rule_words(rule: Rule, open_alerts: int | msgspec.UnsetType = msgspec.UNSET) -> answers.Rule:
    """A rule, with how many alerts of it are open where that is asked."""
    return answers.Rule(
        id=rule.id,
        title=names(rule.title, rule.id),
        why=names(rule.why, " "),
        do=names(rule.do, " "),
        per=rule.on.per,
        figure=rule.on.figure,
        clock=rule.on.clock,
        severity=rule.severity,
        when=rule.when,
        until=rule.until,
        for_s=rule.for_,
        keep_firing_for_s=rule.keep_firing_for,
        on_gap=rule.on_gap,
        page=rule.page or None,
        open=open_alerts,
    )


def backtest_words(found: trials.Backtest) -> answers.Backtest:
    """A back-test in the words of the API and of `wattline rules backtest --json`."""
    spans = [firing(span) for span in found.own.spans]
    others = [
        answers.OtherLevel(
            factor=trial.factor,
            fired=len(trial.spans),
            per_week=found.per_week(trial),
            seconds=trial.seconds(found.end_ns),
        )
        for trial in found.trials
    ]
    return answers.Backtest(
        rule=found.rule.id,
        known=found.known,
        from_ms=milliseconds(found.start_ns),
        to_ms=milliseconds(found.end_ns),
        unit=found.unit,
        when=found.rule.when,
        fired=len(spans),
        per_week=found.per_week(found.own),
        seconds=found.own.seconds(found.end_ns),
        spans=spans,
        others=others,
        chart=trial_chart(found, spans),
    )


def firing(span: trials.Fired) -> answers.Firing:
    """A span in which the rule would have fired."""
    return answers.Firing(
        subject=span.subject,
        from_ms=milliseconds(span.start_ns),
        to_ms=None if span.end_ns is None else milliseconds(span.end_ns),
        value=span.value,
        limit=span.limit,
    )


def trial_chart(found: trials.Backtest, spans: list[answers.Firing]) -> answers.TrialChart:
    """The curve of the subject that fired most; what still fires ends with the books."""
    end_ms = milliseconds(found.end_ns)
    fired = [
        (span.from_ms, span.to_ms or end_ms) for span in spans if span.subject == found.subject
    ]
    return answers.TrialChart(
        subject=found.subject,
        figure=found.rule.on.figure,
        unit=found.unit,
        start_ms=[milliseconds(moment) for moment in found.at_ns],
        value=found.value,
        limit=found.limit,
        firing=fired,
    )


def milliseconds(moment_ns: int) -> int:
    """A moment in the unit of the API."""
    return moment_ns // 1_000_000
