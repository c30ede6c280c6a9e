"""What the API says of alerts: made from the desk, the alert book, the rules and the store."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from api.context import Context
from books.windows import Known
from engine.figures.figures import ALIASES, DERIVED, FIGURES
from plant.config import names
from plant.errors import ConfigError, QueryError
from plant.units import HOUR_NS
from rules.alert import Alert
from rules.desk.alerts import Alerts
from rules.desk.desk import Open, Quiet
from rules.language.config import Rule
from rules.language.load import known_of_site, load_rules_text
from rules.watching import backtest as trials
from rules.watching.subjects import names as subject_names
from store.alert_book import noisiest

CHATTERS = 5
"""Times in an hour from which an alert comes and goes rather than says something."""
GOAL_PER_HOUR = 6
CHART_BEFORE_NS = 2 * HOUR_NS
CHART_MOST_NS = 48 * HOUR_NS
NEIGHBOUR_NS = 15 * 60_000_000_000


class AlertViews:
    """All answers of `api.alerts`. Reads the desk under the lock of the alert book."""

    def __init__(self, context: Context, alerts: Alerts) -> None:
        self.context = context
        self.alerts = alerts
        self.book = alerts.book
        self.names = {
            per: subject_names(context.site, per)
            for per in ("line", "group", "bus", "meter", "site")
        }

    def list(self, from_ns: int, to_ns: int, *, past: bool) -> dict[str, Any]:
        now = self.context.now_ns()
        with self.book.lock:
            shown = [self._open(o, now) for o in self.alerts.desk.open.values()]
        busy = self._chattering(now)
        apart = [a for a in shown if (a["rule"], a["subject"]) in busy]
        rank = {"critical": 0, "warning": 1, "info": 2}
        steady = sorted(
            (a for a in shown if a not in apart), key=lambda a: (rank[a["severity"]], a["fired_ms"])
        )
        closed = (
            [self._closed(_alert_of(body), by) for body, by in self.book.alerts(from_ns, to_ns)]
            if past
            else []
        )
        return {
            "at_ms": _ms(now),
            "open": steady,
            "chattering": apart,
            "past": [a for a in closed if a["resolved_ms"] is not None],
        }

    def _chattering(self, now: int) -> set[tuple[str, str]]:
        rows = self.book.rows(
            "SELECT rule, subject FROM alert WHERE fired_ns >= ? GROUP BY rule, subject HAVING count(*) >= ?",
            (now - HOUR_NS, CHATTERS),
        )
        return {(r["rule"], r["subject"]) for r in rows}

    def _open(self, there: Open, now: int) -> dict[str, Any]:
        quiet = self.alerts.desk.quiet(there.alert, now)
        taken = there.taken and {
            "by": there.taken.by,
            "at_ms": _ms(there.taken.at_ns),
            "note": there.taken.note,
        }
        return self._alert(there.alert) | {
            "acknowledged": taken,
            "quiet": quiet and self.quiet(quiet),
            "cause": there.cause or None,
        }

    def _closed(self, alert: Alert, by: str | None) -> dict[str, Any]:
        return self._alert(alert) | {
            "acknowledged": {"by": by, "at_ms": None, "note": ""} if by else None,
            "quiet": None,
            "cause": None,
        }

    def _alert(self, a: Alert) -> dict[str, Any]:
        members = [
            {"subject": m, "subject_name": self.names["meter"].get(m, names("", m))}
            for m in a.members
        ]
        return {
            "id": a.id,
            "rule": a.rule,
            "title": a.title,
            "per": a.per,
            "subject": a.subject,
            "subject_name": a.subject_name,
            "severity": a.severity.value,
            "state": a.state.value,
            "since_ms": _ms(a.since_ns),
            "fired_ms": _ms(a.fired_ns),
            "resolved_ms": None if a.resolved_ns is None else _ms(a.resolved_ns),
            "value": a.value,
            "limit": a.limit,
            "unit": a.unit,
            "late": a.late,
            "members": members,
            "say": a.say,
            "do": a.do,
        }

    def quiet(self, q: Quiet) -> dict[str, Any]:
        return {
            "id": q.id,
            "kind": q.kind,
            "by": q.by,
            "reason": q.reason,
            "from_ms": _ms(q.from_ns),
            "until_ms": _ms(q.until_ns),
            "rule": q.rule or None,
            "subject": q.subject or None,
            "alert": q.alert or None,
        }

    def quiets(self) -> Any:
        with self.book.lock:
            return [
                self.quiet(q) for q in sorted(self.alerts.desk.quiets, key=lambda q: q.until_ns)
            ]

    def changes(self, from_ns: int, to_ns: int, rule: str, subject: str) -> Any:
        rows = self.book.rows(
            "SELECT * FROM change WHERE at_ns >= ? AND at_ns < ? AND (? = '' OR rule = ?) AND (? = '' OR subject = ?) ORDER BY n DESC LIMIT 2000",
            (from_ns, to_ns, rule, rule, subject, subject),
        )
        return [
            {
                "at_ms": _ms(r["at_ns"]),
                "clock": r["clock"],
                "rule": r["rule"],
                "subject": r["subject"],
                "state": r["state"],
                "value": r["value"],
                "limit": r["limit_"],
                "unit": r["unit"],
                "late": bool(r["late"]),
                "withdrawn": bool(r["withdrawn"]),
            }
            for r in rows
        ]

    def one(self, alert: str) -> dict[str, Any]:
        """QueryError if there is no such alert."""
        now = self.context.now_ns()
        with self.book.lock:
            there = self.alerts.desk.by_id(alert)
            past = self.book.alert(alert) if there is None else None
            if there is not None:
                a = there.alert
                shown = self._open(there, now)
            elif past is not None:
                a = _alert_of(past[0])
                shown = self._closed(a, past[1])
            else:
                raise QueryError(
                    f"there is no alert '{alert}'; /api/v1/alerts?state=all lists those of the last days"
                )
        trail = self.book.rows(
            "SELECT at_ns, actor, action, detail FROM audit WHERE alert = ? ORDER BY n", (alert,)
        )
        return {
            "alert": shown,
            "rule": self._rule(a.rule),
            "chart": self._chart(a, now),
            "neighbours": self._neighbours(a),
            "trail": [
                {
                    "at_ms": _ms(r["at_ns"]),
                    "actor": r["actor"],
                    "action": r["action"],
                    "detail": r["detail"],
                }
                for r in trail
            ],
        }

    def _neighbours(self, a: Alert) -> Any:
        """What else fired around the same time."""
        near = self.book.alerts(a.fired_ns - NEIGHBOUR_NS, a.fired_ns + NEIGHBOUR_NS, 20)
        return [self._closed(n, by) for body, by in near if (n := _alert_of(body)).id != a.id]

    def _chart(self, a: Alert, now: int) -> dict[str, Any] | None:
        """The watched figure around the alert, where it is one that is stored by line, group, bus or site."""
        rule = self.alerts.rules.get(a.rule)
        figure = ALIASES.get(rule.on.figure, rule.on.figure) if rule else ""
        if (
            rule is None
            or a.per in ("meter", "connection")
            or figure not in FIGURES
            or figure in DERIVED
        ):
            return None
        end = min(now, (a.resolved_ns or now) + CHART_BEFORE_NS)
        start = max(a.since_ns - CHART_BEFORE_NS, end - CHART_MOST_NS)
        every = max(self.context.site.window_s, round((end - start) / 1e9 / 1000 / 60) * 60)
        found = self.context.history.series(a.subject, [figure], start, end, every).columns
        return {
            "figure": figure,
            "unit": FIGURES[figure].unit,
            "start_ms": found["start_ms"],
            "value": found[figure],
            "limit": [a.limit] * len(found["start_ms"]),
            "firing": [[_ms(a.fired_ns), _ms(a.resolved_ns or now)]],
        }

    def _rule(self, rule_id: str) -> dict[str, Any] | None:
        rule = self.alerts.rules.get(rule_id)
        if rule is None:
            return None
        return {
            "id": rule.id,
            "title": names(rule.title, rule.id),
            "why": names(rule.why, " "),
            "do": names(rule.do, " "),
            "per": rule.on.per,
            "figure": rule.on.figure,
            "clock": rule.on.clock,
            "severity": rule.severity.value,
            "when": rule.when,
            "until": rule.until,
            "for_s": rule.for_,
            "keep_firing_for_s": rule.keep_firing_for,
            "on_gap": rule.on_gap,
            "page": rule.page or None,
        }

    def rules(self) -> Any:
        with self.book.lock:
            open_by_rule: dict[str, int] = {}
            for there in self.alerts.desk.open.values():
                open_by_rule[there.alert.rule] = open_by_rule.get(there.alert.rule, 0) + 1
        return [
            {**(self._rule(r) or {}), "open": open_by_rule.get(r, 0)} for r in self.alerts.rules
        ]

    def noisiest(self, weeks: int) -> dict[str, Any]:
        now = self.context.now_ns()
        start = now - weeks * 7 * 24 * HOUR_NS
        rows = [dict(r) for r in noisiest(self.book, start, now)]
        known = {r: names(rule.title, r) for r, rule in self.alerts.rules.items()}
        hours = weeks * 7 * 24
        return {
            "goal_per_hour": GOAL_PER_HOUR,
            "per_hour": sum(r["fired"] for r in rows) / hours,
            "rules": [{**r, "title": known.get(r["rule"], names("", r["rule"]))} for r in rows],
        }

    def backtest(
        self, rule_id: str, from_ns: int, to_ns: int, known: str, level: float
    ) -> dict[str, Any]:
        rule = self.alerts.rules.get(rule_id)
        if rule is None:
            raise QueryError(
                f"there is no rule '{rule_id}'; known are {', '.join(self.alerts.rules)}"
            )
        return self._tried(rule, from_ns, to_ns, known, level)

    def trial(
        self, text: str, rule_id: str, from_ns: int, to_ns: int, known: str, level: float
    ) -> dict[str, Any]:
        """A rule of a text; QueryError carries every mistake of it."""
        try:
            rules = load_rules_text("rules", text, known_of_site(self.context.site)).file.rules
        except ConfigError as error:
            raise QueryError(str(error)) from None
        rule = next((r for r in rules if r.id == rule_id), None)
        if rule is None:
            raise QueryError(
                f"there is no rule '{rule_id}' in the text; known are {', '.join(r.id for r in rules)}"
            )
        return self._tried(rule, from_ns, to_ns, known, level)

    def _tried(
        self, rule: Rule, from_ns: int, to_ns: int, known: str, level: float
    ) -> dict[str, Any]:
        store = self.context.history.store
        site = self.context.site
        return backtest_words(
            trials.backtest(store, site, rule, from_ns, to_ns, cast("Known", known), level)
        )


def backtest_words(found: trials.Backtest) -> dict[str, Any]:
    """A back-test in the words of the API and of `wattline rules backtest --json`."""
    spans = [
        {
            "subject": s.subject,
            "from_ms": _ms(s.start_ns),
            "to_ms": None if s.end_ns is None else _ms(s.end_ns),
            "value": s.value,
            "limit": s.limit,
        }
        for s in found.own.spans
    ]
    others = [
        {
            "factor": t.factor,
            "fired": len(t.spans),
            "per_week": found.per_week(t),
            "seconds": t.seconds(found.end_ns),
        }
        for t in found.trials
    ]
    chart = {
        "subject": found.subject,
        "figure": found.rule.on.figure,
        "unit": found.unit,
        "start_ms": [_ms(t) for t in found.at_ns],
        "value": found.value,
        "limit": found.limit,
        "firing": [
            [s["from_ms"], s["to_ms"] or _ms(found.end_ns)]
            for s in spans
            if s["subject"] == found.subject
        ],
    }
    return {
        "rule": found.rule.id,
        "known": found.known,
        "from_ms": _ms(found.start_ns),
        "to_ms": _ms(found.end_ns),
        "unit": found.unit,
        "when": found.rule.when,
        "fired": len(spans),
        "per_week": found.per_week(found.own),
        "seconds": found.own.seconds(found.end_ns),
        "spans": spans,
        "others": others,
        "chart": chart,
    }


def _alert_of(body: bytes) -> Alert:
    return msgspec.json.decode(body, type=Alert)


def _ms(ns: int) -> int:
    return ns // 1_000_000
