"""The outbox: one row per id, one transaction with the
caller, handed on, held, expired, forgotten.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from store.outbox import KEEP_NS, Delivery
from tests.notify_rig import outbox


def delivery(name: str = "k1:teams:li", **more: Any) -> Delivery:
    values: dict[str, Any] = {
        "id": name, "channel": "teams", "others": ("mail", "sms"), "person": "li", "severity": "warning", "body": b"\x80",
        "created_ns": 10, "due_ns": 10, "expires_ns": 100,
    }  # fmt: skip
    return Delivery(**(values | more))


def test_the_same_id_is_owed_once_whatever_became_of_it() -> None:
    box = outbox()
    box.put_now([delivery(), delivery()])
    box.sent(["k1:teams:li"], 20)
    box.put_now([delivery(due_ns=30)])
    assert box.counts() == {"pending": 0, "sent": 1, "failed": 0, "expired": 0}


def test_put_is_part_of_the_callers_transaction() -> None:
    box = outbox()
    box.db.execute("BEGIN IMMEDIATE")
    box.put([delivery()])
    box.db.execute("ROLLBACK")
    assert box.due("teams", 50) == []


def test_what_is_written_is_read_again_after_a_restart(tmp_path: Path) -> None:
    outbox(tmp_path / "alerts.db").put_now([delivery(language="zh", gather="digest")])
    assert outbox(tmp_path / "alerts.db").due("teams", 10) == [
        delivery(language="zh", gather="digest")
    ]


def test_due_is_by_channel_in_the_order_it_was_put() -> None:
    box = outbox()
    box.put_now(
        [
            delivery("b"),
            delivery("a"),
            delivery("later", due_ns=60),
            delivery("other", channel="mail"),
        ]
    )
    assert [d.id for d in box.due("teams", 59)] == ["b", "a"]
    assert [d.id for d in box.due("teams", 60)] == ["b", "a", "later"]
    assert box.next_due("teams") == 10 and box.next_due("sms") is None


def test_a_channel_that_fails_hands_over_and_comes_to_the_end_of_the_row() -> None:
    box = outbox()
    box.put_now([delivery()])
    box.tried(["k1:teams:li"], 15, "away")
    box.tried(["k1:teams:li"], 18, "away")
    (d,) = box.due("teams", 20)
    assert (d.tried_ns, d.attempts, d.error) == (15, 2, "away")
    box.hand_over([d], 20, "away", again=True)
    (d,) = box.due("mail", 20)
    assert (d.others, d.tried_ns) == (("sms", "teams"), None)
    box.hand_over([d], 21, "no such mailbox", again=False)
    assert box.due("sms", 21)[0].others == ("teams",)


def test_what_is_too_old_expires_and_is_said() -> None:
    box = outbox()
    box.put_now([delivery()])
    assert box.expire(99) == [] and box.due("teams", 100) == []
    assert [d.id for d in box.expire(100)] == ["k1:teams:li"]
    assert box.expire(101) == [] and box.counts()["expired"] == 1


def test_held_messages_get_as_much_longer_to_live() -> None:
    box = outbox()
    box.put_now([delivery()])
    box.hold("k1:teams:li", 90, "more")
    (d,) = box.due("teams", 90)
    assert (d.gather, d.expires_ns) == ("more", 180)


def test_a_gathered_message_counts_once_for_the_limit() -> None:
    box = outbox()
    box.put_now(
        [
            delivery("a", gather="more"),
            delivery("b", gather="more"),
            delivery("c"),
            delivery("x", person="anna"),
        ]
    )
    box.sent(["a", "b"], 20)
    box.sent(["c"], 30)
    box.sent(["x"], 40)
    assert box.sent_to("li", 0) == [20, 30]


def test_done_is_forgotten_after_90_days_and_pending_never() -> None:
    box = outbox()
    box.put_now([delivery("a"), delivery("b")])
    box.sent(["a"], 20)
    box.forget(20 + KEEP_NS)
    assert box.get("a") is not None
    box.forget(21 + KEEP_NS)
    assert box.get("a") is None and box.get("b") is not None


def test_an_error_leaves_no_transaction_open() -> None:
    box = outbox()
    with pytest.raises(AttributeError):
        box.put_now([None])  # type: ignore[list-item]
    assert not box.db.in_transaction
