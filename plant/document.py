"""A YAML text with the line of every node, so that each mistake can be told with its place."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import yaml

from plant.errors import ConfigError, Mistake

Place = tuple[str | int, ...]
"""Where in a file something stands: keys and indexes from the top."""

Finding = tuple[Place, str]
"""A mistake before its line is known: where it is, and what to do about it."""

if TYPE_CHECKING:
    _Base = yaml.SafeLoader
else:
    # The C parser, where PyYAML was built with it, is ten times faster.
    _Base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):
    """YAML 1.2 words: `on`, `off`, `yes`, `no` and 06:00 are text, dates too."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 (PyYAML keeps its table there)


_WORDS = (
    ("bool", r"^(?:true|True|false|False)$", [*"tTfF"]),
    ("int", r"^(?:[-+]?(?:0|[1-9][0-9]*)|0x[0-9a-fA-F]+)$", [*"-+0123456789"]),
    (
        "float",
        r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$",
        [*"-+0123456789."],
    ),
    ("null", r"^(?:~|null|)$", ["~", "n", ""]),
)
for _word, _pattern, _first_letters in _WORDS:
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_word}", re.compile(_pattern), _first_letters
    )


def composed(text: str) -> yaml.Node | None:
    """The nodes of a YAML text, each with where it begins and ends; None for an empty one."""
    root: yaml.Node | None = yaml.compose(text, Loader=_Loader)
    return root


DEEPEST: Final = 50
"""How deep a text may be nested; what people write is a tenth as deep."""


class Document:
    """A parsed text: `value` as plain dicts and lists, `lines` by place, keys given twice."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.value: object = {}
        self.lines: dict[Place, int] = {}
        self.duplicates: list[Mistake] = []
        self._construct = yaml.constructor.SafeConstructor()
        self._within: set[yaml.Node] = set()
        try:
            root = composed(text)
            if root is not None:
                self.value = self._build(root, ())
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else 1
            why = f"not valid YAML: {error.problem}"
            raise ConfigError(
                [
                    Mistake(
                        name,
                        line,
                        path="",
                        message=why,
                    )
                ]
            ) from error
        except yaml.YAMLError as error:
            mistake = Mistake(
                name,
                1,
                path="",
                message="not valid YAML: it has characters that no text has",
            )
            raise ConfigError([mistake]) from error

    def line(self, place: Place) -> int:
        """Line of the node at `place`, or of the nearest node above it."""
        while place and place not in self.lines:
            place = place[:-1]

        return self.lines.get(place, 1)

    def mistake(self, place: Place, message: str) -> Mistake:
        """A mistake at a place of this text."""
        return Mistake(
            self.name,
            self.line(place),
            _dotted(place),
            message,
        )

    def _build(self, node: yaml.Node, place: Place) -> object:
        line = node.start_mark.line + 1
        self.lines.setdefault(place, line)
        if node in self._within or len(place) > DEEPEST:
            why = f"not valid YAML: it contains itself, or is nested more than {DEEPEST} times"
            mistake = Mistake(
                self.name,
                line,
                path="",
                message=why,
            )
            raise ConfigError([mistake])

        if isinstance(node, yaml.CollectionNode):
            self._within.add(node)
            found = self._collection(node, place)
            self._within.discard(node)
            return found

        value = self._construct.construct_object(node)
        return value.isoformat() if hasattr(value, "isoformat") else value

    def _collection(self, node: yaml.CollectionNode, place: Place) -> object:
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)

        found: list[object] = []
        for index, child in enumerate(node.value):
            below = (*place, index)
            found.append(self._build(child, below))

        return found

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, object]:
        built: dict[str, object] = {}
        for key_node, value_node in node.value:
            key = str(self._construct.construct_object(key_node))
            below = (*place, key)
            self.lines[below] = key_node.start_mark.line + 1
            if key in built:
                self.duplicates.append(self.mistake(below, "given twice; keep one"))

            built[key] = self._build(value_node, below)

        return built


def _dotted(place: Place) -> str:
    return ".".join(str(part) for part in place)
