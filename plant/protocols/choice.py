"""Which protocol a connection or a meter of a plant file speaks, so that its own model reads it.

A connection names its protocol by the key of its address; a meter speaks that of its connection.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Union

from pydantic import (
    BaseModel,
    GetCoreSchemaHandler,
    ValidationError,
    ValidatorFunctionWrapHandler,
)
from pydantic_core import CoreSchema, InitErrorDetails, core_schema

from plant.meter import Connection, Meter
from plant.protocols import PROTOCOLS


class GivenMeter(dict[str, object]):
    """A meter as written, with the protocol of its connection noted; "" where that is not known."""

    protocol = ""


def note_protocols(plant: object) -> object:
    """The content of a plant file in which every meter knows the protocol of its connection."""
    if not isinstance(plant, Mapping) or not isinstance(plant.get("meters"), Mapping):
        return plant

    noted: dict[object, object] = {}
    for key, meter in plant["meters"].items():
        if isinstance(meter, Mapping):
            given = GivenMeter(meter)
            given.protocol = _protocol_behind(meter, plant)
            noted[key] = given
        else:
            noted[key] = meter

    return {
        **plant,
        "meters": noted,
    }


def _protocol_behind(meter: Mapping[object, object], plant: object) -> str:
    """The protocol of a meter's connection; "" where that is not clear."""
    connections = plant.get("connections") if isinstance(plant, Mapping) else None
    if not isinstance(connections, Mapping):
        return ""

    words = _words(connections.get(meter.get("on")))
    return words[0] if len(words) == 1 else ""


def _words(connection: object) -> list[str]:
    """The protocols that a connection as written names; one, if it is right."""
    if isinstance(connection, Connection):
        return [connection.word]

    if not isinstance(connection, Mapping):
        return []

    return [word for word in PROTOCOLS if word in connection]


class ByAddress:
    """Mark of a connection in the grammar: the key of its address says which model reads it."""

    def models(self, value: object, plant: object) -> list[type[BaseModel]]:
        """The models that may read `value`, one if it is clear which."""
        possible = _words(value) or list(PROTOCOLS)
        entries = [PROTOCOLS[word] for word in possible]
        return [entry.connection for entry in entries]

    def read(self, value: object) -> Connection:
        """The connection that is written."""
        if isinstance(value, Connection):
            return value

        if not isinstance(value, Mapping):
            return Connection.model_validate(value)

        words = _words(value)
        if len(words) == 1:
            return PROTOCOLS[words[0]].connection.model_validate(value)

        _refuse_unknown(value, self.models(None, None))
        raise ValueError(f"exactly one of {', '.join(PROTOCOLS)} is needed")

    def __get_pydantic_core_schema__(
        self,
        source: object,
        handler: GetCoreSchemaHandler,
    ) -> CoreSchema:
        return _chosen(
            self.read,
            [entry.connection for entry in PROTOCOLS.values()],
            handler,
        )


class ByConnection:
    """Mark of a meter in the grammar: the protocol of its connection says which model reads it."""

    def models(self, value: object, plant: object) -> list[type[BaseModel]]:
        """The models that may read `value`, one if it is clear which."""
        possible = list(PROTOCOLS)
        if isinstance(value, Mapping):
            word = _protocol_behind(value, plant)
            possible = [word] if word else possible

        entries = [PROTOCOLS[word] for word in possible]
        return [entry.meter for entry in entries]

    def read(self, value: object) -> Meter:
        """The meter that is written."""
        if isinstance(value, Meter) or not isinstance(value, Mapping):
            return Meter.model_validate(value)

        word = value.protocol if isinstance(value, GivenMeter) else ""
        model = PROTOCOLS[word].meter if word else _best_fit(value)
        return model.model_validate(dict(value))

    def __get_pydantic_core_schema__(
        self,
        source: object,
        handler: GetCoreSchemaHandler,
    ) -> CoreSchema:
        return _chosen(
            self.read,
            [entry.meter for entry in PROTOCOLS.values()],
            handler,
        )


def _best_fit(value: Mapping[object, object]) -> type[Meter]:
    """The model that knows most of the keys, where the connection is not there to tell."""

    def strangers(model: type[Meter]) -> int:
        return len(set(value) - _keys(model))

    return min((entry.meter for entry in PROTOCOLS.values()), key=strangers)


def _refuse_unknown(value: Mapping[object, object], models: Sequence[type[BaseModel]]) -> None:
    """ValidationError for each key that none of the models has."""
    known: set[object] = set()
    for model in models:
        known |= _keys(model)

    mistakes: list[InitErrorDetails] = []
    for key, given in value.items():
        if key not in known:
            mistakes.append(
                {
                    "type": "extra_forbidden",
                    "loc": (str(key),),
                    "input": given,
                }
            )

    if mistakes:
        raise ValidationError.from_exception_data("connection", mistakes)


def _keys(model: type[BaseModel]) -> set[object]:
    """The keys of a model as files write them."""
    return {field.alias or name for name, field in model.model_fields.items()}


def _chosen(
    read: Callable[[object], BaseModel],
    models: Sequence[type[BaseModel]],
    handler: GetCoreSchemaHandler,
) -> CoreSchema:
    """A value that `read` reads; editors are told that it is one of these models."""

    def validate(value: object, _: ValidatorFunctionWrapHandler) -> BaseModel:
        return read(value)

    one_of = handler.generate_schema(Union[tuple(models)])  # noqa: UP007
    return core_schema.no_info_wrap_validator_function(validate, one_of)
