"""Alerts as Alertmanager knows them: for its API v2, and in the JSON that it sends to webhooks
(version 4). Pure; times ns UTC in, RFC 3339 out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, TypeAlias, TypedDict

from rules.alert import Alert, AlertState, Occasion, Telling
from rules.notify.wording import Wording, chart, sentence
from rules.words import words

STANDS_NS: Final = 300_000_000_000
"""What is not posted again for so long, Alertmanager takes for resolved; it is posted each
minute."""
_SELF: Final = {Occasion.TEST: "WattlineTest", Occasion.WEEKLY: "WattlineSelfTest"}
_NEVER: Final = "0001-01-01T00:00:00Z"
Texts: TypeAlias = dict[str, str]


class Posted(TypedDict):
    """One alert of the API."""

    labels: Texts
    annotations: Texts
    generatorURL: str
    startsAt: str
    endsAt: str


class Entry(Posted):
    """One alert of a webhook."""

    status: str
    fingerprint: str


def rfc3339(at_ns: int) -> str:
    """UTC with milliseconds."""
    at = datetime.fromtimestamp(at_ns / 1e9, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def latest(told: Iterable[Telling]) -> list[Alert]:
    """Each alert once, as it was told last."""
    found: dict[str, Alert] = {}
    for telling in told:
        for alert in telling.alerts:
            found[alert.id] = alert

    return list(found.values())


def labels(alert: Alert, site: str) -> Texts:
    """What makes it the same alert: never the value."""
    return {
        "alertname": alert.rule,
        "severity": str(alert.severity),
        "site": site,
        "rule": alert.rule,
        "per": alert.per,
        "subject": alert.subject,
    }


def texts(alert: Alert, link: str) -> Texts:
    """Texts for people, in English like the rest of an Alertmanager."""
    found = {
        "summary": sentence(alert, words("en")),
        "description": alert.do.get("en", ""),
        "chart": chart(link, alert),
        "unit": alert.unit,
        "value": _shown(alert.value),
        "limit": _shown(alert.limit),
    }
    return {name: text for name, text in found.items() if text}


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def over(alert: Alert) -> bool:
    """Whether it fires no more."""
    return alert.state is AlertState.RESOLVED or alert.resolved_ns is not None


def alert(
    alert: Alert,
    site: str,
    link: str,
    now_ns: int,
) -> Posted:
    """One alert for the API. One that fires ends in five minutes, unless it is posted again."""
    ends_ns = now_ns + STANDS_NS
    if over(alert):
        ends_ns = max(alert.since_ns, alert.resolved_ns or now_ns)

    return {
        "labels": labels(alert, site),
        "annotations": texts(alert, link),
        "generatorURL": chart(link, alert),
        "startsAt": rfc3339(alert.since_ns),
        "endsAt": rfc3339(ends_ns),
    }


def alerts(
    told: Sequence[Telling],
    written: Wording,
    site: str,
    link: str,
    now_ns: int,
) -> list[Posted]:
    """All that is told, for the API; a test is an alert that fires for five minutes."""
    found = [
        alert(
            each,
            site,
            link,
            now_ns,
        )
        for each in latest(told)
    ]
    if found:
        return found

    for telling in told:
        name = _SELF.get(telling.occasion, "Wattline")
        found.append(
            _own(
                name,
                written.title,
                site,
                link,
                now_ns,
            )
        )

    return found


def watchdog(
    site: str,
    link: str,
    now_ns: int,
) -> Posted:
    """The alert that always fires."""
    return _own(
        "Watchdog",
        f"Wattline of {site} is alive",
        site,
        link,
        now_ns,
        severity="none",
    )


def _own(
    name: str,
    summary: str,
    site: str,
    link: str,
    now_ns: int,
    severity: str = "info",
) -> Posted:
    return {
        "labels": {
            "alertname": name,
            "severity": severity,
            "site": site,
        },
        "annotations": {"summary": summary},
        "generatorURL": link,
        "startsAt": rfc3339(now_ns),
        "endsAt": rfc3339(now_ns + STANDS_NS),
    }


def fingerprint(found: Mapping[str, str]) -> str:
    """Sixteen hex digits of the labels."""
    listed = repr(sorted(found.items()))
    return hashlib.sha256(listed.encode()).hexdigest()[:16]


def webhook(
    told: Sequence[Telling],
    written: Wording,
    key: str,
    receiver: str,
    site: str,
    link: str,
) -> dict[str, object]:
    """The body of a webhook, as an Alertmanager would send it. `key` is ours: the same key is the
    same message."""
    found = alerts(
        told,
        written,
        site,
        link,
        told[-1].at_ns,
    )
    ended = [over(each) for each in latest(told)] or [False] * len(found)
    entries = [
        _entry(posted, done)
        for posted, done in zip(
            found,
            ended,
            strict=True,
        )
    ]
    return {
        "version": "4",
        "groupKey": f'{{}}:{{site="{site}"}}',
        "truncatedAlerts": 0,
        "status": _status(all(ended)),
        "receiver": receiver,
        "groupLabels": {"site": site},
        "commonLabels": _common([entry["labels"] for entry in entries]),
        "commonAnnotations": _common([entry["annotations"] for entry in entries]),
        "externalURL": link,
        "alerts": entries,
        "idempotencyKey": key,
        "title": written.title,
        "text": written.plain,
    }


def _entry(posted: Posted, ended: bool) -> Entry:
    return {
        **posted,
        "status": _status(ended),
        "endsAt": posted["endsAt"] if ended else _NEVER,
        "fingerprint": fingerprint(posted["labels"]),
    }


def _status(ended: bool) -> str:
    return "resolved" if ended else "firing"


def _common(found: Sequence[Texts]) -> Texts:
    """What all of them say alike."""
    if not found:
        return {}

    first, *others = found
    common: Texts = {}
    for name, text in first.items():
        if all(other.get(name) == text for other in others):
            common[name] = text

    return common
