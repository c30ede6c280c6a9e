"""What deploy/grafana holds is what Grafana 9 to 13 take, and the same as what is pushed."""

from __future__ import annotations

import configparser
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards.grafana import shipped

FOLDER = Path(__file__).parents[3] / "deploy" / "grafana"
URLS = {"embedded": "http://HOST:8000/api/influx", "influxdb": "http://HOST:8086"}
TOKENS = {"embedded": "$WATTLINE_QUERY_TOKEN", "influxdb": "$INFLUX_TOKEN"}


def read(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("kind", URLS)
def test_data_sources_are_those_that_are_pushed(kind: str) -> None:
    found = read(f"datasources/{kind}.yaml")
    assert found["apiVersion"] == 1
    for given, (uid, interval) in zip(
        found["datasources"], {"wattline": "1m", "wattline-readings": "10s"}.items(), strict=True
    ):
        pushed = shipped.datasource(uid, URLS[kind], shipped.DATABASES[uid], interval, TOKENS[kind])
        assert given == pushed | {"editable": False}
        assert given["access"] == "proxy" and given["database"] == given["jsonData"]["dbName"]


def test_the_provider_puts_boards_into_the_folder_that_a_push_uses() -> None:
    (provider,) = read("dashboards/wattline.yaml")["providers"]
    assert (provider["folder"], provider["folderUid"]) == (
        shipped.FOLDER["title"],
        shipped.FOLDER["uid"],
    )
    assert (
        provider["type"] == "file"
        and provider["allowUiUpdates"] is False
        and provider["options"]["path"]
    )


def test_grafana_keeps_off_the_internet() -> None:
    found = configparser.ConfigParser()
    found.read(FOLDER / "grafana.ini", encoding="utf-8")
    assert {s: dict(found[s]) for s in found.sections()} == {
        "plugins": {
            "preinstall_disabled": "true",
            "preinstall_auto_update": "false",
            "plugin_admin_enabled": "false",
        },
        "analytics": {
            "reporting_enabled": "false",
            "check_for_updates": "false",
            "check_for_plugin_updates": "false",
        },
        "news": {"news_feed_enabled": "false"},
    }
