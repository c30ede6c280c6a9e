"""Alerts over the API, and rules tried on stored books: live, as
known then and as known now are one function.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from typer.testing import CliRunner

from api.app import Shown, create_app
from api.ports import Ports
from books.history import History
from rules.language.load import load_rules_text
from rules.watching.backtest import backtest
from store.alert_book import AlertBook
from tests.api_rig import ApiRig, access
from tests.rig import text
from wattline.cli import app as cli
from wattline.hosts.rules import RulesHost
from wattline.operations import Operations

BODY = "sources: {grid: {carrier: electricity, meter: grid, into: board}}\nbuses: {board: {carrier: electricity}}\nlines: {press: {draws: {board: la}}, saw: {draws: {board: lb}}}\n"
RULES = """rules:
  - {id: high, on: {figure: power.electricity, per: line}, when: "mean(2m) > limit", until: "mean(2m) < 50 kW", limits: {limit: 70 kW}, for: 2m, severity: critical,
     say: {en: "{line} draws {value}, more than {limit}", de: "{line} zieht {value}"}, why: Costs., do: Switch it off.}
  - {id: traced, on: {figure: energy.source.grid, per: line}, when: "sum(10m) > 12 kWh and mean(energy.source.grid, 10m) < 2 kWh", severity: info}
  - {id: held, on: {figure: carbon.in_storage, per: site}, when: "value > 1 kg or sum(energy.source.grid, 5m) > 900 MWh", severity: info}
  - {id: silent, on: {figure: silence, per: meter, clock: now}, when: "value > 30 s", severity: warning}
"""


class Rigged(ApiRig):
    """A rig with rules beside it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(text(BODY, "grid la lb", window="1m"), folder)
        self.book = AlertBook(folder / "alerts.db")
        self.rules = load_rules_text("rules.yaml", RULES).file.rules
        self.rules_host = RulesHost(
            self.journal,
            self.book,
            self.site,
            self.rules,
            lambda: self.at + self.window,
            lambda: None,
        )

    def hour(self, *levels: float) -> None:
        """Ten minutes at each level (kW) of the press."""
        for level in levels:
            for _ in range(10):
                self.feed({"grid": level / 60 + 0.1, "la": level / 60, "lb": 0.1})
            self.fold()
        self.sequencer.cut(
            self.at + 20_000_000_000
        )  # just past the grace: what comes next is not late
        self.fold()
        while self.rules_host.turn():
            pass

    def api(self) -> Any:
        ports = Ports(
            figures=History(self.site, self.store),
            live=self.hub,
            operations=CanTell(
                now_ns=lambda: self.at,
                health=dict,
                not_ready=lambda: None,
                metrics=str,
            ),
            alerts=self.rules_host.alerts,
            trials=partial(backtest, self.store, self.site),
        )
        app = create_app(Shown(self.site, "0.1.0"), ports, access())
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://test",
        )


class CanTell(Operations):
    """A plant that can tell people."""

    def test_channel(self, channel: str, name: str) -> object:
        return {"sent": True, "detail": f"{channel} for {name}"}


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rigged]:
    made = Rigged(tmp_path)
    yield made
    made.book.close()
    made.journal.close()


async def test_an_alert_from_firing_to_acknowledged(rig: Rigged) -> None:
    rig.hour(30, 90)
    async with rig.api() as api:
        listed = (await api.get("/api/v1/alerts")).json()
        (alert,) = [a for a in listed["open"] if a["rule"] == "high"]
        assert (alert["rule"], alert["subject"], alert["state"], alert["severity"]) == (
            "high",
            "press",
            "firing",
            "critical",
        )
        assert alert["say"]["en"] == "press draws 90 kW, more than 70 kW"
        assert alert["say"]["zh"] == alert["say"]["en"], "a language that is missing takes another"
        assert alert["fired_ms"] - alert["since_ms"] == 120_000
        done = await api.post(
            f"/api/v1/alerts/{alert['id']}/acknowledge", json={"name": "li", "note": "coming"}
        )
        assert done.json()["alert"]["acknowledged"]["by"] == "li"
        assert [t["action"] for t in done.json()["trail"]][-1] == "acknowledged"
        chart = done.json()["chart"]
        assert chart["unit"] == "kW" and max(
            v for v in chart["value"] if v is not None
        ) == pytest.approx(90)
        rig.hour(30)
        gone = (await api.get("/api/v1/alerts?state=all")).json()
        assert gone["open"] == [] and [
            (a["id"], a["acknowledged"]["by"]) for a in gone["past"] if a["rule"] == "high"
        ] == [(alert["id"], "li")]
        history = (await api.get("/api/v1/alerts/history?rule=high")).json()["changes"]
        assert [c["state"] for c in history] == ["resolved", "firing", "pending"]
        noisy = (await api.get("/api/v1/rules/noisiest")).json()
        assert [
            (r["rule"], r["fired"], r["acknowledged"], r["no_action"])
            for r in noisy["rules"]
            if r["rule"] == "high"
        ] == [("high", 1, 1, 0)]


