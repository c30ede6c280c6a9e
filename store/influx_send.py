"""Sending lines to InfluxDB 1.8, 2.x or 3: what each answer means and what is done about it.

One request has at most 5,000 lines and 2 MB. Acknowledged (204) is stored. A request is repeated as
it is or in halves, which is harmless: a point that is written again is the same point.
"""

from __future__ import annotations

import json
import re
from enum import Enum
from typing import Any

import polars as pl
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.domain.write_precision import WritePrecision
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from plant.errors import RetryableError, SinkRefused
from store import line_protocol
from store.dead_letters import DeadLetters

MOST_LINES = 5_000
MOST_BYTES = 2_000_000
TIMEOUT_MS = (3_000, 10_000)
_LIMIT = re.compile(
    r"limit (is |has been )?(exceeded|reached)|exceed\w* (the )?[\w\s]*limit", re.IGNORECASE
)
_SETTING = re.compile(r"provide either orgID or org|precision", re.IGNORECASE)
_EXPIRED = re.compile(r"(beyond|outside) retention policy", re.IGNORECASE)
_DROPPED = re.compile(r"dropped[= ](\d+)")


class Action(Enum):
    """What is done about an answer."""

    HALVE = "halve, and put aside what is left"
    EXPIRED = "older than the retention: count and go on"
    WAIT = "try again later"
    REFUSED = "say so and wait for someone"


def action(status: int, text: str) -> Action:
    """What to do about an answer that is not 2xx."""
    if status in (400, 422):
        if "unable to parse" in text:
            return Action.HALVE

        if _LIMIT.search(text) or _SETTING.search(text):
            return Action.REFUSED

        return Action.EXPIRED if _EXPIRED.search(text) else Action.HALVE

    if status == 413:
        return Action.HALVE

    if status == 500 and "retention policy not found" in text:
        return Action.REFUSED

    return Action.WAIT if status in (408, 429) or status >= 500 else Action.REFUSED


_SAYS = {
    401: (
        "the token is not known there; look at influx.token (user:password on 1.8, an API token "
        "on 2.x and 3)"
    ),
    403: (
        "the token may not write there; on 1.8: GRANT ALL ON the database, on 2.x: a token with "
        "read and write on the bucket"
    ),
    404: "there is no such bucket, database or organisation; make it with `wattline store init`",
    500: (
        "the database has no such retention policy; use a plain bucket name, made with "
        "`wattline store init`"
    ),
}


class LineSender:
    """Writes lines with influxdb-client. `expired` counts points that the retention of the bucket
    did not take, `sent` those that were stored."""

    def __init__(
        self,
        url: str,
        org: str,
        token: str | None,
        dead: DeadLetters,
    ) -> None:
        if token and ":" in token and " " in token:
            raise SinkRefused(
                f"influx.token for {url}: a space in user:password is not understood by InfluxDB "
                "1.8; give the user another password"
            )

        self.url = url
        self.org = org
        self.dead = dead
        client: Any = InfluxDBClient(
            url,
            token=token or "",
            org=org,
            timeout=TIMEOUT_MS,
            enable_gzip=False,
        )
        self.client = client
        self.api = client.write_api(write_options=SYNCHRONOUS)
        self.expired = self.sent = 0

    def send(self, bucket: str, lines: pl.Series) -> None:
        """All lines, or RetryableError, or SinkRefused; either way what went before is stored."""
        for part in line_protocol.requests(lines, MOST_LINES, MOST_BYTES):
            self._send(bucket, part)

    def _send(self, bucket: str, part: pl.Series) -> None:
        try:
            self.api.write(
                bucket,
                self.org,
                line_protocol.body(part),
                write_precision=WritePrecision.NS,
            )
            self.sent += len(part)
        except ApiException as error:
            self._answered(bucket, part, error)
        except (HTTPError, OSError) as error:
            raise RetryableError(f"InfluxDB at {self.url} does not answer: {error}") from error

    def _answered(
        self,
        bucket: str,
        part: pl.Series,
        error: ApiException,
    ) -> None:
        status = int(error.status or 0)
        text = said(error)
        todo = action(status, text) if status else Action.WAIT
        if todo is Action.WAIT:
            raise RetryableError(
                f"InfluxDB at {self.url} cannot take data now ({status}): {text}",
                _after(error),
            ) from error

        if todo is Action.REFUSED:
            why = _SAYS.get(status, "nothing more is sent until that is changed")
            raise SinkRefused(
                f"InfluxDB at {self.url} refuses bucket {bucket} ({status}): {text}; {why}"
            ) from error

        if todo is Action.EXPIRED:
            old = _dropped(text)
            self.expired = self.expired + old
            self.sent = self.sent + len(part) - old
        elif len(part) == 1 or ("partial write" in text and _dropped(text) == len(part)):
            self.dead.put(bucket, f"{status}: {text}", part.to_list())
        else:
            half = len(part) // 2
            self._send(bucket, part[:half])
            self._send(bucket, part[half:])

    def close(self) -> None:
        self.api.close()
        self.client.close()


def _dropped(text: str) -> int:
    """How many points a partial write left out, by the server's own count."""
    found = _DROPPED.search(text)
    return int(found[1]) if found else 0


def said(error: ApiException) -> str:
    """The server's words, without the line they are about in full."""
    body = (
        error.body.decode("utf-8", "replace")
        if isinstance(error.body, bytes)
        else str(error.body or error.reason or "")
    )
    try:
        found = json.loads(body)
        body = (
            str(found.get("error") or found.get("message") or body)
            if isinstance(found, dict)
            else body
        )
    except ValueError:
        pass

    return body.strip()[:500]


def _after(error: ApiException) -> float | None:
    """Seconds of Retry-After, if it says so."""
    headers: Any = error.headers
    value = headers.get("Retry-After") if headers else None
    try:
        return max(float(value), 0.0) if value is not None else None
    except ValueError:
        return None
