"""Who is told: the rota over a change of the clocks, routes by severity, digests, limits.

No network, no clock.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plant.notify import Notify, Rota
from rules.alert import Occasion, Severity, Telling
from rules.notify.limit import HOUR_NS, counts, held_until
from rules.notify.rota import instant_ns, on_call, turn
from rules.notify.route import next_digest, plan, to_channel
from tests.notify_rig import MINUTE_NS, alert, config, telling

BERLIN, SHANGHAI = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Shanghai")


def at(text: str, zone: ZoneInfo = BERLIN, fold: int = 0) -> int:
    return (
        int(datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).timestamp())
        * 1_000_000_000
    )


def rota(**more: Any) -> Rota:
    return Rota.model_validate(
        {"people": ["li", "anna", "omar"], "since": "2026-03-16 08:00", "every": "7d"} | more
    )


@pytest.mark.parametrize(
    ("when", "who"),
    [
        ("2026-03-16 08:00", "li"),
        ("2026-03-23 07:59", "li"),
        ("2026-03-23 08:00", "anna"),
        (
            "2026-03-30 07:59",
            "anna",
        ),  # the clocks went forward on the 29th; counted in hours this would be omar already
        ("2026-03-30 08:00", "omar"),
        ("2026-04-06 08:00", "li"),
        ("2026-10-26 07:59", "anna"),  # and back on the 25th of October
        ("2026-10-26 08:00", "omar"),
        ("2026-03-16 07:59", "omar"),  # before it began: the row runs backwards
    ],
)
def test_handover_keeps_its_local_time(when: str, who: str) -> None:
    assert on_call(rota(), at(when), BERLIN) == who


def test_a_handover_in_the_hour_that_comes_twice_happens_once() -> None:
    turns = rota(people=["li", "anna"], since="2026-10-18 02:30")
    assert on_call(turns, at("2026-10-25 02:29"), BERLIN) == "li"
    assert on_call(turns, at("2026-10-25 02:30"), BERLIN) == "anna"
    assert on_call(turns, at("2026-10-25 02:10", fold=1), BERLIN) == "anna"


@given(
    st.integers(min_value=at("2026-03-20 00:00"), max_value=at("2026-11-01 00:00")),
    st.integers(min_value=0, max_value=3 * HOUR_NS),
    st.sampled_from(["8h", "12h", "1d", "7d"]),
)
def test_turns_never_go_back_nor_skip_one(instant: int, later: int, every: str) -> None:
    turns = rota(every=every)
    assert turn(turns, instant + later, BERLIN) - turn(turns, instant, BERLIN) in (0, 1)


def test_who_does_not_answer_is_followed_by_the_next_in_the_row() -> None:
    turns = rota(
        instead=[{"person": "omar", "since": "2026-03-17 06:00", "until": "2026-03-18 06:00"}]
    )
    assert [on_call(turns, at("2026-03-16 09:00"), BERLIN, step) for step in range(4)] == [
        "li",
        "anna",
        "omar",
        "li",
    ]
    assert on_call(turns, at("2026-03-17 09:00"), BERLIN, 1) == "li"


def test_a_replacement_is_for_its_time_only() -> None:
    turns = rota(
        instead=[{"person": "omar", "since": "2026-03-17 06:00", "until": "2026-03-18 06:00"}]
    )
    found = [
        on_call(turns, at(f"2026-03-{when}"), BERLIN)
        for when in ("17 05:59", "17 06:00", "18 05:59", "18 06:00")
    ]
    assert found == ["li", "omar", "omar", "li"]


def test_instants_of_skipped_and_double_hours() -> None:
    assert instant_ns("2026-03-29 02:30", BERLIN) == at("2026-03-29 03:30")
    assert instant_ns("2026-10-25 02:30", BERLIN) == at("2026-10-25 02:30", fold=0)


def test_by_severity_and_with_fallback() -> None:
    notify, now = config(), at("2026-03-17 10:00", SHANGHAI)
    found = plan(telling(Severity.CRITICAL), notify, now, SHANGHAI)
    assert [(d.channel, d.others, d.person, d.language) for d in found] == [
        ("teams", ("mail",), "li", "zh"),
        ("scada", ("mail",), "", "de"),
    ]
    assert [d.id for d in found] == ["k1:teams:li", "k1:scada"]
    assert plan(telling(Severity.CRITICAL), notify, now + 5, SHANGHAI)[0].id == found[0].id


def test_who_is_named_is_told_and_an_unknown_name_falls_back_on_the_severity() -> None:
    notify, now = config(), at("2026-03-17 10:00", SHANGHAI)
    assert [d.person for d in plan(telling(to=("anna", "anna")), notify, now, SHANGHAI)] == ["anna"]
    assert [d.person for d in plan(telling(to=("nobody",)), notify, now, SHANGHAI)] == ["li"]


def test_escalation_goes_to_the_next_on_call() -> None:
    found = plan(
        telling(occasion=Occasion.ESCALATED, step=1),
        config(),
        at("2026-03-17 10:00", SHANGHAI),
        SHANGHAI,
    )
    assert [d.person for d in found] == ["anna"]


def test_the_end_is_told_to_who_heard_of_the_beginning() -> None:
    began, ended = at("2026-03-17 10:00", SHANGHAI), at("2026-03-24 10:00", SHANGHAI)
    over = Telling(
        key="k2",
        occasion=Occasion.RESOLVED,
        severity=Severity.WARNING,
        alerts=(alert(began),),
        at_ns=ended,
    )
    assert [d.person for d in plan(over, config(), ended, SHANGHAI)] == ["anna", "li"]


def test_info_waits_for_the_digest_but_not_for_programs() -> None:
    notify, now = (
        config(tell={"critical": ["li"], "info": ["on_call", "scada"]}),
        at("2026-03-23 07:30", SHANGHAI),
    )
    person, scada = plan(telling(Severity.INFO), notify, now, SHANGHAI)
    assert (person.gather, person.due_ns) == ("digest", at("2026-03-24 07:00", SHANGHAI))
    assert person.person == "anna", "who is on call when it is told"
    assert (scada.gather, scada.due_ns) == ("", now)


def test_info_at_once_where_there_is_no_digest() -> None:
    notify = config(tell={"critical": ["li"], "info": ["li"]}, digest=[])
    assert [(d.gather, d.due_ns) for d in plan(telling(Severity.INFO), notify, 5, SHANGHAI)] == [
        ("", 5)
    ]


def test_several_digests_a_day() -> None:
    times = ["06:00", "14:00"]
    assert next_digest(times, at("2026-03-28 06:00"), BERLIN) == at("2026-03-28 14:00")
    assert next_digest(times, at("2026-03-28 14:00"), BERLIN) == at("2026-03-29 06:00")


def test_a_message_to_one_channel_has_no_fallback() -> None:
    found = to_channel(telling(occasion=Occasion.WEEKLY), config(), "teams", 7)
    assert (found.channel, found.others, found.due_ns) == ("teams", (), 7)


def test_the_hour_is_over_when_the_oldest_of_the_last_is_an_hour_old() -> None:
    sent = [n * MINUTE_NS for n in (1, 10, 20)]
    assert held_until(sent, 30 * MINUTE_NS, at_most=4) is None
    assert held_until(sent, 30 * MINUTE_NS, at_most=3) == 61 * MINUTE_NS
    assert held_until(sent, 61 * MINUTE_NS, at_most=3) is None
    assert held_until(sent, 30 * MINUTE_NS, at_most=1) == 20 * MINUTE_NS + HOUR_NS


def test_what_is_critical_is_never_held() -> None:
    assert not counts("critical", Occasion.FIRED) and not counts("info", Occasion.TEST)
    assert counts("warning", Occasion.FIRED) and counts("info", Occasion.DIGEST)


def test_the_section_is_strict() -> None:
    with pytest.raises(ValueError, match="exactly one of url, webhook"):
        Notify.model_validate(
            {"link": "http://x", "channels": {"a": {}}, "tell": {"critical": ["a"]}}
        )
