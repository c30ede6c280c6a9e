"""Which keys a model accepts at a place of a file, for "did you mean"."""

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


def known_keys(model: type[BaseModel], place: Place, document: object) -> list[str]:
    """Keys accepted at `place` of a document whose content is `document`."""
    annotation: object = model
    value = document
    for part in place:
        value = _member(value, part)
        field = _field(_models(annotation), str(part))
        annotation = field.annotation if field is not None else _of_members(annotation)
        choice = _choice(annotation)
        if choice is not None:
            return _keys(choice.models(value, document), place[place.index(part) + 1 :])
    return _keys(_models(annotation), ())


def _keys(models: list[type[BaseModel]], below: Place) -> list[str]:
    """The keys of these models, or of what stands `below` them."""
    keys: list[str] = []
    for model in models:
        if below:
            keys += known_keys(model, below, None)
            continue
        for name, field in model.model_fields.items():
            keys.append(field.alias or name)
    return keys


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
