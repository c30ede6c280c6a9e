"""`notify:` in the plant file: every mistake with its line, and secrets only by reference."""

from __future__ import annotations

import pytest

from plant.errors import ConfigError
from plant.load import load_plant_text

HEAD = 'site: {id: t, timezone: Europe/Berlin, grid: CN-ZJ}\nnotify:\n  link: "http://energy.works.local:8000"\n'
GOOD = """  language: de
  channels:
    mail:  {url: "mailto://mail.works.local:25?from=wattline@works.local&to=shift@works.local", user: wattline, password: {secret: mail}}
    teams: {url: {secret: teams_url}}
    scada: {mqtt: "mqtt://10.0.0.5:1883", topic: wattline}
    hook:  {webhook: "http://10.0.0.7/alerts"}
    am:    {alertmanager: "http://10.0.0.6:9093"}
  people:
    li:   {name: Li Wei, channels: [teams, mail], language: zh, at_most: 20}
    anna: {channels: [mail]}
  rotas:
    on_call: {people: [li, anna], since: "2026-01-05 08:00", every: 7d}
  tell: {critical: [on_call, scada], warning: [on_call], info: []}
  digest: "07:00"
  fallback: mail
  expires: 24h
  heartbeat: {url: "https://hc.example/ping", every: 1m}
  self_test: {day: mon, at: "09:00"}
"""


def mistakes(text: str) -> list[str]:
    with pytest.raises(ConfigError) as found:
        load_plant_text("p.yaml", HEAD + text)
    return [str(m) for m in found.value.mistakes]


def changed(old: str, new: str) -> list[str]:
    assert old in GOOD
    return mistakes(GOOD.replace(old, new))


def test_the_sample_is_good() -> None:
    notify = load_plant_text("p.yaml", HEAD + GOOD).notify
    assert (
        notify is not None
        and notify.channels["am"].kind == "alertmanager"
        and notify.expires == 86400.0
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("channels: [teams, mail]", "channels: [teems, mail]", "p.yaml:12: notify.people.li.channels.0: there is no channel 'teems' (did you mean 'teams'?)"),
        ("people: [li, anna]", "people: [li, ana]", "p.yaml:15: notify.rotas.on_call.people.1: there is no person 'ana' (did you mean 'anna'?)"),
        ("warning: [on_call]", "warning: [oncall]", "p.yaml:16: notify.tell.warning.0: there is no person, rota or channel 'oncall' (did you mean 'on_call'?)"),
        ("fallback: mail", "fallback: mial", "p.yaml:18: notify.fallback: there is no channel 'mial' (did you mean 'mail'?)"),
        ("{secret: mail}", "{secrt: mail}", "p.yaml:6: notify.channels.mail.password.secrt: unknown key (did you mean 'secret'?)"),
        ("{secret: teams_url}", "{secrt: teams_url}", "p.yaml:7: notify.channels.teams.url.secrt: unknown key (did you mean 'secret'?)"),
        ("2026-01-05 08:00", "2026-02-30 08:00", "p.yaml:15: notify.rotas.on_call.since: there is no 2026-02-30 08:00 in the calendar"),
    ],
)  # fmt: skip
def test_a_mistake_has_its_line_and_a_hint(old: str, new: str, said: str) -> None:
    assert said in changed(old, new)


def test_the_heartbeat_needs_an_alertmanager() -> None:
    found = changed('{url: "https://hc.example/ping", every: 1m}', "{alertmanager: mail}")
    assert found == [
        "p.yaml:20: notify.heartbeat.alertmanager: there is no channel to an Alertmanager 'mail'"
    ]


def test_names_are_of_one_thing_only() -> None:
    found = changed("on_call: {people", "li: {people")
    assert "p.yaml:15: notify.rotas.li: is the name of a person too; give each its own" in found


@pytest.mark.parametrize(
    "url", ["mailto://me:hunter2@works.local", "json://10.0.0.9/x?token=hunter2"]
)
def test_a_secret_in_the_file_is_refused_and_not_repeated(url: str) -> None:
    (found,) = changed("{secret: teams_url}", f'"{url}"')
    assert "put the whole address into a secret" in found and "hunter2" not in found


def test_an_open_password_is_refused() -> None:
    (found,) = changed("password: {secret: mail}", "password: hunter2")
    assert found.startswith("p.yaml:6: notify.channels.mail.password:") and "hunter2" not in found


def test_nobody_told_of_what_is_critical_is_a_mistake() -> None:
    (found,) = changed("critical: [on_call, scada]", "critical: []")
    assert found.startswith("p.yaml:16: notify.tell.critical:")
