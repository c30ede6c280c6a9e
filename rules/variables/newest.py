"""Variables out of newest values: one value for each subject of a
kind, in the order of the site; NaN is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np

from books.answers import Meter
from engine.factors.registry import newest_year
from engine.now.now import Now
from plant.arrays import Floats
from plant.names import SourceKind
from plant.protocols import PUSHED
from plant.site import LineNode, MeterPoint, Site

Values: TypeAlias = Mapping[str, Mapping[str, Floats]]
"""By kind of subject and variable."""

Part: TypeAlias = Mapping[str, Any]
"""What the picture of now says of one line, of one group or of the site."""

Read: TypeAlias = Callable[["NewestSources", str], Floats]
"""The values of all subjects of a kind."""

LEAST_KW: Final = 1.0
"""Below it a power factor says nothing."""

SECONDS_NS: Final = 1e-9


@dataclass(frozen=True, slots=True)
class NewestSources:
    """All that newest values are read from, at event time `at_ns`.

    `picture` is the newest NOW, `meters` those of data health, `of_site` figures of the program
    itself by name. A meter never heard of is silent since `since_ns`.
    """

    now: Now
    picture: Mapping[str, Any]
    meters: Sequence[Meter]
    at_ns: int
    since_ns: int
    of_site: Mapping[str, float]

    def parts(self, per: str) -> list[Part]:
        """What the picture says of each subject of a kind;
        nothing of one whose meters are silent.
        """
        site = self.now.site
        if per == "site":
            of_site = self.picture["site"]
            power = {"electricity": of_site["power_kw"]}
            return [
                {
                    "power": power,
                    "figures": of_site["figures"],
                }
            ]

        nodes: Sequence[LineNode] | Sequence[Any] = site.lines if per == "line" else site.groups
        found: list[Part] = []
        for node in nodes:
            part = self.picture["lines"].get(node.id, {})
            found.append({} if part.get("stale_since_ms") else part)

        return found

    @property
    def waited_s(self) -> float:
        """For how long newest values have been looked at."""
        return max(self.at_ns - self.since_ns, 0) * SECONDS_NS


def _known(values: Sequence[float | None]) -> Floats:
    """As numbers; what is None is unknown."""
    return np.array(values, float)


def power(carrier: str) -> Read:
    """Power of one carrier."""
    return lambda newest, per: _known(
        [part.get("power", {}).get(carrier) for part in newest.parts(per)]
    )


def final_power(newest: NewestSources, per: str) -> Floats:
    """Power of all carriers together."""
    return _known([part.get("final_kw") for part in newest.parts(per)])


def figure(name: str) -> Read:
    """A figure of the picture."""
    return lambda newest, per: _known(
        [part.get("figures", {}).get(name) for part in newest.parts(per)]
    )


def of_site(name: str) -> Read:
    """A figure of the program itself; not known where nobody gave it."""
    return lambda newest, per: np.array([newest.of_site.get(name, np.nan)])


def longest(names: Sequence[str]) -> Read:
    """The highest of some figures of the program itself that are known."""

    def read(newest: NewestSources, per: str) -> Floats:
        known = [newest.of_site[name] for name in names if name in newest.of_site]
        return np.array([max(known, default=np.nan)])

    return read


def factor_newer(newest: NewestSources, per: str) -> Floats:
    """By how many years a grid factor is newer than the one in force."""
    return np.array([newer_factor(newest.now.site)])


def power_factor(newest: NewestSources, per: str) -> Floats:
    """Power factor of lines and of the grid; a group has none, nor has what is silent."""
    now = newest.now
    meters: list[list[int]]
    if per == "line":
        meters = [_meters_of(line) for line in now.site.lines]
    elif per == "site":
        grids = [source for source in now.site.sources if source.kind == SourceKind.GRID]
        meters = [[source.meter for source in grids]]
    else:
        meters = [[] for _ in now.site.groups]

    found: list[float | None] = []
    for part, own in zip(
        newest.parts(per),
        meters,
        strict=True,
    ):
        found.append(_factor(now, own) if part else None)

    return _known(found)


def _meters_of(line: LineNode) -> list[int]:
    return [meter for draw in line.draws for meter in draw.meters]


def _factor(now: Now, meters: Sequence[int]) -> float | None:
    """Power factor of some meters, weighted by their power; of
    meters that hardly carry anything there is none.
    """
    total_kw = 0.0
    weighted = 0.0
    for meter in meters:
        factor = _factor_of(now, now.site.meters[meter])
        if factor is not None:
            power_kw = abs(float(now.power[meter]))
            total_kw += power_kw
            weighted += power_kw * factor

    return weighted / total_kw if total_kw > LEAST_KW else None


def _factor_of(now: Now, meter: MeterPoint) -> float | None:
    """Mean over the phases whose factor was heard."""
    known = []
    for tag in meter.power_factor_tags:
        factor = now.power_factor.get(tag)
        if factor is not None:
            known.append(factor)

    return sum(known) / len(known) if known else None


def meter_power(newest: NewestSources, per: str) -> Floats:
    """Power of each meter that was ever heard."""
    now = newest.now
    was_heard = now.at > 0
    return np.where(was_heard, now.power, np.nan)


def silence(newest: NewestSources, per: str) -> Floats:
    """Seconds without a word beyond the meter's own period."""
    lags = []
    periods = []
    for meter in newest.meters:
        lags.append(newest.waited_s if meter.lag_s is None else meter.lag_s)
        periods.append(meter.period_s or 0.0)

    beyond_s: Floats = np.array(lags, float) - np.array(periods, float)
    return np.maximum(beyond_s, 0.0)


