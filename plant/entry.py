"""Adding an entry to a list in a plant file, with everything else left as it was written.

The text is changed at one place only, so comments, order and layout stay those of whoever
keeps the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import yaml

from plant.document import composed
from plant.errors import WattlineError
from plant.hints import missing


@dataclass(frozen=True, slots=True)
class Insertion:
    """What goes in, and before which character of the text."""

    at: int
    text: str


def with_entry(
    text: str,
    place: Sequence[str],
    key: str,
    entry: str,
) -> str:
    """The YAML `text` with `entry`, a YAML value on one line, at the end of the list `key` of the
    mapping at `place`; the list is made where there is none.

    WattlineError where there is no such place.
    """
    mapping = _find(composed(text), place)
    kept = next((value for name, value in mapping.value if name.value == key), None)
    if kept is None:
        insertion = _new_list(text, mapping, key, entry)
    elif isinstance(kept, yaml.SequenceNode):
        insertion = _one_more(text, kept, entry)
    else:
        raise WattlineError(f"{'.'.join(place)}.{key} is no list; write it as one, then try again")

    return text[: insertion.at] + insertion.text + text[insertion.at :]


def _find(root: yaml.Node | None, place: Sequence[str]) -> yaml.MappingNode:
    node = root
    for depth, name in enumerate(place):
        above = ".".join(place[:depth]) or "the file"
        if not isinstance(node, yaml.MappingNode):
            raise WattlineError(f"{above} has no entries")

        known = {key.value: value for key, value in node.value}
        if name not in known:
            raise WattlineError(missing(name, known, f"entry under {above} named"))

        node = known[name]

    if not isinstance(node, yaml.MappingNode):
        raise WattlineError(f"{'.'.join(place)} has no entries")

    return node


def _new_list(
    text: str,
    mapping: yaml.MappingNode,
    key: str,
    entry: str,
) -> Insertion:
    if mapping.flow_style:
        separator = ", " if mapping.value else ""
        return Insertion(_end_of_content(text, mapping), f"{separator}{key}: [{entry}]")

    first_key, _ = mapping.value[0]
    indent = " " * first_key.start_mark.column
    _, last = mapping.value[-1]
    return _line_after(text, last, f"{indent}{key}: [{entry}]")


def _one_more(
    text: str,
    sequence: yaml.SequenceNode,
    entry: str,
) -> Insertion:
    if sequence.flow_style:
        separator = ", " if sequence.value else ""
        return Insertion(_end_of_content(text, sequence), f"{separator}{entry}")

    indent = " " * sequence.start_mark.column
    return _line_after(text, sequence.value[-1], f"{indent}- {entry}")


def _end_of_content(text: str, node: yaml.CollectionNode) -> int:
    """Behind the last entry of a node in braces or brackets, and before what closes it."""
    if not node.value:
        return int(node.end_mark.index) - 1

    last = node.value[-1]
    if isinstance(last, tuple):
        last = last[1]

    return int(last.end_mark.index)


def _line_after(
    text: str,
    last: yaml.Node,
    line: str,
) -> Insertion:
    """A line of its own below the one in which `last` ends, so that a comment there stays.

    The end of a node in block style is where the next one begins, so blank lines and comments
    between the two are stepped back over.
    """
    end = last.end_mark.index
    content = text[:end].rstrip()
    while content.rpartition("\n")[2].lstrip().startswith("#"):
        content = content.rpartition("\n")[0].rstrip()

    newline = text.find("\n", len(content))
    if newline < 0:
        return Insertion(len(text), f"\n{line}\n")

    return Insertion(newline + 1, f"{line}\n")
