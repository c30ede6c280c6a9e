"""Answers of the InfluxQL routes, in the shape that InfluxDB clients read."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from api.answers.base import Answer

Cell = float | int | str | bool | None


class InfluxSeries(Answer):
    """One table: a row of `values` has an entry for each of `columns`."""

    columns: list[str]
    values: list[tuple[Cell, ...]]
    name: str | UnsetType = UNSET
    tags: dict[str, str] | UnsetType = UNSET


class Statement(Answer):
    """What one statement gave; an error comes here too, since Grafana shows only that."""

    statement_id: int
    series: list[InfluxSeries] | UnsetType = UNSET
    error: str | UnsetType = UNSET


class InfluxAnswer(Answer):
    """One entry for each statement."""

    results: list[Statement]