def register_silence(newest: NewestSources, per: str) -> Floats:
    """Seconds beyond three periods since the oldest of the registers that the books need, of meters
    that are polled by a register map.

    Of a meter that is silent as a whole, that is said and not its registers.
    """
    now = newest.now
    points = now.site.meters
    found = np.zeros(len(points))

    def note(
        meter: int,
        tag: int | None,
        every_s: float,
    ) -> None:
        # A meter without a register map has the word of its protocol in place of a profile.
        if tag is None or points[meter].profile in PUSHED:
            return

        heard_ns = max(int(now.heard_at[tag]), newest.since_ns)
        beyond_s = (newest.at_ns - heard_ns) * SECONDS_NS - 3 * every_s
        found[meter] = max(found[meter], beyond_s)

    for index, point in enumerate(points):
        note(index, point.power_tag, point.power_every_s)

    for channel in now.site.channels:
        if channel.meter >= 0:
            note(channel.meter, channel.tag, points[channel.meter].energy_every_s)

    return np.where(silence(newest, per) > 0, 0.0, found)


def registers_refused(newest: NewestSources, per: str) -> Floats:
    """How many registers of its profile a meter says it does not have."""
    return np.array([float(len(meter.refused)) for meter in newest.meters])


def answer(newest: NewestSources, per: str) -> Floats:
    """Seconds that a meter takes to answer."""
    return _known([meter.answer_s for meter in newest.meters])


def clock_error(newest: NewestSources, per: str) -> Floats:
    """Seconds that the clock of a meter is ahead."""
    return np.array(newest.now.ahead_s, float)


def unmoved(newest: NewestSources, per: str) -> Floats:
    """Register steps that the counters should have made since one of them last moved, by what the
    power says: a frozen meter shows both.

    A meter with tariffs has several counters, of which one moves.
    """
    now = newest.now
    points = now.site.meters
    # Of each meter: when a counter moved last, when one was heard last, its coarsest step.
    moved_ns = np.zeros(len(points), np.int64)
    heard_ns = np.zeros(len(points), np.int64)
    step = np.zeros(len(points))
    for channel in now.site.channels:
        meter = channel.meter
        counts = channel.kind == "counter" and not channel.reverse
        if meter < 0 or not counts or not channel.step:
            continue

        moved_ns[meter] = max(moved_ns[meter], now.moved_at[channel.tag])
        heard_ns[meter] = max(heard_ns[meter], now.heard_at[channel.tag])
        step[meter] = max(step[meter], channel.step * channel.scale)

    # It may stand for three periods: only what goes beyond them counts.
    every_s = np.array([point.energy_every_s for point in points])
    unmoved_s = (heard_ns - moved_ns) * SECONDS_NS
    beyond_s = unmoved_s - 3 * every_s
    still_s = np.maximum(beyond_s, 0.0)
    known = (moved_ns > 0) & (step > 0)
    # Power that flows all that time should have moved the counter by this much.
    energy = np.maximum(now.power, 0.0) * still_s / 3600
    divisor = np.where(known, step, 1.0)
    steps: Floats = np.where(known, energy / divisor, 0.0)
    return steps


def meter_power_factor(newest: NewestSources, per: str) -> Floats:
    """Power factor of each meter that carries something."""
    now = newest.now
    found: list[float | None] = []
    for index, point in enumerate(now.site.meters):
        carries = abs(now.power[index]) > LEAST_KW
        found.append(_factor_of(now, point) if carries else None)

    return _known(found)


def newer_factor(site: Site) -> float:
    """By how many years the newest published grid factor is newer than the one in force; 0 where
    there is none newer, or the factor is the plant's own.
    """
    newer = 0
    for source in site.properties:
        row = source.location
        newest = newest_year(row.region, row.kind) if row.year else None
        if newest is not None:
            newer = max(newer, newest - row.year)

    return float(newer)
