"""Channels against real receivers on loopback: mail by
aiosmtpd, webhooks, mosquitto, Alertmanager.
"""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from plant.clock import SystemClock
from plant.errors import ConfigError
from plant.notify import Notify
from rules.alert import Alert, AlertState, Occasion, Severity, Telling
from rules.notify.build import Notifier
from store.outbox import Outbox
from tests.loopback import free_port, until
from tests.notify_rig import alert, outbox
from tests.receivers import Alertmanager, Broker, Http, Listener, Mail

pytestmark = [
    pytest.mark.net,
    pytest.mark.filterwarnings(
        "ignore:Requiring AUTH while not requiring TLS"
    ),  # the mail server of the test has no certificate
]
ZONE = ZoneInfo("Asia/Shanghai")
SECRETS = {"mail": "hunter2-mail", "token": "s3cr3t-token"}


def secret(name: str) -> str:
    return SECRETS[name]


def notify(channels: dict[str, Any], to: list[str], **more: Any) -> Notify:
    values = {
        "link": "http://e.local",
        "channels": channels,
        "tell": {"critical": to, "warning": to},
        "falls_back_after": "50ms",
    }
    return Notify.model_validate(values | more)


@contextmanager
def running(
    config: Notify, box: Outbox | None = None, secret_of: Callable[[str], str] = secret, **more: Any
) -> Iterator[Notifier]:
    made = Notifier(config, "Works", ZONE, box or outbox(), SystemClock(), secret_of, **more)
    made.start()
    try:
        yield made
    finally:
        assert made.stop() == []


def tell(
    notifier: Notifier, key: str = "k1", occasion: Occasion = Occasion.FIRED, **more: Any
) -> Alert:
    now_ns = notifier.clock.now()
    found = alert(now_ns - 60_000_000_000, **more)
    told = Telling(
        key=key, occasion=occasion, severity=Severity.WARNING, alerts=(found,), at_ns=now_ns
    )
    notifier.outbox.put_now(notifier.plan(told, now_ns))
    notifier.wake()
    return found


@pytest.fixture
def mail() -> Iterator[Mail]:
    made = Mail(SECRETS["mail"])
    yield made
    made.close()


@pytest.fixture
def hook() -> Iterator[Http]:
    made = Http()
    yield made
    made.close()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    made = Broker(tmp_path)
    made.start()
    yield made
    made.stop()


def mail_channel(port: int) -> dict[str, Any]:
    return {
        "url": f"mailto://127.0.0.1:{port}?from=wattline@works.local&to=shift@works.local",
        "user": "wattline",
        "password": {"secret": "mail"},
    }


def test_a_mail_arrives_in_the_language_of_its_reader(mail: Mail) -> None:
    people = {"li": {"name": "Li Wei", "channels": ["mail"], "language": "zh"}}
    with running(notify({"mail": mail_channel(mail.port)}, ["li"], people=people)) as notifier:
        tell(notifier)
        until(lambda: notifier.outbox.counts()["sent"], 15, "the mail")
    (got,) = mail.got
    body = got.get_body(("plain",))
    assert (
        got["Subject"] == "[警告] 1号压机：空闲功率，6.2 kW（限值 4 kW）"
        and got["X-Wattline-Key"] == "k1:mail:li"
    )
    assert body is not None and "http://e.local/alerts/a1" in body.get_content()


def test_a_mail_server_that_refuses_leads_to_the_fallback(mail: Mail, hook: Http) -> None:
    mail.says = "550 no such mailbox"
    channels = {"mail": mail_channel(mail.port), "hook": {"webhook": f"{hook.url}/alerts"}}
    with running(notify(channels, ["mail"], fallback="hook")) as notifier:
        tell(notifier)
        until(lambda: hook.got, 20, "the fallback")
        until(lambda: notifier.outbox.counts()["sent"], 5, "the mark")
        health = {c["id"]: c for c in notifier.health()["channels"]}
    assert (
        hook.got[0][2]["idempotencyKey"] == "k1:mail"
        and not health["mail"]["ok"]
        and health["hook"]["ok"]
    )


def test_one_recipient_who_is_refused_does_not_have_the_others_get_it_again(
    mail: Mail, hook: Http
) -> None:
    mail.unknown = "gone@works.local"
    channel = mail_channel(mail.port) | {
        "url": f"mailto://127.0.0.1:{mail.port}?from=w@works.local&to=gone@works.local,shift@works.local"
    }
    with running(
        notify(
            {"mail": channel, "hook": {"webhook": hook.url}},
            ["mail"],
            fallback="hook",
            falls_back_after="2s",
        )
    ) as notifier:
        tell(notifier)
        until(lambda: hook.got, 20, "the fallback, after several tries")
        assert notifier.health()["channels"][0]["failures"] >= 2
    assert [got["To"] for got in mail.got] == ["shift@works.local"]


