"""A plant file that was changed is in force: what stayed the same goes on.

Counters of the same measuring points go on counting, so no energy of the change is lost. Where the
structure changed, the new plant is traced from the open block on with what its storages held; what
came before stays as the plant was then.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from engine.counting.carry import carry_gaps, carry_history, carry_meters, same_points
from engine.counting.layout import Layout
from engine.counting.meters import Meters
from engine.state import (
    Booked,
    Running,
    Snapshot,
    block_start,
    nothing_held,
    opening_accounts,
)
from engine.states import Timeline
from engine.tracing.graph import Graph
from plant.site import Channel, Site, SourceNode, StorageNode, config_hash

_STRUCTURE = ("sources", "storages", "buses", "converters", "lines", "window_s")


def take_site(before: Running | None, site: Site) -> Running:
    """What runs once `site` is in force."""
    if before is None or before.site.window_s != site.window_s:
        return _start(before, site)

    now = Running(
        site=site,
        config=config_hash(site),
        graph=Graph(site),
        meters=before.meters,
        states=_states(before, site),
        pending=before.pending,
        gaps=before.gaps,
        booked=before.booked,
    )
    same_meters = _same(
        before.site,
        site,
        "meters",
        "channels",
    )
    if same_meters:
        now.meters.layout = Layout.of(site)
    else:
        _carry_counters(now, before)

    same_structure = same_meters and _same(before.site, site, *_STRUCTURE)
    if now.booked is not None and not same_structure:
        now.booked = _carry_storages(now, before.site, now.booked)

    return now


def _start(before: Running | None, site: Site) -> Running:
    """All counters start anew; readings that wait and states of machines are kept."""
    return Running(
        site=site,
        config=config_hash(site),
        graph=Graph(site),
        meters=Meters.start(site),
        states=_states(before, site),
        pending=[] if before is None else before.pending,
    )


def _states(before: Running | None, site: Site) -> Timeline:
    """States of the lines that are in both plants go on, wherever they stand in the file."""
    states = Timeline.start(len(site.lines))
    if before is None:
        return states

    places = {line.id: place for place, line in enumerate(before.site.lines)}
    for place, line in enumerate(site.lines):
        if line.id in places:
            place_before = places[line.id]
            states.changes[place] = before.states.changes[place_before]

    return states


def _same(
    before: Site,
    after: Site,
    *parts: str,
) -> bool:
    """Whether these parts of two plants differ in names and declared swaps at most."""
    for part in parts:
        part_before = _nameless(getattr(before, part))
        part_after = _nameless(getattr(after, part))
        if part_before != part_after:
            return False

    return True


def _nameless(part: object) -> object:
    """What makes the structure of a part of the plant: its nodes without names and swaps."""
    if not isinstance(part, tuple):
        return part

    nodes = []
    for node in part:
        if isinstance(node, Channel):
            nodes.append(msgspec.structs.replace(node, swaps=()))
        elif hasattr(node, "name"):
            nodes.append(msgspec.structs.replace(node, name={}))
        else:
            nodes.append(node)

    return nodes


def _carry_counters(now: Running, before: Running) -> None:
    """Measuring points that are in both plants go on counting; new ones start, others end."""
    kept = same_points(before.site, now.site)
    now.gaps = carry_gaps(before.gaps, kept)
    now.meters = carry_meters(
        before.meters,
        now.site,
        kept,
    )
    booked = now.booked
    if booked is not None:
        booked.history = carry_history(booked.history, kept)


def _carry_storages(
    now: Running,
    before: Site,
    booked: Booked,
) -> Booked:
    """The open block begins with what storages held and, on the same buses, with their mix.

    A storage is the same if its name is. Where the sources are others, what was held cannot be said
    in terms of the new ones: storages begin anew.
    """
    opening = Snapshot(
        opening_accounts(now.site),
        nothing_held(now.graph),
    )
    if _ids(before.sources) == _ids(now.site.sources):
        newest = booked.newest_block
        held = dict(
            zip(
                _ids(before.storages),
                newest.accounts,
                strict=True,
            )
        )
        for place, storage in enumerate(now.site.storages):
            if storage.id in held:
                opening.accounts[place] = held[storage.id].copy()

        if newest.held.mix.shape == opening.held.mix.shape:
            opening.held = newest.held

    open_block = block_start(now.graph, booked.history.end)
    return Booked(booked.history, {open_block: opening})


def _ids(nodes: Sequence[SourceNode | StorageNode]) -> list[str]:
    """Names in the order of the nodes."""
    return [node.id for node in nodes]