async def test_mistakes_are_said(rig: Rigged) -> None:
    rig.hour(30, 90)
    async with rig.api() as api:
        (alert,) = [
            a for a in (await api.get("/api/v1/alerts")).json()["open"] if a["rule"] == "high"
        ]
        cases = {
            ("post", f"/api/v1/alerts/{alert['id']}/shelve", '{"name": "li", "reason": "x", "minutes": 999}'): "can be shelved for up to 4 h",
            ("post", "/api/v1/alerts/none/acknowledge", '{"name": "li"}'): "there is no open alert 'none'",
            ("post", f"/api/v1/alerts/{alert['id']}/acknowledge", '{"name": ""}'): "name",
            ("post", "/api/v1/silences", '{"name": "li", "reason": "x", "until": "2020-01-01T00:00:00Z", "rule": "high"}'): "from must be before to",
            ("get", "/api/v1/rules/silent/backtest", ""): "watches newest values",
            ("get", "/api/v1/rules/none/backtest", ""): "there is no rule 'none'",
            ("get", "/api/v1/alerts/none", ""): "there is no alert 'none'",
            ("post", "/api/v1/rules/try", '{"text": "rules: [{id: a, on: {figure: power.electrcity, per: line}, when: x, severity: info}]", "rule": "a"}'): "did you mean 'power.electricity'?",
            ("post", "/api/v1/rules/try", '{"text": "rules: [{id: a, on: {figure: energy.source.gird, per: line}, when: value > 4 kWh, severity: info}]", "rule": "a"}'): "did you mean 'grid'?",
        }  # fmt: skip
        for (method, path, body), says in cases.items():
            answer = await api.request(
                method, path, content=body or None, headers={"Content-Type": "application/json"}
            )
            gone = path.endswith(("/none", "/none/backtest", "/none/acknowledge"))
            assert (
                answer.status_code == (404 if gone else 400)
                and says in answer.json()["error"]["message"]
            ), (
                path,
                answer.text,
            )
        strange = await api.post(
            f"/api/v1/alerts/{alert['id']}/acknowledge",
            json={"name": "x"},
            headers={"Origin": "http://elsewhere"},
        )
        assert strange.status_code == 403 and "another site" in strange.text


async def test_silences_come_and_go(rig: Rigged) -> None:
    rig.hour(30, 90)
    async with rig.api() as api:
        until = rig.iso(rig.at + 3_600_000_000_000)
        made = await api.post(
            "/api/v1/silences",
            json={"name": "li", "reason": "trial run", "until": until, "rule": "high"},
        )
        assert made.json()["kind"] == "silence"
        (alert,) = [
            a for a in (await api.get("/api/v1/alerts")).json()["open"] if a["rule"] == "high"
        ]
        assert alert["quiet"]["reason"] == "trial run"
        assert (await api.delete(f"/api/v1/silences/{made.json()['id']}?name=anna")).json() == []
        assert (await api.get("/api/v1/silences")).json() == []
        tested = await api.post("/api/v1/notify/test", json={"channel": "mail", "name": "li"})
        assert tested.json() == {"sent": True, "detail": "mail for li"}


