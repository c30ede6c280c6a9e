"""Reading strict YAML: every mistake of a file in one go, each with its line.

`load_plant` reads a plant file; `load_yaml` reads any file against a pydantic model (profiles, simulator files, rules).
"""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from plant.check import cross_check
from plant.config import PlantFile
from plant.errors import ConfigError, Mistake
from plant.notify_check import check_notify

Model = TypeVar("Model", bound=BaseModel)
Path_ = tuple[str | int, ...]


_Base: Any = getattr(
    yaml, "CSafeLoader", yaml.SafeLoader
)  # the C parser, where PyYAML was built with it, is ten times faster


class _Loader(_Base):  # type: ignore[misc]
    """YAML 1.2 words: `on`, `off`, `yes`, `no` and 06:00 are text, dates too."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"^(?:true|True|false|False)$", "tTfF"),
    ("int", r"^(?:[-+]?(?:0|[1-9][0-9]*)|0x[0-9a-fA-F]+)$", "-+0123456789"),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", "-+0123456789."),
    ("null", r"^(?:~|null|)$", "~n\0"),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}",
        re.compile(_pattern),
        [*_first.replace("\0", ""), *([""] if _tag == "null" else [])],
    )


class Document:
    """A YAML text with the line of every node."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.lines: dict[Path_, int] = {}
        self.duplicates: list[Mistake] = []
        try:
            root = yaml.compose(text, Loader=_Loader)
            self.value = self._build(root, (), yaml.constructor.SafeConstructor()) if root else {}
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            raise ConfigError(
                [
                    Mistake(
                        name, mark.line + 1 if mark else 1, "", f"not valid YAML: {error.problem}"
                    )
                ]
            ) from error

    def _build(
        self, node: yaml.Node, path: Path_, construct: yaml.constructor.SafeConstructor
    ) -> Any:
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            built: dict[str, Any] = {}
            for key_node, value_node in node.value:
                key = str(construct.construct_object(key_node))
                self.lines[(*path, key)] = key_node.start_mark.line + 1
                if key in built:
                    where = ".".join(map(str, (*path, key)))
                    self.duplicates.append(
                        Mistake(
                            self.name, key_node.start_mark.line + 1, where, "given twice; keep one"
                        )
                    )
                built[key] = self._build(value_node, (*path, key), construct)
            return built
        if isinstance(node, yaml.SequenceNode):
            return [
                self._build(child, (*path, index), construct)
                for index, child in enumerate(node.value)
            ]
        value = construct.construct_object(node)
        return value.isoformat() if hasattr(value, "isoformat") else value

    def line(self, path: Path_) -> int:
        """Line of the node at `path`, or of the nearest node above it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def mistake(self, path: Path_, message: str) -> Mistake:
        return Mistake(self.name, self.line(path), ".".join(map(str, path)), message)


def _fields(model: Any, path: Path_) -> list[str]:
    """Keys accepted where an unknown key was found, for "did you mean"."""
    current: Any = model
    for part in path:
        candidates = _models(current)
        field = next(
            (m.model_fields.get(str(part)) or _by_alias(m, str(part)) for m in candidates), None
        )
        if field is not None:
            current = field.annotation
        elif not candidates:
            current = _inner(current)
    return [f.alias or name for m in _models(current) for name, f in m.model_fields.items()]


def _by_alias(model: type[BaseModel], key: str) -> Any:
    return next((f for f in model.model_fields.values() if f.alias == key), None)


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if getattr(annotation, "__origin__", None) in (dict, list):
        return []
    return [m for arg in getattr(annotation, "__args__", ()) for m in _models(arg)]


def _inner(annotation: Any) -> Any:
    args = getattr(annotation, "__args__", ())
    return args[-1] if args else annotation


def suggestion(word: str, known: list[str]) -> str:
    """ " (did you mean 'x'?)" or nothing."""
    close = difflib.get_close_matches(word, known, 1, 0.6)
    return f" (did you mean '{close[0]}'?)" if close else ""


_WORDING = {
    "missing": "is needed and missing",
    "bool_type": "must be true or false",
    "int_parsing": "must be a whole number",
    "float_parsing": "must be a number",
    "string_type": "must be text",
    "dict_type": "must be a mapping (key: value)",
    "model_type": "must be a mapping (key: value)",
    "list_type": "must be a list",
}


def _message(error: Any, model: type[BaseModel]) -> str:
    kind = error["type"]
    if kind == "extra_forbidden":
        return "unknown key" + suggestion(str(error["loc"][-1]), _fields(model, error["loc"][:-1]))
    if kind in _WORDING:
        return _WORDING[kind]
    if kind == "string_pattern_mismatch":
        return f"{error['input']!r} does not fit the form {error['ctx']['pattern']}"
    if kind in ("literal_error", "enum"):
        expected = str(error["ctx"]["expected"])
        return f"must be one of {expected}, not {error['input']!r}" + suggestion(
            str(error["input"]), expected.replace("'", "").replace(" or ", ", ").split(", ")
        )
    text = str(error["msg"]).removeprefix("Value error, ").removeprefix("Input should ")
    return text if text.startswith(("must", "expected", "exactly", "needs")) else f"must {text}"


def _clean(location: Path_, document: Document) -> Path_:
    """pydantic's location without the names of union branches."""
    path: Path_ = ()
    for part in location:
        if (*path, part) in document.lines or part == location[-1]:
            path = (*path, part)
    return path


def _mistakes(error: ValidationError, document: Document, model: type[BaseModel]) -> list[Mistake]:
    found: dict[Path_, Mistake] = {}
    for item in error.errors(include_url=False):
        location = tuple(part for part in item["loc"] if part != "[key]")
        path = _clean(location, document)
        if (
            path
            and isinstance(path[-1], str)
            and (path not in document.lines)
            and item["type"] != "missing"
        ):
            path = path[:-1]
        found.setdefault(path, document.mistake(path, _message({**item, "loc": location}, model)))
    return list(found.values())


def load_text(name: str, text: str, model: type[Model]) -> tuple[Model, Document]:
    """Parse `text` against `model`; ConfigError carries every mistake."""
    document = Document(name, text)
    try:
        value = model.model_validate(document.value)
    except ValidationError as error:
        raise ConfigError(document.duplicates + _mistakes(error, document, model)) from None
    if document.duplicates:
        raise ConfigError(document.duplicates)
    return value, document


def load_yaml(path: Path, model: type[Model]) -> Model:
    """Parse the file at `path` against `model`; ConfigError carries every mistake."""
    return load_text(str(path), read_text(path), model)[0]


def read_text(path: Path) -> str:
    """Text of a file; ConfigError if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            [Mistake(str(path), 1, "", f"cannot be read: {error.strerror}")]
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            [Mistake(str(path), 1, "", "is not UTF-8 text; save it as UTF-8")]
        ) from error


def load_plant(path: Path, profiles: frozenset[str] = frozenset()) -> PlantFile:
    """Read and cross-check a plant file. `profiles` are the ids of the catalogue; empty skips that one check."""
    return load_plant_text(str(path), read_text(path), profiles)


def load_plant_text(name: str, text: str, profiles: frozenset[str] = frozenset()) -> PlantFile:
    """Like `load_plant`, from text."""
    plant, document = load_text(name, text, PlantFile)
    findings = [
        *cross_check(plant, profiles),
        *(check_notify(plant.notify) if plant.notify else ()),
    ]
    found = [document.mistake(path, message) for path, message in findings]
    if found:
        raise ConfigError(found)
    return plant