def test_a_mail_server_that_is_away_and_comes_back(caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()
    with running(notify({"mail": mail_channel(port)}, ["mail"])) as notifier:
        tell(notifier)
        until(lambda: notifier.health()["channels"][0]["failures"], 10, "a failure")
        mail = Mail(SECRETS["mail"], port)
        until(lambda: mail.got, 20, "the mail")
        until(lambda: notifier.outbox.counts()["sent"], 5, "the mark")
        mail.close()
    ours = [r.message for r in caplog.records if r.name == "wattline.notify"]
    assert (
        len(ours) == 2
        and ours[0].startswith("channel mail does not take")
        and ours[1] == "channel mail takes messages again"
    )


@pytest.fixture
def log_file() -> Iterator[io.StringIO]:
    """What a log file at debug would have in it."""
    text, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(text), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield text
    root.removeHandler(handler)
    root.setLevel(level)


def test_no_secret_is_ever_in_a_log_or_in_the_outbox(
    mail: Mail, hook: Http, log_file: io.StringIO
) -> None:
    """Every kind of channel with a secret, each working, refused and away."""
    hook.status = 403
    SECRETS.update(
        wrong="wr0ng-password",
        chat=f"json://127.0.0.1:{hook.port}/s3cr3t-token?+X=s3cr3t-token",
        away="json://127.0.0.1:9/s3cr3t-token",
        posted=f"http://u:hunter2-mail@127.0.0.1:{hook.port}/s3cr3t-token",
        bad="s3cr3t-token",
    )
    channels = {
        "good": mail_channel(mail.port), "refused": mail_channel(mail.port) | {"password": {"secret": "wrong"}},
        **{name: {"url": {"secret": name}} for name in ("chat", "away", "bad")}, "posted": {"webhook": {"secret": "posted"}},
    }  # fmt: skip
    with running(notify(channels, list(channels))) as notifier:
        tell(notifier)
        until(
            lambda: all(c["sent"] + c["failures"] for c in notifier.health()["channels"]),
            30,
            "an outcome of every channel",
        )
        said = [notifier.test(name) for name in channels]
        dump = (
            "\n".join(notifier.outbox.db.iterdump())
            + log_file.getvalue()
            + repr(said)
            + repr(notifier.health())
        )
    assert len(mail.got) == 2 and [taken for taken, _ in said] == [True] + 5 * [False]
    assert hook.got[0][0].startswith("/s3cr3t-token"), "the secret was used"
    assert "channel posted does not take messages: the webhook at 127.0.0.1" in dump
    for text in ("hunter2", "wr0ng", "s3cr3t"):
        assert text not in dump


def test_a_secret_that_is_missing_fails_its_channel_only(
    hook: Http, caplog: pytest.LogCaptureFixture
) -> None:
    def none(name: str) -> str:
        raise ConfigError([])

    channels = {"chat": {"url": {"secret": "chat"}}, "hook": {"webhook": hook.url}}
    with running(notify(channels, ["chat", "hook"]), secret_of=none) as notifier:
        tell(notifier)
        until(
            lambda: hook.got and notifier.health()["channels"][0]["failures"], 15, "both outcomes"
        )


def test_a_scada_reads_retained_topics_and_whether_wattline_lives(broker: Broker) -> None:
    channel = {"mqtt": f"mqtt://127.0.0.1:{broker.port}", "topic": "plant/wattline"}
    with running(notify({"scada": channel}, ["scada"])) as notifier:
        tell(notifier)
        until(lambda: notifier.outbox.counts()["sent"], 15, "the topic")
        scada = Listener(broker.port)  # comes late, gets what is retained
        found = json.loads(
            scada.wait("plant/wattline/alerts/idle_power/press_1", lambda text: '"firing"' in text)
        )
        assert found["value"] == 6.2 and found["limit"] == 4.0 and found["active"] is True
        assert scada.wait("plant/wattline/status", bool) == "online"
        tell(
            notifier,
            "k2",
            Occasion.RESOLVED,
            state=AlertState.RESOLVED,
            resolved_ns=notifier.clock.now(),
        )
        scada.wait("plant/wattline/alerts/idle_power/press_1", lambda text: '"resolved"' in text)
        assert notifier.test("scada")[0]
        scada.wait("plant/wattline/messages", bool)
        assert ("plant/wattline/status", "offline") not in scada.all, (
            "a test must not say that we are gone"
        )
    scada.wait("plant/wattline/status", lambda text: text == "offline")
    scada.close()


def test_a_broker_that_refuses_is_said_with_its_reason(tmp_path: Path) -> None:
    broker = Broker(tmp_path, anonymous=False)
    broker.start()
    channel = {
        "mqtt": f"mqtt://127.0.0.1:{broker.port}",
        "user": "scada",
        "password": {"secret": "token"},
        "timeout": "500ms",
    }
    with running(notify({"scada": channel}, ["scada"])) as notifier:
        tell(notifier)
        until(
            lambda: "refused: Not authorized" in notifier.health()["channels"][0]["error"],
            15,
            "the reason",
        )
    broker.stop()


def test_a_broker_that_is_away_gets_it_when_it_is_back(broker: Broker) -> None:
    broker.stop()
    channel = {"mqtt": f"mqtt://127.0.0.1:{broker.port}", "timeout": "500ms"}
    held: list[Alert] = []
    with running(notify({"scada": channel}, ["scada"]), still=lambda: held) as notifier:
        held.append(tell(notifier))
        until(lambda: notifier.health()["channels"][0]["failures"], 10, "a failure")
        broker.start()
        scada = Listener(broker.port)
        scada.wait("wattline/alerts/idle_power/press_1", lambda text: '"firing"' in text, 40)
        until(lambda: notifier.outbox.counts()["sent"], 5, "the mark")
        notifier.watch.tick(1e6)  # a minute later: known to be told, nothing new to say
        told = len(scada.all)
        broker.stop()  # it forgets what was retained
        broker.start()
        scada.last.clear()
        scada.wait("wattline/status", lambda text: text == "online", 40)
        notifier.watch.tick(2e6)
        scada.wait("wattline/alerts/idle_power/press_1", lambda text: '"firing"' in text)
        assert told <= 3
        scada.close()


def test_alertmanager_fires_is_told_again_and_resolves(tmp_path: Path, hook: Http) -> None:
    server = Alertmanager(tmp_path, f"{hook.url}/from-alertmanager")
    channels = {
        "am": {"alertmanager": server.url},
        "hook": {"webhook": f"{hook.url}/from-wattline"},
    }
    held: list[Alert] = []
    try:
        config = notify(channels, ["am", "hook"], heartbeat={"alertmanager": "am"})
        with running(config, still=lambda: held) as notifier:
            held.append(tell(notifier))
            found = until(lambda: server.firing().get("idle_power"), 15, "the alert")
            assert found["labels"] == {
                "alertname": "idle_power",
                "severity": "warning",
                "site": "Works",
                "rule": "idle_power",
                "per": "line",
                "subject": "press_1",
            }
            assert (
                found["annotations"]["summary"] == "Press 1: Power while idle, 6.2 kW (limit 4 kW)"
            )
            until(lambda: "Watchdog" in server.firing(), 15, "the heartbeat")
            until(lambda: notifier.outbox.counts()["sent"] == 2, 5, "the marks")
            notifier.watch.tick(1e6)
            later = server.firing()["idle_power"]
            assert later["endsAt"] > found["endsAt"] and later["startsAt"] == found["startsAt"]
            assert notifier.test("am")[0] and "WattlineTest" in server.firing()
            held.clear()
            tell(
                notifier,
                "k2",
                Occasion.RESOLVED,
                state=AlertState.RESOLVED,
                resolved_ns=notifier.clock.now(),
            )
            until(lambda: "idle_power" not in server.firing(), 15, "its end")
            theirs = until(
                lambda: [b for path, _, b in hook.got if path == "/from-alertmanager"],
                15,
                "its webhook",
            )[0]
            ours = until(
                lambda: [b for path, _, b in hook.got if path == "/from-wattline"],
                15,
                "our webhook",
            )[0]
        assert set(theirs) <= set(ours) and set(theirs["alerts"][0]) == set(ours["alerts"][0])
        assert all(type(theirs[key]) is type(ours[key]) for key in theirs)
    finally:
        server.close()


def test_the_heartbeat_reaches_the_outside_and_stops_when_we_are_unwell(hook: Http) -> None:
    well = True
    config = notify(
        {"hook": {"webhook": hook.url}},
        ["hook"],
        heartbeat={"url": {"secret": "beat"}, "every": "1s"},
    )
    with running(config, secret_of=lambda _: f"{hook.url}/ping/abc", well=lambda: well) as notifier:
        until(lambda: notifier.watch.beats, 10, "a heartbeat")
        assert hook.got[0][0] == "/ping/abc"
        well = False
        before = notifier.watch.beats
        notifier.watch.tick(1e6)
        assert notifier.watch.beats == before


def test_a_webhook_that_is_busy_is_asked_again_as_late_as_it_says(hook: Http) -> None:
    hook.status = 503
    with running(notify({"hook": {"webhook": hook.url}}, ["hook"])) as notifier:
        tell(notifier)
        until(lambda: hook.got, 10, "the first try")
        hook.status = 200
        until(lambda: notifier.outbox.counts()["sent"], 15, "the second try")
    assert len({body["idempotencyKey"] for _, _, body in hook.got}) == 1 and len(hook.got) >= 2