async def test_a_back_test_says_what_live_running_said(rig: Rigged) -> None:
    rig.hour(30, 90, 30, 95, 60, 30, 80)
    span = f"from={rig.iso(rig.start)}&to={rig.iso(rig.at + rig.window)}"
    async with rig.api() as api:
        for known in ("then", "now"):
            found = (await api.get(f"/api/v1/rules/high/backtest?{span}&known={known}")).json()
            live = (await api.get(f"/api/v1/alerts/history?{span}&rule=high")).json()["changes"]
            fired = [c["at_ms"] for c in reversed(live) if c["state"] == "firing"]
            assert [s["from_ms"] for s in found["spans"]] == fired and len(fired) == 3
            assert [s["to_ms"] for s in found["spans"]][:2] == [
                c["at_ms"] for c in reversed(live) if c["state"] == "resolved"
            ]
            by_factor = {t["factor"]: t["fired"] for t in found["others"]}
            assert by_factor == {0.8: 3, 0.9: 3, 1.0: 3, 1.1: 3, 1.25: 2}
            assert found["chart"]["subject"] == "press" and len(found["chart"]["value"]) == 70
        assert (await api.get(f"/api/v1/rules/high/backtest?{span}&level=1.25")).json()[
            "fired"
        ] == 2
        for known in ("then", "now"):
            traced = (await api.get(f"/api/v1/rules/traced/backtest?{span}&known={known}")).json()[
                "spans"
            ]
            live = (await api.get(f"/api/v1/alerts/history?{span}&rule=traced")).json()["changes"]
            assert [s["from_ms"] for s in traced] == [
                c["at_ms"] for c in reversed(live) if c["state"] == "firing"
            ]
            assert len(traced) == 3 and {s["subject"] for s in traced} == {"press"}
        changed = RULES.replace("limits: {limit: 70 kW}", "limits: {limit: 92 kW}")
        tried = (
            await api.post(
                "/api/v1/rules/try",
                json={
                    "text": changed,
                    "rule": "high",
                    "from": rig.iso(rig.start),
                    "to": rig.iso(rig.at),
                },
            )
        ).json()
        assert [s["value"] for s in tried["spans"]] == [pytest.approx(95)]


def test_a_plant_with_another_meter_does_not_stop_the_rules(tmp_path: Path) -> None:
    """Books still come of the plant as it was; newest values are of the plant as it is."""
    old = Rigged(tmp_path)
    old.hour(30)
    old.rules_host.save()
    folder = tmp_path / "new"
    folder.mkdir()
    new = ApiRig(text(BODY.replace("[lb]", "lb"), "grid extra la lb", window="1m"), folder)
    values = {"meter": {"silence": np.array([0.0, 99.0, 0.0, 0.0])}}
    sample = lambda: (old.at + 60_000_000_000, values)  # noqa: E731
    host = RulesHost(
        old.journal,
        old.book,
        new.site,
        old.rules,
        lambda: old.at + old.window,
        sample,
        books_site=old.site,
    )
    host.turn()
    assert [o.alert.subject for o in host.alerts.desk.open.values()] == ["extra"]
    old.book.close()
    old.journal.close()
    new.journal.close()


def test_the_rules_begin_again_after_an_error(rig: Rigged) -> None:
    rig.hour(30, 90)
    host, turns = rig.rules_host, iter([OSError("disk"), None])
    host.trouble.backoff.shortest_s, turn = 0.01, host.turn

    def fails_once() -> bool:
        problem = next(turns, None)
        if problem is not None:
            raise problem
        host.stopping.set()
        return turn()

    host.turn = fails_once  # type: ignore[method-assign]
    host.run()
    assert host.failed is None
    assert "high|press" in host.alerts.desk.open, "what was open is open"


def test_the_command_runs_the_tests_beside_rules(tmp_path: Path) -> None:
    good = CliRunner().invoke(cli, ["rules", "test"])
    assert good.exit_code == 0 and " 0 failed" in good.output
    file = tmp_path / "mine.yaml"
    file.write_text(
        RULES
        + 'tests:\n  - {rule: high, series: {press: {power.electricity: "90kW x5"}}, expect: [{at: 1m, state: firing}]}\n',
        encoding="utf-8",
    )
    bad = CliRunner().invoke(cli, ["rules", "test", str(file)])
    assert bad.exit_code == 1
    assert "high on press: at 1m expected firing, found pending" in bad.output
