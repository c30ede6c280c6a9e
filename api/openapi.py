"""OpenAPI of the answers: what each operation gives, as schemas made from the classes in `api.answers`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from api.answers import alerts, base, figures, influx, live, operations, plant

REFERENCE: Final = "#/components/schemas/{name}"
ANSWERS: Final = (
    base.Error,
    operations.Healthy,
    operations.Ready,
    plant.Site,
    plant.Meter,
    plant.Health,
    plant.SourceFactors,
    figures.FigureMeaning,
    figures.Series,
    figures.Explained,
    figures.SpanFlows,
    live.Live,
    alerts.Alerts,
    alerts.OneAlert,
    alerts.Changes,
    alerts.Noisiest,
    alerts.Backtest,
    alerts.Notify,
    alerts.TestSent,
    influx.InfluxAnswer,
)


def answer_schemas() -> Mapping[str, Mapping[str, object]]:
    """The schema of each answer, and of all that it is made of, by name."""
    _, schemas = msgspec.json.schema_components(ANSWERS, ref_template=REFERENCE)
    return schemas
