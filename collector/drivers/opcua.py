"""OPC UA: one subscription per server, taken at session level so that a publish is handled as a whole.

Nodes are given as `nsu=URI;s=ID` and resolved each session, because namespace indexes move. A value that does not
change is not sent again by a server; while publishes or keep-alives arrive it is known to hold, and is handed over
again on the grid of its meter. Text nodes become events, and UNKNOWN when the connection is lost.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any, Final

from asyncua import Client, ua

from collector.drivers.opcua_cache import Cache, Signal
from collector.health import LinkHealth
from collector.schedule import Grid, real_period
from plant.backoff import Backoff
from plant.clock import Clock
from plant.errors import AuthFailed, DeviceError, DeviceTimeout, Unreachable
from plant.names import State
from plant.ports import Sink

log = logging.getLogger("wattline.collector.opcua")

QUEUE_SIZE: Final = 32
KEEP_ALIVE_S: Final = 2.0
STALE_S: Final = 10.0
FIRST_VALUES_S: Final = 5.0
_AUTH: Final = (
    ua.uaerrors.BadUserAccessDenied,
    ua.uaerrors.BadIdentityTokenRejected,
    ua.uaerrors.BadIdentityTokenInvalid,
    ua.uaerrors.BadSecurityChecksFailed,
    ua.uaerrors.BadCertificateUntrusted,
)


class OpcUaDriver:
    """Subscribes to every node of one server."""

    def __init__(
        self,
        link: LinkHealth,
        signals: Sequence[Signal],
        clock: Clock,
        timeout: float,
        user: str | None = None,
        password: Callable[[], str] | None = None,
    ) -> None:
        self.connection = link.id
        self.link = link
        self.clock = clock
        self.timeout = timeout
        self.cache = Cache(list(signals), clock)
        self._user = user
        self._password = password
        self._heard = self._began = 0.0
        self._backoff = Backoff()
        self._lost = asyncio.Event()
        self._fault: Exception | None = None

    def health(self) -> dict[str, Any]:
        """Counters of the connection and its meters."""
        return self.link.as_dict(self.clock.now())

    async def run(self, sink: Sink) -> None:
        """Follow the server until cancelled; connection losses are waited out."""
        logging.getLogger("asyncua").setLevel(logging.CRITICAL)
        while True:
            try:
                await self._session(sink)
            except DeviceError as error:
                self.link.down(str(error))
            finally:
                self._unknown(sink)
            self._count("connection_lost")
            await asyncio.sleep(self._backoff.take())

    async def _session(self, sink: Sink) -> None:
        self._lost = asyncio.Event()
        self._fault = None
        client = await self.connect()
        try:
            async with asyncio.timeout(10 * self.timeout):
                await self._subscribe(client, sink)
            self.link.up()
            self._backoff.reset()
            await self._watch(sink)
        except (OSError, TimeoutError, ua.UaError) as error:
            raise Unreachable(f"session failed: {error!r}", endpoint=self.link.endpoint) from error
        finally:
            await _close(client, self.timeout)

    async def connect(self) -> Client:
        """A connected client; Unreachable or AuthFailed says why not."""
        client = Client(self.link.endpoint, timeout=self.timeout)
        if self._user:
            client.set_user(self._user)
            client.set_password(self._password() if self._password else "")

        async def lost(_: Exception) -> None:
            self._lost.set()

        client.connection_lost_callback = lost
        try:
            async with asyncio.timeout(5 * self.timeout + 2.0):
                await client.connect(auto_reconnect=False)
        except _AUTH as error:
            raise AuthFailed(f"refused: {error}", endpoint=self.link.endpoint) from error
        except TimeoutError as error:
            raise DeviceTimeout("no session in time", endpoint=self.link.endpoint) from error
        except (OSError, ua.UaError) as error:
            raise Unreachable(f"no session: {error!r}", endpoint=self.link.endpoint) from error
        return client

    async def _subscribe(self, client: Client, sink: Sink) -> None:
        interval = self._interval()
        params = ua.CreateSubscriptionParameters()
        params.RequestedPublishingInterval = interval * 1000
        params.RequestedMaxKeepAliveCount = max(1, round(KEEP_ALIVE_S / interval))
        params.RequestedLifetimeCount = 30 * params.RequestedMaxKeepAliveCount
        params.MaxNotificationsPerPublish = 10_000
        params.PublishingEnabled = True
        self._heard = self._began = monotonic()
        made = await client.uaclient.create_subscription(
            params, lambda result: self._guarded(result, sink)
        )
        items = await self._items(client, interval)
        wanted = ua.CreateMonitoredItemsParameters()
        wanted.SubscriptionId = made.SubscriptionId
        wanted.TimestampsToReturn = ua.TimestampsToReturn.Both
        wanted.ItemsToCreate = items
        results = await client.uaclient.create_monitored_items(wanted) if items else []
        for item, result in zip(items, results, strict=True):
            if not result.StatusCode.is_good():
                self._refused(item.RequestedParameters.ClientHandle, result.StatusCode.name)

    def _interval(self) -> float:
        """Real seconds between publishes: half the fastest period, 100 ms to 1 s."""
        fastest = min((s.every_s for s in self.cache.signals), default=1.0)
        return min(1.0, max(0.1, real_period(fastest, self.clock.speed) / 2))

    async def _items(self, client: Client, interval: float) -> list[Any]:
        spaces = await client.get_namespace_array()
        items = []
        for handle, signal in enumerate(self.cache.signals):
            node = resolve(signal.node, spaces)
            if node is None:
                self._refused(handle, "BadNodeIdUnknown")
                continue
            item = ua.MonitoredItemCreateRequest()
            item.ItemToMonitor.NodeId = node
            item.ItemToMonitor.AttributeId = ua.AttributeIds.Value
            item.MonitoringMode = ua.MonitoringMode.Reporting
            item.RequestedParameters.ClientHandle = handle
            item.RequestedParameters.SamplingInterval = interval * 500
            item.RequestedParameters.QueueSize = QUEUE_SIZE
            item.RequestedParameters.DiscardOldest = True
            items.append(item)
        return items

    def _refused(self, handle: int, why: str) -> None:
        signal = self.cache.signals[handle]
        self.link.last_error = f"{signal.owner}.{signal.name}: {signal.node}: {why}"
        self.link.counts["refused_nodes"] += 1
        log.warning("%s: %s", self.connection, self.link.last_error)

    def _guarded(self, result: Any, sink: Sink) -> None:
        """asyncua logs and drops what a callback raises, and values with it; here it ends the session and is raised."""
        try:
            self._published(result, sink)
        except Exception as error:
            self._fault = error
            self._lost.set()

    def _published(self, result: Any, sink: Sink) -> None:
        """A publish or keep-alive: all its values in one batch."""
        self._heard = monotonic()
        message = result.NotificationMessage
        for notification in message.NotificationData or ():
            if isinstance(notification, ua.DataChangeNotification):
                batch = self.cache.changed(notification.MonitoredItems)
                if len(batch) or batch.events:
                    sink(batch)
            elif isinstance(notification, ua.StatusChangeNotification):
                self._lost.set()

    async def _watch(self, sink: Sink) -> None:
        """Hand known values over again on their grids while the server is heard; return when it is lost."""
        now = monotonic()
        grids = {}
        for period in sorted({s.every_s for s in self.cache.signals}):
            grids[period] = Grid.named(
                f"{self.connection}/{period}", real_period(period, self.clock.speed)
            )
            grids[period].start(now)
        stale = max(STALE_S, 3 * self.timeout)
        while True:
            wake = min([grid.next for grid in grids.values()], default=now + 1.0)
            if await self._lost_within(wake - monotonic()):
                if self._fault is not None:
                    raise self._fault
                raise Unreachable("connection lost", endpoint=self.link.endpoint)
            now = monotonic()
            if now - self._heard > stale:
                raise Unreachable(f"nothing heard for {stale:.0f} s", endpoint=self.link.endpoint)
            for period, grid in grids.items():
                if grid.next <= now:
                    self._again(
                        period, grid.advance(now), now - self._heard <= 2 * KEEP_ALIVE_S, sink
                    )

    async def _lost_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(max(seconds, 0.001)):
                await self._lost.wait()
        except TimeoutError:
            return False
        return True

    def _again(self, period: float, skipped: int, alive: bool, sink: Sink) -> None:
        batch = self.cache.held(period) if alive else None
        if batch is not None and len(batch):
            sink(batch)
        for meter in self.link.meters.values():
            for polls in meter.groups.values():
                if polls.period_s == period:
                    polls.due += 1 + skipped
                    polls.skipped += skipped
                    count = self.cache.good(meter.meter)
                    if alive and count:
                        polls.ok(self.clock.now(), count)
                        meter.recovered()
                    elif monotonic() - self._began < FIRST_VALUES_S:
                        polls.failed["no_value"] += (
                            1  # counted; the server is still on its way to the first values
                        )
                    else:
                        meter.failed(polls, "no_value" if alive else "silent")

    def _count(self, reason: str) -> None:
        for meter in self.link.meters.values():
            for polls in meter.groups.values():
                meter.failed(polls, reason)

    def _unknown(self, sink: Sink) -> None:
        batch = self.cache.forget(State.UNKNOWN)
        if batch.events:
            sink(batch)


def resolve(node: str, namespaces: Sequence[str]) -> Any:
    """NodeId of `nsu=URI;s=ID` (or a plain NodeId text) in this session; None where the server lacks the namespace."""
    if not node.startswith("nsu="):
        return ua.NodeId.from_string(node)
    uri, _, rest = node.removeprefix("nsu=").rpartition(";")
    if uri not in namespaces:
        return None
    return ua.NodeId.from_string(f"ns={list(namespaces).index(uri)};{rest}")


async def _close(client: Client, timeout: float) -> None:
    """Leave politely if the server still answers, and close the socket in any case."""
    try:
        async with asyncio.timeout(timeout):
            await client.disconnect()
    except (OSError, TimeoutError, ua.UaError):
        pass
    finally:
        client.disconnect_socket()
