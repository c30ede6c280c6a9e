"""Asking for publishes: how many at once, what is acknowledged, and who ends it."""

from __future__ import annotations

import asyncio
from typing import Any

from asyncua import ua
from asyncua.common.utils import Buffer

from collector.drivers.opcua_subscription import ASKED, Subscription
from collector.drivers.opcua_wire import Published
from tests.unit.collector.opcua_answer import answer, item


class Server:
    """Answers publish requests with what a test says, and holds back the rest."""

    def __init__(self, *answers: bytes | Exception) -> None:
        self.answers = list(answers)
        self.acknowledged: list[int] = []
        self.waiting = 0

    async def send_request(self, request: Any, timeout: float | None = None) -> Buffer:
        for one in request.Parameters.SubscriptionAcknowledgements:
            assert one.SubscriptionId == 7
            self.acknowledged.append(one.SequenceNumber)
        if not self.answers:
            self.waiting += 1
            await asyncio.Event().wait()
        given = self.answers.pop(0)
        if isinstance(given, Exception):
            raise given
        return Buffer(given)


async def follow(server: Server) -> tuple[list[Published], list[BaseException]]:
    """What is taken, and what ends the asking, until nothing more happens."""
    taken: list[Published] = []
    failed: list[BaseException] = []
    with Subscription(server, 7).following(taken.append, failed.append):
        for _ in range(20):
            await asyncio.sleep(0)
    return taken, failed


async def test_several_wait_at_the_server_and_values_are_acknowledged() -> None:
    server = Server(answer([item(0, 1.0)]), answer())
    taken, failed = await follow(server)
    assert [each.keep_alive for each in taken] == [False, True]
    assert server.waiting == ASKED
    assert server.acknowledged == [42], "a keep-alive is not acknowledged"
    assert not failed


async def test_a_server_that_wants_fewer_is_asked_by_fewer_whichever_it_turns_away() -> None:
    too_many = [ua.uaerrors.BadTooManyPublishRequests() for _ in range(ASKED - 1)]
    server = Server(*too_many, answer([item(0, 1.0)]))
    taken, failed = await follow(server)
    assert len(taken) == 1
    assert server.waiting == 1
    assert not failed


async def test_a_server_that_takes_none_at_all_ends_it() -> None:
    server = Server(*[ua.uaerrors.BadTooManyPublishRequests() for _ in range(ASKED)])
    _, failed = await follow(server)
    assert [type(error) for error in failed] == [ua.uaerrors.BadTooManyPublishRequests]


async def test_a_time_out_is_asked_again_and_a_lost_connection_ends_it() -> None:
    server = Server(ua.uaerrors.BadTimeout(), answer([item(0, 1.0)]), ConnectionError("gone"))
    taken, failed = await follow(server)
    assert len(taken) == 1
    assert [str(error) for error in failed] == ["gone"]


async def test_what_another_subscription_says_is_left() -> None:
    server = Server(answer([item(0, 1.0)]))
    taken: list[Published] = []
    with Subscription(server, 8).following(taken.append, lambda error: None):
        for _ in range(20):
            await asyncio.sleep(0)
    assert not taken
