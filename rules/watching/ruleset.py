"""Rules made ready to run on one plant: conditions as functions of views, settings as columns, one instance for each rule and subject."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plant.config import names
from rules.language.check_condition import LONG, figures, unit_of
from rules.language.config import Rule
from rules.language.cross_check import scope_of, split_quantity
from rules.language.parser import parse
from rules.language.tree import Call, parts
from rules.watching.calendar import awake
from rules.watching.condition import TRUE, Numbers, Terms, Test, Truth, compared, number, test
from rules.watching.machine import GAPS, Settings
from rules.watching.view import View

Ints = npt.NDArray[np.int64]
Views = Mapping[str, View]


@dataclass(frozen=True, slots=True)
class Watch:
    """One rule on its subjects: rows `subjects` of the view of its kind, instances from `first` on."""

    rule: Rule
    first: int
    subjects: npt.NDArray[np.int64]
    whole: bool
    on: Test
    off: Test | None
    value: Numbers | None
    limit: Numbers | None
    unit: str
    title: dict[str, str]

    @property
    def rows(self) -> slice:
        """Its instances."""
        return slice(self.first, self.first + len(self.subjects))


@dataclass(frozen=True, slots=True)
class Calendar:
    """What active hours are told by."""

    timezone: str
    shifts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RuleSet:
    """All rules of one clock. `keys` names each instance: what its state is carried over by when rules or plant change."""

    watches: tuple[Watch, ...]
    settings: Settings
    keys: tuple[str, ...]
    calendar: Calendar
    firsts: Ints

    @property
    def size(self) -> int:
        return len(self.keys)

    def truth(self, views: Views, at: int, open_: npt.NDArray[np.bool_]) -> tuple[Truth, Truth]:
        """`when` of all instances at event time `at`, and the end of those that are open."""
        on = np.zeros(self.size, np.int8)
        up = [
            w
            for w in self.watches
            if awake(w.rule.active, at, self.calendar.timezone, self.calendar.shifts)
        ]
        for watch in up:
            found = watch.on(views[watch.rule.on.per])
            on[watch.rows] = found if watch.whole else found[watch.subjects]
        off = np.int8(TRUE) - on
        for watch in up:
            if watch.off is not None and open_[watch.rows].any():
                ends = watch.off(views[watch.rule.on.per])
                off[watch.rows] = ends if watch.whole else ends[watch.subjects]
        return on, off

    def watch_of(self, instance: int) -> Watch:
        return self.watches[int(np.searchsorted(self.firsts, instance, "right")) - 1]

    def subject(self, instance: int, views: Views) -> tuple[Watch, str]:
        """The rule and subject of an instance."""
        watch = self.watch_of(instance)
        return watch, views[watch.rule.on.per].subjects[int(watch.subjects[instance - watch.first])]

    def shown(self, instance: int, views: Views) -> tuple[float | None, float | None]:
        """Value and limit of an instance, for people; None where they are unknown."""
        watch = self.watch_of(instance)
        row = int(watch.subjects[instance - watch.first])
        view = views[watch.rule.on.per]
        return _one(watch.value, view, row), _one(watch.limit, view, row)


def _one(part: Numbers | None, view: View, row: int) -> float | None:
    if part is None:
        return None
    found = part(view)
    value = float(
        found if isinstance(found, float) else np.broadcast_to(found, (len(view.subjects),))[row]
    )
    return value if np.isfinite(value) else None


def build(
    rules: Iterable[Rule],
    subjects: Mapping[str, Sequence[str]],
    calendar: Calendar,
    window_s: float,
    carriers: Mapping[str, Sequence[str]] | None = None,
) -> RuleSet:
    """Make rules ready; they have been checked before (`rules.language.load`)."""
    watches: list[Watch] = []
    keys: list[str] = []
    for rule in rules:
        if rule.enabled and subjects.get(rule.on.per):
            of = (carriers or {}).get(rule.on.per, ())
            watch = _watch(rule, len(keys), subjects[rule.on.per], window_s, of)
            watches.append(watch)
            mark = _mark(rule)
            keys += [
                f"{rule.id}|{mark}|{subjects[rule.on.per][i]}" for i in watch.subjects.tolist()
            ]
    firsts = np.array([w.first for w in watches], np.int64)
    return RuleSet(tuple(watches), _settings(watches), tuple(keys), calendar, firsts)


def _watch(
    rule: Rule, first: int, ids: Sequence[str], window_s: float, carriers: Sequence[str]
) -> Watch:
    scope = scope_of(rule, window_s)
    terms = Terms(
        rule.on.figure, {name: _limits(value, ids) for name, value in rule.limits.items()}
    )
    tree = parse(rule.when)
    shown = compared(tree) or (parse("value"), None)
    limit = None if shown[1] is None else number(shown[1], terms)
    at = [
        i
        for i, name in enumerate(ids)
        if _is_for(rule, name) and (not carriers or rule.on.carrier in (None, carriers[i]))
    ]
    off = test(parse(rule.until), terms) if rule.until else None
    title = names(rule.title, rule.id)
    return Watch(
        rule,
        first,
        np.array(at, np.int64),
        len(at) == len(ids),
        test(tree, terms),
        off,
        number(shown[0], terms),
        limit,
        unit_of(shown[0], scope),
        title,
    )


def _is_for(rule: Rule, subject: str) -> bool:
    return (not rule.on.only or subject in rule.on.only) and subject not in rule.on.not_


def _limits(value: str | dict[str, str], ids: Sequence[str]) -> npt.NDArray[np.float64]:
    """A level for each subject; NaN where none is said, so that nothing is true there."""
    if isinstance(value, str):
        return np.full(len(ids), split_quantity(value)[0])
    default = split_quantity(value["default"])[0] if "default" in value else np.nan
    return np.array([split_quantity(value[name])[0] if name in value else default for name in ids])


def _mark(rule: Rule) -> str:
    """Changes when a rule means something else; a new text or severity leaves its state alone."""
    meaning = rule.model_dump_json(
        include={
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
    )
    return hashlib.blake2b(meaning.encode(), digest_size=6).hexdigest()


def _settings(watches: Sequence[Watch]) -> Settings:
    def column(name: str) -> Ints:
        parts_ = [
            np.full(len(w.subjects), round(getattr(w.rule, name) * 1e9), np.int64) for w in watches
        ]
        return np.concatenate([np.zeros(0, np.int64), *parts_])

    gaps = [np.full(len(w.subjects), GAPS[w.rule.on_gap], np.int8) for w in watches]
    return Settings(
        column("for_"),
        column("keep_firing_for"),
        column("gap_grace"),
        np.concatenate([np.zeros(0, np.int8), *gaps]),
    )


def looked_at(rules: Iterable[Rule], per: str, window_s: float) -> tuple[set[str], bool]:
    """Figures that the rules of a kind look at, and whether any looks back for longer than a day."""
    found: set[str] = set()
    long = False
    for rule in rules:
        if rule.on.per == per and rule.enabled:
            for text in filter(None, (rule.when, rule.until)):
                tree = parse(text)
                found |= figures(tree, scope_of(rule, window_s)) | {rule.on.figure}
                long |= any(isinstance(p, Call) and p.function in LONG for p in parts(tree))
    return found, long
