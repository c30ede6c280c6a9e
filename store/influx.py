"""InfluxDB behind the store contract: figures into one bucket, raw readings into another; questions
by InfluxQL, which 1.8, 2.x and 3 all answer.

A store beside the embedded one, for those who have InfluxDB and its dashboards. Points are those of
`store.schema`; each revision of a window is a point of its own, so writing again or in another
order changes nothing. The place in the journal is kept by whom this store is fed by.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

from plant.errors import QueryError, RetryableError, SinkRefused
from plant.ports import Columns
from plant.reports import Counts
from store import influx_points
from store.dead_letters import DeadLetters
from store.influx_points import MeterPoints
from store.influx_send import LineSender

QUERY_TIMEOUT = urllib3.Timeout(connect=3.0, read=30.0)


@dataclass(frozen=True, slots=True)
class Access:
    """Where an InfluxDB is and how to get in."""

    url: str
    org: str = "wattline"
    bucket: str = "wattline"
    raw_bucket: str = "wattline_raw"
    token: str | None = None

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Token {self.token}"} if self.token else {}


@dataclass(frozen=True, slots=True)
class Series:
    """One series of an answer: its tags and its columns, `time` first."""

    tags: Mapping[str, str]
    columns: Mapping[str, list[Any]]


class InfluxStore:
    """Writes books and readings of one site, answers InfluxQL. RetryableError: later; SinkRefused:
    someone has to act."""

    def __init__(
        self,
        access: Access,
        site: str,
        dead: Path,
    ) -> None:
        self.access = access
        self.site = site
        self.dead = DeadLetters(dead)
        self.sender = LineSender(
            access.url,
            access.org,
            access.token,
            self.dead,
        )
        self.http = urllib3.PoolManager(
            retries=False,
            timeout=QUERY_TIMEOUT,
            headers=access.headers(),
        )
        self.meters = MeterPoints(site)
        self.codes: dict[str, int] = {}

    @property
    def url(self) -> str:
        """Its address."""
        return self.access.url

    @property
    def where(self) -> str:
        """What it is called in messages."""
        return f"InfluxDB at {self.url}"

    def counts(self) -> Counts:
        """Points taken in this run, points older than the retention, lines put aside for good."""
        return Counts(
            points=self.sender.sent,
            expired=self.sender.expired,
            dead_letters=self.sender.dead.count,
        )

    def code(self, text: str) -> int:
        """Integer of a name, for the tables of a Producer."""
        return self.codes.setdefault(text, len(self.codes))

    def write_books(self, books: Mapping[str, Columns]) -> None:
        """Figures of books. A corrected window is more points; readers take the last of each
        window."""
        names = list(self.codes)
        for table in influx_points.TABLES:
            if table in books and len(books[table]["start"]):
                self.sender.send(
                    self.access.bucket,
                    influx_points.of_books(
                        table,
                        books[table],
                        names,
                        self.site,
                    ),
                )

    def write_readings(
        self, columns: Columns, names: Callable[[], Mapping[int, tuple[str, str]]]
    ) -> None:
        """Raw readings; `names` gives the registry, tag to meter and quantity, and is asked when
        there is a new tag."""
        if not columns or not len(columns["ts"]):
            return

        if int(columns["tag"].max()) >= len(self.meters.starts):
            self.meters.know(names())

        self.sender.send(
            self.access.raw_bucket,
            self.meters.lines(columns),
        )

    def query(
        self,
        statement: str,
        bucket: str | None = None,
        epoch: str = "ns",
    ) -> list[Series]:
        """One InfluxQL statement that reads; QueryError with the server's words if it cannot be
        answered."""
        return ask(
            self.http,
            self.access.url,
            statement,
            bucket or self.access.bucket,
            epoch,
        )

    def close(self) -> None:
        self.sender.close()
        self.http.clear()


def ask(
    http: urllib3.PoolManager,
    url: str,
    statement: str,
    bucket: str,
    epoch: str = "ns",
    method: str = "GET",
) -> list[Series]:
    """One statement. An error is often inside an answer of 200, and is raised all the same."""
    fields = {
        "db": bucket,
        "q": statement,
        "epoch": epoch,
    }
    try:
        answer = (
            http.request(
                method,
                f"{url}/query",
                fields=fields,
                encode_multipart=False,
            )
            if method == "POST"
            else http.request(
                method,
                f"{url}/query",
                fields=fields,
            )
        )
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise RetryableError(f"InfluxDB at {url} does not answer: {error}") from error

    try:
        found = json.loads(answer.data)
    except ValueError:
        found = {}

    result = (found.get("results") or [{}])[0]
    wrong = found.get("error") or found.get("message") or result.get("error")
    if answer.status in (401, 403):
        raise SinkRefused(f"InfluxDB at {url} refuses ({answer.status}): {wrong}")

    if wrong or answer.status != 200:
        raise QueryError(
            f"InfluxDB at {url} cannot answer from {bucket} ({answer.status}): "
            f"{wrong or answer.data[:200]!r}; asked: {statement[:200]}"
        )

    if result.get("partial"):
        raise QueryError(
            f"InfluxDB at {url} gave a part of the answer only; ask for a shorter span: "
            f"{statement[:200]}"
        )

    return [_series(one) for one in result.get("series", [])]


def _series(one: Mapping[str, Any]) -> Series:
    columns = zip(*one.get("values", []), strict=True)
    return Series(
        one.get("tags", {}),
        dict(
            zip(
                one["columns"],
                map(list, columns),
                strict=False,
            )
        ),
    )
