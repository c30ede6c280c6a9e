"""What ships, fitted to a plant: the dashboards as JSON,
and the two data sources they read from.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any, Final

from plant.calendar import DAY_MIN, minute_of_day, shift_hours
from plant.config import PlantFile

Json = dict[str, Any]
FOLDER: Final = {"uid": "wattline", "title": "Wattline"}
FIGURES = "wattline"
READINGS = "wattline-readings"
NAMES: Final = {FIGURES: "Wattline", READINGS: "Wattline readings"}
DATABASES: Final = {FIGURES: "wattline", READINGS: "wattline_raw"}


def dashboards() -> dict[str, Json]:
    """The dashboards by file name, as they ship."""
    found = sorted(
        files("dashboards.grafana").joinpath("json").iterdir(),
        key=lambda file: file.name,
    )
    return {
        file.name: json.loads(file.read_text(encoding="utf-8"))
        for file in found
        if file.name.endswith(".json")
    }


def fitted(board: Json, plant: PlantFile | None) -> Json:
    """The dashboard with window, time zone and shifts of a plant, so
    that `today` is the plant's; as it ships without one.
    """
    if plant is None:
        return board

    values = constants(plant)
    listed = []
    for variable in board["templating"]["list"]:
        value = values.get(variable["name"])
        listed.append(variable if value is None else _constant(variable, value))

    return board | {
        "templating": {"list": listed},
        "timezone": plant.site.timezone,
    }


def _constant(variable: Json, value: str) -> Json:
    option = {
        "selected": True,
        "text": value,
        "value": value,
    }
    return variable | {
        "query": value,
        "current": option,
        "options": [option],
    }


def constants(plant: PlantFile) -> dict[str, str]:
    """What the dashboards must know of a plant, by variable."""
    window = round(plant.site.window)
    length, offset = shift_grid(dict(plant.site.shifts), plant.site.day_starts)
    return {
        "window": f"{window // 60}m" if window % 60 == 0 else f"{window}s",
        "tz": plant.site.timezone,
        "shift": f"{length}m",
        "shift_offset": f"{offset}m",
    }


def shift_grid(shifts: dict[str, str], day_starts: str) -> tuple[int, int]:
    """Length and first start of shifts, in minutes, where they are
    of one length and fill the day; else the day.
    """
    hours = [shift_hours(span) for span in shifts.values()]
    lengths = {each.length for each in hours}
    if len(lengths) == 1:
        (length,) = lengths
        begins = sorted(each.begins for each in hours)
        even = [begins[0] + number * length for number in range(DAY_MIN // length)]
        if begins == even:
            return length, begins[0]

    return DAY_MIN, minute_of_day(day_starts)


def datasource(
    uid: str,
    url: str,
    database: str,
    interval: str,
    token: str | None,
) -> Json:
    """A data source as Grafana 9 to 13 take it:

    9 asks for no database unless `database` and `dbName` both name it.
    """
    definition: Json = {
        "name": NAMES[uid],
        "uid": uid,
        "type": "influxdb",
        "access": "proxy",
        "url": url,
        "database": database,
        "jsonData": {
            "dbName": database,
            "version": "InfluxQL",
            "httpMode": "POST",
            "timeInterval": interval,
        },
    }
    if token is not None:
        definition["jsonData"]["httpHeaderName1"] = "Authorization"
        definition["secureJsonData"] = {"httpHeaderValue1": f"Token {token}"}

    return definition
