"""Publish answers as a server sends them, encoded by asyncua."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_to_binary

from collector.drivers.opcua_wire import Changes, published

GOOD = ua.StatusCodes.Good
BAD = ua.StatusCodes.BadSensorFailure
UNCERTAIN = ua.StatusCodes.UncertainInitialValue


def item(
    handle: int,
    value: Any,
    status: int | None = GOOD,
    source: datetime | None = None,
    kind: ua.VariantType | None = None,
    server: datetime | None = None,
) -> ua.MonitoredItemNotification:
    """What one node says."""
    code = None if status is None else ua.StatusCode(status)
    variant = None if value is None else ua.Variant(value, kind)
    data = ua.DataValue(variant, code, SourceTimestamp=source, ServerTimestamp=server)
    return ua.MonitoredItemNotification(ClientHandle=handle, Value=data)


def answer(
    *notifications: Sequence[ua.MonitoredItemNotification],
    more: bool = False,
    available: Sequence[int] = (),
    status_change: bool = False,
) -> bytes:
    """An answer of subscription 7, number 42."""
    found = ua.PublishResponse()
    result = found.Parameters
    result.SubscriptionId = 7
    result.AvailableSequenceNumbers = list(available)
    result.MoreNotifications = more
    result.NotificationMessage.SequenceNumber = 42
    data: list[Any] = []
    for items in notifications:
        data.append(ua.DataChangeNotification(MonitoredItems=list(items)))
    if status_change:
        data.append(ua.StatusChangeNotification(ua.StatusCode(ua.StatusCodes.BadTimeout)))
    result.NotificationMessage.NotificationData = data
    return struct_to_binary(found)


def changes(*items: ua.MonitoredItemNotification) -> Changes:
    """Columns of these items, over the wire."""
    (found,) = published(Buffer(answer(items))).changes
    return found
