"""Which keys a model accepts at a place of a file, for "did you mean"."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from plant.document import Place


def known_keys(model: type[BaseModel], place: Place, value: object) -> list[str]:
    """Keys accepted at `place` of a document whose content is `value`."""
    annotation: object = model
    for part in place:
        field = _field(annotation, str(part))
        if field is not None:
            annotation = field.annotation
        elif not _models(annotation):
            annotation = _of_members(annotation)
    keys: list[str] = []
    for found in _models(annotation):
        for name, field in found.model_fields.items():
            keys.append(field.alias or name)
    return keys


def _field(annotation: object, key: str) -> FieldInfo | None:
    for model in _models(annotation):
        for name, field in model.model_fields.items():
            if key in (name, field.alias):
                return field
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
    arguments = list(_arguments(annotation))
    return arguments[-1] if arguments else annotation


def _arguments(annotation: object) -> Iterator[object]:
    yield from getattr(annotation, "__args__", ())
