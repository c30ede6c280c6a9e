"""One subscription of an OPC UA session: several publishes are asked for at once, so that the
server always has one to answer with, and each answer is taken as a whole.

asyncua's own loop asks for one at a time and makes an object of everything in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from asyncua import Client, ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary

from collector.drivers.opcua_wire import Published, published

ASKED: Final = 3
"""Publishes that the server has to answer at any time."""


class Channel(Protocol):
    """What is needed of asyncua: a request over the secure channel, and the body of its answer."""

    async def send_request(self, request: object, timeout: float | None = None) -> Buffer: ...


class Subscription:
    """Use `made` to make one."""

    def __init__(self, channel: Channel, number: int) -> None:
        self._channel = channel
        self.number = number
        self._unacknowledged: list[int] = []
        self._asking = 0

    @classmethod
    async def made(cls, client: Client, params: ua.CreateSubscriptionParameters) -> Subscription:
        """A subscription in the session of `client`; ConnectionError or ua.UaError if refused."""
        channel = client.uaclient.protocol
        if channel is None:
            raise ConnectionError("connection is not open")

        request = ua.CreateSubscriptionRequest()
        request.Parameters = params
        body = await channel.send_request(request)
        answer = struct_from_binary(ua.CreateSubscriptionResponse, body)
        answer.ResponseHeader.ServiceResult.check()
        return cls(channel, int(answer.Parameters.SubscriptionId))

    @contextmanager
    def following(
        self,
        take: Callable[[Published], None],
        failed: Callable[[BaseException], None],
    ) -> Iterator[None]:
        """Give each answer of this subscription to `take`, for as long as the context lasts.

        What ends the asking, be it the server or `take`, is given to `failed`.
        """

        def ended(task: asyncio.Task[None]) -> None:
            error = None if task.cancelled() else task.exception()
            if error is not None:
                failed(error)

        self._asking = ASKED
        asking = [asyncio.create_task(self._ask(take)) for _ in range(ASKED)]
        for task in asking:
            task.add_done_callback(ended)

        try:
            yield
        finally:
            for task in asking:
                task.cancel()

    async def _ask(self, take: Callable[[Published], None]) -> None:
        """Ask again and again. A server that wants fewer at once, whichever of them it turns away,
        is asked by one less.
        """
        while True:
            request = ua.PublishRequest()
            request.Parameters.SubscriptionAcknowledgements = self._acknowledgements()
            try:
                body = await self._channel.send_request(request, timeout=0)
            except ua.uaerrors.BadTimeout:
                continue
            except ua.uaerrors.BadTooManyPublishRequests:
                if self._asking == 1:
                    raise

                self._asking -= 1
                return

            answer = published(body)
            if answer.subscription != self.number:
                continue

            if not answer.keep_alive:
                self._unacknowledged.append(answer.sequence)

            take(answer)

    def _acknowledgements(self) -> list[ua.SubscriptionAcknowledgement]:
        """All that came since the last request: the server need not keep it any more."""
        found: list[ua.SubscriptionAcknowledgement] = []
        for sequence in self._unacknowledged:
            one = ua.SubscriptionAcknowledgement()
            one.SubscriptionId = self.number
            one.SequenceNumber = sequence
            found.append(one)

        self._unacknowledged.clear()
        return found
