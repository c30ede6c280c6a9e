"""Reading strict YAML: every mistake of a file in one go, each with its line.

`load_plant` reads a plant file; `load_yaml` reads any file against a pydantic model (profiles,
simulator files, rules).
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from plant.check import cross_check
from plant.config import PlantFile
from plant.document import Document, Place
from plant.errors import ConfigError, Mistake
from plant.grammar import fields_at
from plant.hints import suggestion
from plant.notify_check import check_notify

Model = TypeVar("Model", bound=BaseModel)

# pydantic's kinds of error, in the words of somebody who writes YAML
_WORDING = {
    "bool_type": "must be true or false",
    "int_parsing": "must be a whole number",
    "float_parsing": "must be a number",
    "string_type": "must be text",
    "dict_type": "must be a mapping (key: value)",
    "model_type": "must be a mapping (key: value)",
    "list_type": "must be a list",
}


def load_plant(
    path: Path,
    profiles: Collection[str] = (),
    figures: Collection[str] = (),
) -> PlantFile:
    """Read and cross-check a plant file.

    `profiles` are the ids of the catalogue, `figures` the names of the figures that there are;
    where they are not given, nothing is held against them.
    """
    return load_plant_text(str(path), read_text(path), profiles, figures)


def load_plant_text(
    name: str,
    text: str,
    profiles: Collection[str] = (),
    figures: Collection[str] = (),
) -> PlantFile:
    """Like `load_plant`, from text."""
    plant, document = load_text(name, text, PlantFile)
    findings = cross_check(plant, profiles, figures)
    if plant.notify is not None:
        findings += check_notify(plant.notify)

    if findings:
        raise ConfigError([document.mistake(path, message) for path, message in findings])

    return plant


def load_yaml(path: Path, model: type[Model]) -> Model:
    """Parse the file at `path` against `model`; ConfigError carries every mistake."""
    value, _ = load_text(str(path), read_text(path), model)
    return value


def load_text(
    name: str,
    text: str,
    model: type[Model],
) -> tuple[Model, Document]:
    """Parse `text` against `model`; ConfigError carries every mistake."""
    document = Document(name, text)
    try:
        value = model.model_validate(document.value)
    except ValidationError as error:
        raise ConfigError(document.duplicates + _mistakes(error, document, model)) from None

    if document.duplicates:
        raise ConfigError(document.duplicates)

    return value, document


def read_text(path: Path) -> str:
    """Text of a file; ConfigError if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise _unreadable(path, f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise _unreadable(path, "is not UTF-8 text; save it as UTF-8") from error


def _unreadable(path: Path, why: str) -> ConfigError:
    return ConfigError(
        [
            Mistake(
                str(path),
                line=1,
                path="",
                message=why,
            )
        ]
    )


def _mistakes(
    error: ValidationError,
    document: Document,
    model: type[BaseModel],
) -> list[Mistake]:
    """Each error of pydantic at its place in the file; of several at one the first is told."""
    found: dict[Place, Mistake] = {}
    for item in error.errors(include_url=False):
        place = _place(item, document)
        if place not in found:
            found[place] = document.mistake(place, _message(item, document, model))

    return list(found.values())


def _place(item: ErrorDetails, document: Document) -> Place:
    """Where in the file an error is: pydantic's location without what only pydantic knows of."""
    location = _location(item)
    place: Place = ()
    for part in location:
        # A part that is no node of the file names a branch of a union, unless it is the last:
        # that may be the key which is missing.
        deeper = (*place, part)
        if deeper in document.lines or part == location[-1]:
            place = deeper

    ends_in_branch = bool(place) and isinstance(place[-1], str) and place not in document.lines
    if ends_in_branch and item["type"] != "missing":
        return place[:-1]

    return place


def _location(item: ErrorDetails) -> Place:
    """pydantic's location; "[key]" is its mark for an error in a key itself."""
    return tuple(part for part in item["loc"] if part != "[key]")


def _message(
    error: ErrorDetails,
    document: Document,
    model: type[BaseModel],
) -> str:
    kind = error["type"]
    given = error["input"]
    if kind in ("extra_forbidden", "missing"):
        *above, key = _location(error)
        fields = fields_at(model, tuple(above), document.value)
        if kind == "extra_forbidden":
            return "unknown key" + suggestion(str(key), fields)

        means = fields[str(key)].description if str(key) in fields else None
        return f"is needed and missing: {means}" if means else "is needed and missing"

    if kind in _WORDING:
        return _WORDING[kind]

    context = error.get("ctx", {})
    if kind == "string_pattern_mismatch":
        return f"{given!r} does not fit the form {context['pattern']}"

    if kind in ("literal_error", "enum"):
        expected = str(context["expected"])
        words = expected.replace("'", "").replace(" or ", ", ").split(", ")
        return f"must be one of {expected}, not {given!r}" + suggestion(str(given), words)

    return _sentence(error["msg"])


def _sentence(message: str) -> str:
    """pydantic's own text as one of ours: what the value must be."""
    text = message.removeprefix("Value error, ").removeprefix("Input should ")
    ours = text.startswith(("must", "expected", "exactly", "needs"))
    return text if ours else f"must {text}"
