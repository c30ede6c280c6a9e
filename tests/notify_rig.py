"""What tests of telling people share: a `notify:` section, an alert, a telling, an outbox."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Any

from plant.notify import Notify
from rules.alert import Alert, AlertState, Occasion, Severity, Telling
from store.outbox import Outbox

MINUTE_NS = 60_000_000_000
NOON_NS = 1_774_411_200_000_000_000  # 2026-03-25 12:00 in Shanghai
BASE: dict[str, Any] = {
    "link": "http://energy.works.local:8000",
    "language": "de",
    "channels": {
        "teams": {"url": {"secret": "teams_url"}},
        "mail": {
            "url": "mailto://mail.works.local:25?from=wattline@works.local&to=shift@works.local"
        },
        "scada": {"mqtt": "mqtt://10.0.0.5:1883"},
    },
    "people": {
        "li": {"name": "Li Wei", "channels": ["teams", "mail"], "language": "zh"},
        "anna": {"name": "Anna", "channels": ["mail"]},
    },
    "rotas": {"on_call": {"people": ["li", "anna"], "since": "2026-03-16 08:00", "every": "7d"}},
    "tell": {"critical": ["on_call", "scada"], "warning": ["on_call"]},
    "fallback": "mail",
}


def config(**more: Any) -> Notify:
    return Notify.model_validate(BASE | more)


def alert(since_ns: int = NOON_NS, **more: Any) -> Alert:
    values: dict[str, Any] = {
        "id": "a1", "rule": "idle_power", "title": {"en": "Power while idle", "zh": "空闲功率", "de": "Leistung im Leerlauf"}, "per": "line", "subject": "press_1",
        "subject_name": {"en": "Press 1", "zh": "1号压机", "de": "Presse 1"}, "severity": Severity.WARNING, "state": AlertState.FIRING,
        "since_ns": since_ns, "fired_ns": since_ns, "value": 6.2, "limit": 4.0, "unit": "kW",
    }  # fmt: skip
    return Alert(**(values | more))


def telling(severity: Severity = Severity.WARNING, at_ns: int = NOON_NS, **more: Any) -> Telling:
    values: dict[str, Any] = {
        "key": "k1",
        "occasion": Occasion.FIRED,
        "alerts": (alert(at_ns, severity=severity),),
    }
    return Telling(severity=severity, at_ns=at_ns, **(values | more))


def outbox(path: Path | str = ":memory:") -> Outbox:
    db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    return Outbox(db, threading.RLock())
