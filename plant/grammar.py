"""Which keys a model accepts at a place of a file, for what is said of unknown and missing ones."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from plant.document import Place


@runtime_checkable
class Choice(Protocol):
    """A mark in the grammar of what is read by one of several models."""

    def models(self, value: object, plant: object) -> list[type[BaseModel]]:
        """The models that may read `value`, one if it is clear which."""


def fields_at(
    model: type[BaseModel],
    place: Place,
    document: object,
) -> dict[str, FieldInfo]:
    """Fields by key, as accepted at `place` of a document whose content is `document`."""
    annotation: object = model
    value = document
    for depth, part in enumerate(place, 1):
        value = _member(value, part)
        field = _field(_models(annotation), str(part))
        annotation = field.annotation if field is not None else _of_members(annotation)
        choice = _choice(annotation)
        if choice is not None:
            return _fields(choice.models(value, document), place[depth:])

    return _fields(_models(annotation), ())


def _fields(models: list[type[BaseModel]], below: Place) -> dict[str, FieldInfo]:
    """The fields of these models, or of what stands `below` them."""
    fields: dict[str, FieldInfo] = {}
    for model in models:
        if below:
            fields |= fields_at(model, below, None)
            continue

        for name, field in model.model_fields.items():
            fields[field.alias or name] = field

    return fields


def _member(value: object, part: str | int) -> object:
    if isinstance(value, dict):
        return value.get(part)

    if isinstance(value, list) and isinstance(part, int):
        return value[part]

    return None


def _field(models: list[type[BaseModel]], key: str) -> FieldInfo | None:
    for model in models:
        for name, field in model.model_fields.items():
            if key in (name, field.alias):
                return field

    return None


def _choice(annotation: object) -> Choice | None:
    for mark in getattr(annotation, "__metadata__", ()):
        if isinstance(mark, Choice):
            return mark

    return None


def _models(annotation: object) -> list[type[BaseModel]]:
    """The models that may stand directly at an annotation: itself, or branches of a union."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]

    if getattr(annotation, "__origin__", None) in (dict, list):
        return []

    found: list[type[BaseModel]] = []
    for branch in _arguments(annotation):
        found += _models(branch)

    return found


def _of_members(annotation: object) -> object:
    """What the members of a mapping or list are; the annotation itself where it has none."""
    if _models(annotation):
        return annotation

    arguments = _arguments(annotation)
    return arguments[-1] if arguments else annotation


def _arguments(annotation: object) -> tuple[object, ...]:
    arguments: tuple[object, ...] = getattr(annotation, "__args__", ())
    return arguments
