"""What a rule file must be beyond its form: conditions that mean something, units that fit, names
that the plant has. Findings have the place in the file.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from dataclasses import dataclass

from plant.document import Finding, Place
from plant.errors import QueryError
from plant.hints import suggestion
from rules.language.check_condition import RECENT_S, Scope, check
from rules.language.check_condition import figures as figures_named
from rules.language.config import Rule, RuleFile
from rules.language.parser import parse
from rules.language.units import canonical
from rules.variables.columns import TRACED
from rules.variables.table import place

NOW_WINDOW_S = 10.0
RECENT_NOW_S = 3600.0
_QUANTITY = re.compile(r"^\s*([-+]?\d+(?:\.\d+)?)\s*([A-Za-z%][A-Za-z0-9/]*)?\s*$")


@dataclass(frozen=True, slots=True)
class Known:
    """What rules may name: subjects by kind, shifts, who can be told (None: not checked)."""

    subjects: dict[str, tuple[str, ...]]
    shifts: tuple[str, ...] = ()
    tell: tuple[str, ...] | None = ()
    window_s: float = 60.0
    sources: tuple[str, ...] = ()


def scope_of(rule: Rule, window_s: float) -> Scope:
    """What the conditions of a rule may name. QueryError if a limit cannot be read."""
    on_books = rule.on.clock == "books"
    return Scope(
        figure=rule.on.figure,
        place=place(rule.on.per, rule.on.clock),
        limits={name: _limit_unit(value) for name, value in rule.limits.items()},
        window_s=window_s if on_books else NOW_WINDOW_S,
        recent_s=RECENT_S if on_books else RECENT_NOW_S,
    )


def _limit_unit(value: str | dict[str, str]) -> str:
    levels = value.values() if isinstance(value, dict) else [value]
    units = set()
    for level in levels:
        _, unit = split_quantity(level)
        units.add(unit)

    if len(units) != 1:
        named = ", ".join(sorted(units))
        raise QueryError(f"the levels of one limit must have one unit, not {named}")

    return units.pop()


def split_quantity(text: str) -> tuple[float, str]:
    """Number in the unit in which it is compared, and that
    unit; QueryError says what is accepted.
    """
    match = _QUANTITY.match(text)
    found = canonical(match[2] or "") if match else None
    if match is None or found is None:
        raise QueryError(f"expected a number with a unit, such as 4 kW or 30 %, not '{text}'")

    return float(match[1]) * found[1], found[0]


def cross_check_rules(file: RuleFile, known: Known | None) -> Iterator[Finding]:
    ids: set[str] = set()
    for index, rule in enumerate(file.rules):
        at: Place = ("rules", index)
        if rule.id in ids:
            yield (*at, "id"), f"'{rule.id}' stands twice in this file"

        ids.add(rule.id)
        yield from _conditions(rule, at, known)
        yield from _words(rule, at)
        yield from _form(rule, at)
        if known is not None:
            yield from _references(rule, at, known)

    for index, test in enumerate(file.tests):
        if test.rule is None and len(file.rules) > 1:
            yield ("tests", index), "needs rule: there are several rules in this file"

        if test.rule is not None and test.rule not in ids:
            hint = suggestion(test.rule, sorted(ids))
            yield (
                ("tests", index, "rule"),
                f"there is no rule '{test.rule}' in this file{hint}",
            )


def _conditions(
    rule: Rule,
    at: Place,
    known: Known | None,
) -> Iterator[Finding]:
    here = place(rule.on.per, rule.on.clock)
    if here.find(rule.on.figure) is None:
        hint = suggestion(rule.on.figure, sorted(here.variables))
        yield (
            (*at, "on", "figure"),
            f"there is no figure '{rule.on.figure}' per {rule.on.per} on {rule.on.clock}{hint}",
        )
        return

    try:
        scope = scope_of(rule, known.window_s if known else 60.0)
    except QueryError as error:
        yield (*at, "limits"), str(error)
        return

    for name in rule.limits:
        if name in here.variables or name in ("value", "state"):
            yield (
                (*at, "limits", name),
                f"'{name}' is a figure or a word of conditions; give the limit another name",
            )

    for key, text in (("when", rule.when), ("until", rule.until)):
        if text is None:
            continue

        try:
            tree = parse(text)
            check(tree, scope)
        except QueryError as error:
            yield (*at, key), str(error)
            continue

        named = figures_named(tree, scope)
        yield from _sources(named, (*at, key), known)


def _sources(
    named: set[str],
    at: Place,
    known: Known | None,
) -> Iterator[Finding]:
    """Sources and storages behind `energy.source.NAME`."""
    if known is None:
        return

    for figure in sorted(named):
        source = figure.removeprefix(TRACED)
        if figure.startswith(TRACED) and source not in known.sources:
            hint = suggestion(source, list(known.sources))
            yield at, f"there is no source or storage '{source}'{hint}"


_FILLED = ("subject", "value", "mean", "limit", "since")


def _words(rule: Rule, at: Place) -> Iterator[Finding]:
    known = [*_FILLED, rule.on.per]
    for key, value in (("say", rule.say), ("title", rule.title)):
        for text in value.values() if isinstance(value, dict) else [value]:
            try:
                wanted = _to_fill_in(text)
            except ValueError as error:
                yield (*at, key), f"cannot be filled in: {error}"
                continue

            for name in wanted:
                if name not in known:
                    hint = suggestion(name, known)
                    yield (
                        (*at, key),
                        f"there is nothing to fill in for {{{name}}}{hint}; "
                        f"known are {', '.join(known)}",
                    )


def _to_fill_in(text: str) -> list[str]:
    """Names in braces of a text."""
    fields = string.Formatter().parse(text)
    return [name for _, name, _, _ in fields if name is not None]


def _form(rule: Rule, at: Place) -> Iterator[Finding]:
    if rule.on.only and rule.on.not_:
        yield (*at, "on"), "needs only or except, not both"

    if rule.gather and rule.on.per != "meter":
        yield (*at, "gather"), "only meters hang on a connection; use it with `per: meter`"


def _references(
    rule: Rule,
    at: Place,
    known: Known,
) -> Iterator[Finding]:
    yield from _subjects(rule, at, known)
    for shift in rule.active.shifts if rule.active else ():
        if shift not in known.shifts:
            hint = suggestion(shift, list(known.shifts))
            yield (*at, "active", "shifts"), f"there is no shift '{shift}'{hint}"

    if known.tell is None:
        return

    told = list(rule.tell)
    for step in rule.escalate:
        told += step.to

    for name in told:
        if name not in known.tell:
            hint = suggestion(name, list(known.tell))
            yield (*at, "tell"), f"there is no person, rota or channel '{name}' in notify{hint}"


def _subjects(
    rule: Rule,
    at: Place,
    known: Known,
) -> Iterator[Finding]:
    per = rule.on.per
    ids = list(known.subjects.get(per, ()))
    for key, named in (("only", rule.on.only), ("except", rule.on.not_)):
        for name in named:
            if name not in ids:
                hint = suggestion(name, ids)
                yield (*at, "on", key), f"there is no {per} '{name}'{hint}"

    for limit, value in rule.limits.items():
        for name in value if isinstance(value, dict) else ():
            if name != "default" and name not in ids:
                hint = suggestion(name, ids)
                yield (*at, "limits", limit, name), f"there is no {per} '{name}'{hint}"
