"""MQTT in the plant file: kinds of topics with JSON payloads, and the meters that send to them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from plant.document import Finding
from plant.hints import missing
from plant.meter import Connection, Login, Meter
from plant.protocols.base import DEFAULT_COUNTER_STEP, Declared, Edge, EdgeTags, Power
from plant.strict import Id, Strict
from plant.units import to_canonical


class TopicConfig(Strict):
    """One kind of MQTT topic and where its values stand in the JSON payload."""

    filter: str = Field(
        description="topic filter with {meter} where the meter's id stands, "
        "such as gas/{meter}/state",
    )
    value: str = Field("$.value", description="path of the counter in the payload")
    flow: str | None = Field(None, description="path of the instantaneous value")
    time: str | None = Field(
        None,
        description="path of the sample time (ISO 8601 with offset, or Unix seconds); "
        "default: time of receipt",
    )


class MqttConnection(Connection, Login):
    """An MQTT broker and the kinds of topics that meters send to."""

    word: ClassVar[str] = "mqtt"

    mqtt: str = Field(
        pattern=r"^mqtts?://[^/:]+(:\d+)?$",
        description="mqtt://HOST:PORT, or mqtts:// with TLS",
    )
    topics: dict[Id, TopicConfig] = Field({}, description="kinds of topics by name")

    def topic_of(self, meter: Meter) -> TopicConfig:
        """The kind of topic that a meter sends to."""
        return self.topics[MqttMeter.of(meter).topic]

    def quantities(self, meter: Meter) -> tuple[str, ...]:
        """What a meter behind it says: a counter, and a flow where the payload has one."""
        has_flow = self.topic_of(meter).flow is not None
        return ("counter", "flow") if has_flow else ("counter",)


class MqttMeter(Meter):
    """A meter that sends its counter to a topic."""

    topic: Id = Field(description="kind of topic, a name under the connection's topics")
    id: str = Field(description="what stands for {meter} in the topic filter")
    unit: str = Field(description="unit of its counter, such as Nm3 or kg")

    @property
    def counter_unit(self) -> str:
        """Unit in which it counts."""
        return self.unit


def check(declared: Declared) -> Iterator[Finding]:
    """Every meter sends to a kind of topic that its connection knows."""
    for key, given in declared.meters.items():
        meter = MqttMeter.of(given)
        behind = declared.connections[meter.on]
        topics = MqttConnection.of(behind).topics
        if meter.topic in topics:
            continue

        place = ("meters", key, "topic")
        what = f"topic on connection '{meter.on}'"
        yield place, missing(meter.topic, topics, what)


def channels(edge: Edge) -> EdgeTags:
    """The counter of the payload, and its flow as power."""
    meter = MqttMeter.of(edge.meter)
    canonical, factor = to_canonical(meter.unit)
    scale = edge.scale(canonical)
    counter = edge.counter(
        "counter.total",
        scale=scale,
        step=(meter.step or DEFAULT_COUNTER_STEP) * factor,
        wraps_at=None if meter.wraps_at is None else meter.wraps_at * factor,
        factor=factor,
    )
    power = None
    if "flow" in edge.connection.quantities(meter):
        power = Power(edge.tag("flow.total"), scale)

    return EdgeTags(
        counters=(counter,),
        power=power,
    )
