"""Alerts as Alertmanager knows them: for its API v2, and in the JSON it sends to webhooks (version 4). Pure; times ns UTC in, RFC 3339 out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from rules.alert import Alert, AlertState, Occasion, Telling
from rules.notify.phrases import phrases
from rules.notify.words import Words, chart, sentence

STANDS_NS: Final = 300_000_000_000
"""What is not posted again for so long, Alertmanager takes for resolved; it is posted each minute."""
_SELF: Final = {Occasion.TEST: "WattlineTest", Occasion.WEEKLY: "WattlineSelfTest"}
_NEVER: Final = "0001-01-01T00:00:00Z"


def rfc3339(at_ns: int) -> str:
    """UTC with milliseconds."""
    return (
        datetime.fromtimestamp(at_ns / 1e9, UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )


def latest(told: Iterable[Telling]) -> list[Alert]:
    """Each alert once, as it was told last."""
    return list({alert.id: alert for telling in told for alert in telling.alerts}.values())


def labels(alert: Alert, site: str) -> dict[str, str]:
    """What makes it the same alert: never the value."""
    return {
        "alertname": alert.rule,
        "severity": str(alert.severity),
        "site": site,
        "rule": alert.rule,
        "per": alert.per,
        "subject": alert.subject,
    }


def texts(alert: Alert, link: str) -> dict[str, str]:
    """Texts for people, in English like the rest of an Alertmanager."""
    say = phrases("en")
    found = {
        "summary": sentence(alert, say),
        "description": alert.do.get("en", ""),
        "chart": chart(link, alert),
        "unit": alert.unit,
    }
    numbers = {
        name: "" if value is None else f"{value:g}"
        for name, value in (("value", alert.value), ("limit", alert.limit))
    }
    return {name: text for name, text in (found | numbers).items() if text}


def over(alert: Alert) -> bool:
    """Whether it fires no more."""
    return alert.state is AlertState.RESOLVED or alert.resolved_ns is not None


def alert(alert: Alert, site: str, link: str, now_ns: int) -> dict[str, Any]:
    """One alert for the API. One that fires ends in five minutes, unless it is posted again."""
    ends_ns = (
        max(alert.since_ns, alert.resolved_ns or now_ns) if over(alert) else now_ns + STANDS_NS
    )
    return {
        "labels": labels(alert, site),
        "annotations": texts(alert, link),
        "generatorURL": chart(link, alert),
        "startsAt": rfc3339(alert.since_ns),
        "endsAt": rfc3339(ends_ns),
    }


def alerts(
    told: Sequence[Telling], words: Words, site: str, link: str, now_ns: int
) -> list[dict[str, Any]]:
    """All that is told, for the API; a test is an alert that fires for five minutes."""
    found = [alert(a, site, link, now_ns) for a in latest(told)]
    return found or [
        _own(_SELF.get(t.occasion, "Wattline"), words.title, site, link, now_ns) for t in told
    ]


def watchdog(site: str, link: str, now_ns: int) -> dict[str, Any]:
    """The alert that always fires."""
    return _own("Watchdog", f"Wattline of {site} is alive", site, link, now_ns, severity="none")


def _own(
    name: str, summary: str, site: str, link: str, now_ns: int, severity: str = "info"
) -> dict[str, Any]:
    return {
        "labels": {"alertname": name, "severity": severity, "site": site},
        "annotations": {"summary": summary},
        "generatorURL": link,
        "startsAt": rfc3339(now_ns),
        "endsAt": rfc3339(now_ns + STANDS_NS),
    }


def fingerprint(found: dict[str, str]) -> str:
    """Sixteen hex digits of the labels."""
    return hashlib.sha256(repr(sorted(found.items())).encode()).hexdigest()[:16]


def webhook(
    told: Sequence[Telling], words: Words, key: str, receiver: str, site: str, link: str
) -> dict[str, Any]:
    """The body of a webhook, as an Alertmanager would send it. `key` is ours: the same key is the same message."""
    known = {a.id: a for a in latest(told)}
    found = alerts(told, words, site, link, told[-1].at_ns)
    ended = [over(a) for a in known.values()] or [False] * len(found)
    entries = [
        {
            **entry,
            "status": "resolved" if done else "firing",
            "endsAt": entry["endsAt"] if done else _NEVER,
            "fingerprint": fingerprint(entry["labels"]),
        }
        for entry, done in zip(found, ended, strict=True)
    ]
    group = {"site": site}
    return {
        "version": "4",
        "groupKey": f'{{}}:{{site="{site}"}}',
        "truncatedAlerts": 0,
        "status": "resolved" if all(ended) else "firing",
        "receiver": receiver,
        "groupLabels": group,
        "commonLabels": _common([e["labels"] for e in entries]),
        "commonAnnotations": _common([e["annotations"] for e in entries]),
        "externalURL": link,
        "alerts": entries,
        "idempotencyKey": key,
        "title": words.title,
        "text": words.plain,
    }


def _common(found: list[dict[str, str]]) -> dict[str, str]:
    return (
        {k: v for k, v in found[0].items() if all(other.get(k) == v for other in found)}
        if found
        else {}
    )
