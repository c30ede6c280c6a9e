"""Rules made ready to run on one plant: conditions as functions of views, settings as columns, one
instance for each rule and subject.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from plant.arrays import Floats, Ints
from plant.languages import names
from rules.language.check_condition import LONG, figures, unit_of
from rules.language.config import Rule
from rules.language.cross_check import scope_of, split_quantity
from rules.language.parser import parse
from rules.language.tree import Call, Node, parts
from rules.watching.calendar import awake
from rules.watching.condition import TRUE, Numbers, Terms, Test, Truth, compared, number, test
from rules.watching.machine import GAPS, Settings
from rules.watching.view import View

Views: TypeAlias = Mapping[str, View]
"""By kind of subject."""


@dataclass(frozen=True, slots=True)
class Watch:
    """One rule on its subjects: rows `subjects` of the view of its kind, instances from `first` on.

    `rows` are its instances; `always`: awake at any hour.
    """

    rule: Rule
    per: str
    always: bool
    first: int
    rows: slice
    subjects: npt.NDArray[np.int64]
    whole: bool
    on: Test
    off: Test | None
    value: Numbers | None
    limit: Numbers | None
    unit: str
    title: dict[str, str]

    def own(self, of_all: Truth) -> Truth:
        """Of answers for all subjects those of its own."""
        return of_all if self.whole else of_all[self.subjects]

    def row_of(self, instance: int) -> int:
        """Row of an instance in the view of its kind."""
        return int(self.subjects[instance - self.first])


@dataclass(frozen=True, slots=True)
class Calendar:
    """What active hours are told by."""

    timezone: str
    shifts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RuleSet:
    """All rules of one clock.

    `keys` names each instance: what its state is carried over by when rules or plant change.
    """

    watches: tuple[Watch, ...]
    settings: Settings
    keys: tuple[str, ...]
    calendar: Calendar
    firsts: Ints

    @property
    def size(self) -> int:
        return len(self.keys)

    def truth(
        self,
        views: Views,
        at: int,
        open_: npt.NDArray[np.bool_],
    ) -> tuple[Truth, Truth]:
        """`when` of all instances at event time `at`, and the end of those that are open."""
        on = np.zeros(self.size, np.int8)
        awake_now = []
        for watch in self.watches:
            if watch.always or self._is_awake(watch, at):
                awake_now.append(watch)
                begins = watch.on(views[watch.per])
                on[watch.rows] = watch.own(begins)

        # Without `until` a rule is over when it is no longer true; what is unknown stays unknown.
        off = np.int8(TRUE) - on
        for watch in awake_now:
            if watch.off is not None and open_[watch.rows].any():
                ends = watch.off(views[watch.per])
                off[watch.rows] = watch.own(ends)

        return on, off

    def _is_awake(self, watch: Watch, at: int) -> bool:
        return awake(
            watch.rule.active,
            at,
            self.calendar.timezone,
            self.calendar.shifts,
        )

    def watch_of(self, instance: int) -> Watch:
        """The rule of an instance."""
        following = int(np.searchsorted(self.firsts, instance, "right"))
        return self.watches[following - 1]

    def subject(self, instance: int, views: Views) -> tuple[Watch, str]:
        """The rule and subject of an instance."""
        watch = self.watch_of(instance)
        ids = views[watch.per].subjects
        return watch, ids[watch.row_of(instance)]

    def shown(self, instance: int, views: Views) -> tuple[float | None, float | None]:
        """Value and limit of an instance, for people; None where they are unknown."""
        watch = self.watch_of(instance)
        row = watch.row_of(instance)
        view = views[watch.per]
        value = _one(watch.value, view, row)
        limit = _one(watch.limit, view, row)
        return value, limit


def _one(
    part: Numbers | None,
    view: View,
    row: int,
) -> float | None:
    if part is None:
        return None

    found = np.asarray(part(view), float)
    of_all = np.broadcast_to(found, (len(view.subjects),))
    value = float(of_all[row])
    return value if np.isfinite(value) else None


@dataclass(frozen=True, slots=True)
class Subjects:
    """All subjects of a kind in a plant. `carriers` is empty where the kind has none of its own."""

    ids: tuple[str, ...]
    carriers: tuple[str, ...] = ()


def build(
    rules: Iterable[Rule],
    subjects: Mapping[str, Subjects],
    calendar: Calendar,
    window_s: float,
) -> RuleSet:
    """Make rules ready, on subjects by kind; they have been
    checked before (`rules.language.load`).
    """
    watches: list[Watch] = []
    keys: list[str] = []
    for rule in rules:
        of_kind = subjects.get(rule.on.per)
        if not rule.enabled or of_kind is None or not of_kind.ids:
            continue

        watch = _watch(
            rule,
            len(keys),
            of_kind,
            window_s,
        )
        watches.append(watch)
        mark = _mark(rule)
        keys += [f"{rule.id}|{mark}|{of_kind.ids[i]}" for i in watch.subjects.tolist()]

    return RuleSet(
        watches=tuple(watches),
        settings=_settings(watches),
        keys=tuple(keys),
        calendar=calendar,
        firsts=np.array([watch.first for watch in watches], np.int64),
    )


def _watch(
    rule: Rule,
    first: int,
    of_kind: Subjects,
    window_s: float,
) -> Watch:
    ids = of_kind.ids
    limits = {}
    for name, value in rule.limits.items():
        limits[name] = _limits(value, ids)

    terms = Terms(rule.on.figure, limits)
    condition = parse(rule.when)
    # People are shown what the condition compares; else the watched figure, without a limit.
    value_node, limit_node = compared(condition) or (parse("value"), None)
    watched = [index for index in range(len(ids)) if _is_for(rule, of_kind, index)]
    return Watch(
        rule=rule,
        per=rule.on.per,
        always=rule.active is None,
        first=first,
        rows=slice(first, first + len(watched)),
        subjects=np.array(watched, np.int64),
        whole=len(watched) == len(ids),
        on=test(condition, terms),
        off=test(parse(rule.until), terms) if rule.until else None,
        value=number(value_node, terms),
        limit=None if limit_node is None else number(limit_node, terms),
        unit=unit_of(value_node, scope_of(rule, window_s)),
        title=names(rule.title, rule.id),
    )


def _is_for(
    rule: Rule,
    of_kind: Subjects,
    index: int,
) -> bool:
    """Whether a rule is about a subject."""
    subject = of_kind.ids[index]
    if of_kind.carriers and rule.on.carrier not in (None, of_kind.carriers[index]):
        return False

    if rule.on.only and subject not in rule.on.only:
        return False

    return subject not in rule.on.not_


def _limits(value: str | dict[str, str], ids: Sequence[str]) -> Floats:
    """A level for each subject; NaN where none is said, so that nothing is true there."""
    if isinstance(value, str):
        return np.full(len(ids), _level(value))

    levels = [_level(value.get(subject, value.get("default"))) for subject in ids]
    return np.array(levels)


def _level(quantity: str | None) -> float:
    if quantity is None:
        return np.nan

    level, _ = split_quantity(quantity)
    return level


_MEANING = {
    "on",
    "when",
    "until",
    "limits",
    "for_",
    "keep_firing_for",
    "on_gap",
    "gap_grace",
    "active",
}


def _mark(rule: Rule) -> str:
    """Changes when a rule means something else; a new text or severity leaves its state alone."""
    meaning = rule.model_dump_json(include=_MEANING)
    return hashlib.blake2b(meaning.encode(), digest_size=6).hexdigest()


def _settings(watches: Sequence[Watch]) -> Settings:
    """What each instance is judged by, as columns."""
    counts = [len(watch.subjects) for watch in watches]

    rules = [watch.rule for watch in watches]

    def column(seconds: Sequence[float]) -> Ints:
        """A duration of each rule, for all of its instances, in ns."""
        each_ns = [round(length * 1e9) for length in seconds]
        return np.repeat(np.array(each_ns, np.int64), counts)

    on_gap = [GAPS[rule.on_gap] for rule in rules]
    gaps = np.array(on_gap, np.int8)
    return Settings(
        hold_for=column([rule.for_ for rule in rules]),
        keep=column([rule.keep_firing_for for rule in rules]),
        grace=column([rule.gap_grace for rule in rules]),
        on_gap=np.repeat(gaps, counts),
    )


@dataclass(frozen=True, slots=True)
class LookedAt:
    """Variables that the rules of a kind look at.

    `long`: one of them looks back for longer than a day.
    """

    names: frozenset[str]
    long: bool


def looked_at(
    rules: Iterable[Rule],
    per: str,
    window_s: float,
) -> LookedAt:
    """What the enabled rules of a kind look at."""
    found: set[str] = set()
    looks_long = False
    for rule in rules:
        if rule.on.per != per or not rule.enabled:
            continue

        found.add(rule.on.figure)
        scope = scope_of(rule, window_s)
        for text in filter(None, (rule.when, rule.until)):
            tree = parse(text)
            found |= figures(tree, scope)
            looks_long = looks_long or any(map(_is_long, parts(tree)))

    return LookedAt(frozenset(found), looks_long)


def _is_long(node: Node) -> bool:
    return isinstance(node, Call) and node.function in LONG
