"""OPC UA: one subscription per server, taken at session level so that a publish is handled as a
whole.

Nodes are given as `nsu=URI;s=ID` and resolved each session, because namespace indexes move. A value
that does not change is not sent again by a server; while publishes or keep-alives arrive it is
known to hold, and is handed over again on the grid of its meter. Text nodes become events, and
UNKNOWN when the connection is lost.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from time import monotonic
from typing import Final

from asyncua import Client, ua

from collector.assignment import Assignment, Password
from collector.drivers.opcua_cache import Cache, Signal
from collector.drivers.opcua_subscription import Subscription
from collector.drivers.opcua_wire import Published
from collector.health import LinkHealth, MeterHealth, Polls
from collector.probe import ProbeRow, listen
from collector.schedule import Grid, real_period
from plant.backoff import Backoff
from plant.clock import Clock
from plant.errors import AuthFailed, DeviceError, DeviceTimeout, Unreachable
from plant.names import State
from plant.ports import Sink
from plant.protocols.opcua import OpcUaConnection, OpcUaMeter
from plant.quantity import QUANTITIES
from plant.reports import DriverReport

log = logging.getLogger("wattline.collector.opcua")

QUEUE_SIZE: Final = 32
KEEP_ALIVE_S: Final = 2.0

# Without a word for so long the session is given up, whatever its timeouts say.
STALE_S: Final = 10.0

# Timeouts that a server has for making all items of a subscription.
_CREATING: Final = 30

# A server may need so long to its first values; until then a silent meter is only counted.
FIRST_VALUES_S: Final = 5.0

# A subscription outlives this many keep-alives that we do not answer.
_LIFETIME_KEEP_ALIVES: Final = 30
_NOTIFICATIONS_MOST: Final = 10_000

# Items asked for in one request: servers have a limit, and answer other requests in between.
_ITEMS_MOST: Final = 1000
_PUBLISH_FASTEST_S: Final = 0.1
_PUBLISH_SLOWEST_S: Final = 1.0
_MS: Final = 1000

_AUTH: Final = (
    ua.uaerrors.BadUserAccessDenied,
    ua.uaerrors.BadIdentityTokenRejected,
    ua.uaerrors.BadIdentityTokenInvalid,
    ua.uaerrors.BadSecurityChecksFailed,
    ua.uaerrors.BadCertificateUntrusted,
)


def build(assignment: Assignment) -> OpcUaDriver:
    """The subscription of one server: nodes of its meters, and signals of the connection itself."""
    connection = OpcUaConnection.of(assignment.connection)
    link = assignment.link
    signals: list[Signal] = []
    for key, declared in assignment.meters.items():
        meter = OpcUaMeter.of(declared)
        link.add(key, "opcua", {"power": meter.every.power})
        signals += _signals(assignment, key, meter)

    for name, node in connection.signals.items():
        signals.append(
            Signal(
                link.id,
                name,
                node,
                assignment.tags.tag(link.id, name),
            )
        )

    return OpcUaDriver(
        link,
        signals,
        assignment.clock,
        timeout=connection.timeout,
        user=connection.user,
        password=assignment.password,
    )


def _signals(
    assignment: Assignment,
    key: str,
    meter: OpcUaMeter,
) -> Iterator[Signal]:
    """What is read of a meter, each under the name under which it travels."""
    for quantity, node in meter.nodes.items():
        known = QUANTITIES[quantity]
        name = f"{known.read_as(meter.wiring)}.total"
        yield Signal(
            owner=key,
            name=name,
            node=node,
            tag=assignment.tags.tag(key, name),
            factor=known.factor_unmapped(meter.unit, meter.wiring),
            every_s=meter.every.power,
        )


async def probe(assignment: Assignment, wait_s: float) -> list[ProbeRow]:
    """What each meter of the server says within the time given."""
    driver = build(assignment)
    return await listen(driver, assignment, wait_s)


class OpcUaDriver:
    """Subscribes to every node of one server."""

    def __init__(
        self,
        link: LinkHealth,
        signals: Sequence[Signal],
        clock: Clock,
        *,
        timeout: float,
        user: str | None = None,
        password: Password | None = None,
    ) -> None:
        self.connection = link.id
        self.link = link
        self.clock = clock
        self.timeout = timeout
        self.cache = Cache(list(signals), clock)
        self._user = user
        self._password = password
        self._heard = 0.0
        self._began = 0.0
        self._backoff = Backoff()
        self._lost = asyncio.Event()
        self._fault: BaseException | None = None
        self._by_period = self._meters_by_period()

    def health(self) -> DriverReport:
        """Counters of the connection and its meters."""
        return self.link.report()

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
        """One session from its making to its loss."""
        self._lost = asyncio.Event()
        self._fault = None
        client = await self.connect()
        try:
            async with asyncio.timeout(10 * self.timeout):
                subscription = await self._subscribe(client)

            with subscription.following(
                lambda answer: self._published(answer, sink),
                self._failed,
            ):
                async with asyncio.timeout(_CREATING * self.timeout):
                    await self._watch_items(client, subscription.number)

                self.link.up()
                self._backoff.reset()
                await self._watch(sink)
        except (OSError, TimeoutError, ua.UaError) as error:
            raise Unreachable(
                f"session failed: {error!r}",
                endpoint=self.link.endpoint,
            ) from error
        finally:
            await _close(client, self.timeout)

    async def connect(self) -> Client:
        """A connected client; Unreachable or AuthFailed says why not."""
        endpoint = self.link.endpoint
        client = Client(endpoint, timeout=self.timeout)
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
            raise AuthFailed(f"refused: {error}", endpoint=endpoint) from error
        except TimeoutError as error:
            raise DeviceTimeout("no session in time", endpoint=endpoint) from error
        except (OSError, ua.UaError) as error:
            raise Unreachable(f"no session: {error!r}", endpoint=endpoint) from error

        return client

    async def _subscribe(self, client: Client) -> Subscription:
        """A subscription that nothing is in yet."""
        interval_s = self._interval()
        params = ua.CreateSubscriptionParameters()
        params.RequestedPublishingInterval = interval_s * _MS
        params.RequestedMaxKeepAliveCount = max(1, round(KEEP_ALIVE_S / interval_s))
        params.RequestedLifetimeCount = _LIFETIME_KEEP_ALIVES * params.RequestedMaxKeepAliveCount
        params.MaxNotificationsPerPublish = _NOTIFICATIONS_MOST
        params.PublishingEnabled = True
        self._began = monotonic()
        self._heard = self._began
        return await Subscription.made(client, params)

    async def _watch_items(self, client: Client, subscription: int) -> None:
        """Ask for all nodes; one that is refused is told, and the others go on.

        First values come while later nodes are still asked for.
        """
        items = await self._items(client, self._interval())
        for first in range(0, len(items), _ITEMS_MOST):
            some = items[first : first + _ITEMS_MOST]
            wanted = ua.CreateMonitoredItemsParameters()
            wanted.SubscriptionId = subscription
            wanted.TimestampsToReturn = ua.TimestampsToReturn.Source
            wanted.ItemsToCreate = some
            results = await client.uaclient.create_monitored_items(wanted)
            for item, result in zip(
                some,
                results,
                strict=True,
            ):
                if not result.StatusCode.is_good():
                    self._refused(item.RequestedParameters.ClientHandle, result.StatusCode.name)

    def _interval(self) -> float:
        """Real seconds between publishes: half the fastest period, 100 ms to 1 s."""
        periods = [signal.every_s for signal in self.cache.signals]
        fastest_s = real_period(min(periods, default=1.0), self.clock.speed)
        return min(
            _PUBLISH_SLOWEST_S,
            max(_PUBLISH_FASTEST_S, fastest_s / 2),
        )

    async def _items(
        self, client: Client, interval_s: float
    ) -> list[ua.MonitoredItemCreateRequest]:
        """A request for each node that the server's namespaces have; sampled twice a publish."""
        spaces = await client.get_namespace_array()
        items: list[ua.MonitoredItemCreateRequest] = []
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
            item.RequestedParameters.SamplingInterval = interval_s * _MS / 2
            item.RequestedParameters.QueueSize = QUEUE_SIZE
            item.RequestedParameters.DiscardOldest = True
            items.append(item)

        return items

    def _refused(self, handle: int, why: str) -> None:
        """A node that the server does not give."""
        signal = self.cache.signals[handle]
        name = f"{signal.owner}.{signal.name}"
        self.link.last_error = f"{name}: {signal.node}: {why}"
        self.link.counts["refused_nodes"] += 1
        log.warning("%s: %s", self.connection, self.link.last_error)

    def _failed(self, error: BaseException) -> None:
        """Asking for publishes has ended: the session ends, and the error is raised there."""
        self._fault = error
        self._lost.set()

    def _published(self, answer: Published, sink: Sink) -> None:
        """A publish or keep-alive: all its values in one batch for each notification."""
        self._heard = monotonic()
        for changes in answer.changes:
            if len(changes) and int(changes.handle.max()) >= len(self.cache.signals):
                raise Unreachable(
                    "it says values of items that nobody asked for",
                    endpoint=self.link.endpoint,
                )

            batch = self.cache.changed(changes)
            if len(batch) or batch.events:
                sink(batch)

        if answer.ended:
            self._lost.set()

    async def _watch(self, sink: Sink) -> None:
        """Hand known values over again on their grids while the server is heard.

        Unreachable when it is lost.
        """
        endpoint = self.link.endpoint
        now = monotonic()
        grids = self._grids(now)
        stale_s = max(STALE_S, 3 * self.timeout)
        while True:
            wake = min(
                [grid.next for grid in grids.values()],
                default=now + 1.0,
            )
            if await self._lost_within(wake - monotonic()):
                if self._fault is not None:
                    raise self._fault

                raise Unreachable("connection lost", endpoint=endpoint)

            now = monotonic()
            silent_s = now - self._heard
            if silent_s > stale_s:
                raise Unreachable(
                    f"nothing heard for {stale_s:.0f} s",
                    endpoint=endpoint,
                )

            alive = silent_s <= 2 * KEEP_ALIVE_S
            for period, grid in grids.items():
                if grid.next <= now:
                    skipped = grid.advance(now)
                    self._again(
                        period,
                        skipped,
                        alive,
                        sink,
                    )

    def _grids(self, now: float) -> dict[float, Grid]:
        """When values of each period are handed over again."""
        grids: dict[float, Grid] = {}
        for period in sorted({signal.every_s for signal in self.cache.signals}):
            real_s = real_period(period, self.clock.speed)
            grid = Grid.named(f"{self.connection}/{period}", real_s)
            grid.start(now)
            grids[period] = grid

        return grids

    async def _lost_within(self, seconds: float) -> bool:
        """Whether the connection is lost before so much time has passed."""
        try:
            async with asyncio.timeout(max(seconds, 0.001)):
                await self._lost.wait()
        except TimeoutError:
            return False

        return True

    def _again(
        self,
        period: float,
        skipped: int,
        alive: bool,
        sink: Sink,
    ) -> None:
        """A tick of a grid: known values once more, if the server is alive, and the counts of each
        meter.
        """
        if alive:
            batch = self.cache.held(period)
            if len(batch):
                sink(batch)

        known = self.cache.good()
        now_ns = self.clock.now()
        for meter, polls in self._by_period.get(period, ()):
            polls.due += 1 + skipped
            polls.skipped += skipped
            count = known.get(meter.meter, 0) if alive else 0
            self._judge(meter, polls, count, alive=alive, now_ns=now_ns)

    def _meters_by_period(self) -> dict[float, list[tuple[MeterHealth, Polls]]]:
        """What is counted at each tick of a grid."""
        found: dict[float, list[tuple[MeterHealth, Polls]]] = {}
        for meter in self.link.meters.values():
            for polls in meter.groups.values():
                found.setdefault(polls.period_s, []).append((meter, polls))

        return found

    def _judge(
        self,
        meter: MeterHealth,
        polls: Polls,
        count: int,
        *,
        alive: bool,
        now_ns: int,
    ) -> None:
        """Whether a meter answers, as far as its `count` known values tell."""
        if count:
            polls.ok(now_ns, count)
            meter.recovered()
        elif monotonic() - self._began < FIRST_VALUES_S:
            # Counted, not told: the server is still on its way to the first values.
            polls.failed["no_value"] += 1
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


def resolve(node: str, namespaces: Sequence[str]) -> ua.NodeId | None:
    """NodeId of `nsu=URI;s=ID` (or a plain NodeId text) in this session.

    None where the server lacks the namespace.
    """
    if not node.startswith("nsu="):
        return ua.NodeId.from_string(node)

    uri, _, identifier = node.removeprefix("nsu=").rpartition(";")
    if uri not in namespaces:
        return None

    index = list(namespaces).index(uri)
    return ua.NodeId.from_string(f"ns={index};{identifier}")


async def _close(client: Client, timeout: float) -> None:
    """Leave politely if the server still answers, and close the socket in any case."""
    try:
        async with asyncio.timeout(timeout):
            await client.disconnect()
    except (OSError, TimeoutError, ua.UaError):
        pass
    finally:
        client.disconnect_socket()
