"""What is done about each answer of InfluxDB 1.8, 2.7 and 3, played by
a server on loopback with the bodies that they give.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import polars as pl
import pytest

from plant.errors import RetryableError, SinkRefused
from store.dead_letters import DeadLetters
from store.influx_send import Sender

pytestmark = pytest.mark.net
Answer = tuple[int, dict[str, str], str]
Play = Callable[[list[str]], Answer]
GOOD: Answer = (204, {}, "")


class Server(HTTPServer):
    """Answers writes as `play` says; `stored` are the lines it took."""

    def __init__(self, play: Play) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.play, self.requests, self.stored = play, 0, set[str]()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        lines = self.rfile.read(int(self.headers["Content-Length"])).decode().split("\n")
        assert self.path.startswith("/api/v2/write?")
        assert "precision=ns" in self.path
        assert self.headers.get("Content-Encoding", "identity") == "identity"
        self.server.requests += 1
        status, headers, body = self.server.play(lines)
        if status == 204:
            self.server.stored |= set(lines)
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def played(play: Play, folder: Path) -> Iterator[tuple[Server, Sender]]:
    server = Server(play)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    sender = Sender(server.url, "o", "t0k", DeadLetters(folder / "dead.jsonl"))
    try:
        yield server, sender
    finally:
        sender.close()
        server.shutdown()
        thread.join()
        server.server_close()


LINES = pl.Series([f"t v={i}.0 {i}" for i in range(64)])
BAD = {"t v=5.0 5", "t v=40.0 40"}


def v1(message: str) -> str:
    return json.dumps({"code": "invalid", "message": message})


WHOLE = {
    "1.8 parse": (400, v1("unable to parse 't v=5.0 5': limit exceeded: invalid number")),
    "1.8 type clash in one batch": (400, v1("field type conflict: input field \"v\" on measurement \"t\" is type string, already exists as type float dropped=1")),
    "2.7 malformed, nothing written": (400, v1("unable to parse 't v=5.0 5': missing fields")),
    "3 parse": (400, json.dumps({"error": "parsing failed for write_lp endpoint", "data": {"original_line": "t v=5.0 5", "line_number": 1, "error_message": "x"}})),
}  # fmt: skip
PARTIAL = {
    "1.8 partial": (400, v1("partial write: field type conflict: input field \"v\" on measurement \"t\" is type string, already exists as type float dropped=1")),
    "2.7 partial": (422, v1("failure writing points to database: partial write: field type conflict: input field \"v\" dropped=1")),
    "3 partial": (400, json.dumps({"error": "partial write of line protocol occurred", "data": [{"original_line": "t v=5.0 5", "line_number": 6, "error_message": "invalid column type"}]})),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "answer"), [*WHOLE.items(), *PARTIAL.items()])
def test_bad_lines_are_isolated(kind: str, answer: tuple[int, str], tmp_path: Path) -> None:
    stored = set[str]()

    def play(lines: list[str]) -> Answer:
        if not BAD & set(lines):
            return GOOD
        if kind in PARTIAL:
            stored.update(set(lines) - BAD)
        return answer[0], {}, answer[1]

    with played(play, tmp_path) as (server, sender):
        sender.send("b", LINES)
        assert server.stored | stored == set(LINES) - BAD
        assert server.requests < 30
        rows = [json.loads(line) for line in (tmp_path / "dead.jsonl").read_text().splitlines()]
        assert {r["line"] for r in rows} == BAD
        assert all(r["reason"].startswith(f"{answer[0]}: ") for r in rows)
        assert sender.dead.count == 2


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, v1("partial write: points beyond retention policy dropped=7")),
        (422, v1("failure writing points to database: partial write: points beyond retention policy dropped=7")),
        (422, v1("failure writing points to database: partial write: dropped 7 points outside retention policy of duration 168h0m0s")),
    ],
)  # fmt: skip
def test_points_past_the_retention_are_counted_not_put_aside(
    status: int, body: str, tmp_path: Path
) -> None:
    with played(lambda lines: (status, {}, body), tmp_path) as (server, sender):
        sender.send("b", LINES)
        assert (server.requests, sender.expired, sender.sent, sender.dead.count) == (1, 7, 57, 0)


def test_a_request_that_was_dropped_whole_is_put_aside_whole(tmp_path: Path) -> None:
    """A field that is there as another type: one request, not one for each line."""

    def play(lines: list[str]) -> Answer:
        return (
            400,
            {},
            v1(f'partial write: field type conflict: input field "v" dropped={len(lines)}'),
        )

    with played(play, tmp_path) as (server, sender):
        sender.send("b", LINES)
        assert (server.requests, sender.dead.count, sender.sent) == (1, 64, 0)


def test_413_is_sent_in_halves(tmp_path: Path) -> None:
    big = (413, {}, json.dumps({"error": "Request Entity Too Large"}))
    with played(lambda lines: big if len(lines) > 20 else GOOD, tmp_path) as (server, sender):
        sender.send("b", LINES)
        assert server.stored == set(LINES)
        assert sender.sent == 64


REFUSED = {
    "401": (401, v1("unauthorized access"), "influx.token"),
    "403 of 1.8": (403, v1('"wl" user is not authorized to write to database "b"'), "GRANT ALL"),
    "403 of 2.7": (403, v1("insufficient permissions for write"), "read and write on the bucket"),
    "404 of 1.8": (404, v1('database not found: "b"'), "store init"),
    "404 of 2.7": (404, v1('organization name "o" not found'), "store init"),
    "400 of 2.7, no organisation": (400, v1("Please provide either orgID or org"), "until that is changed"),
    "500 of 1.8, no such retention": (500, json.dumps({"code": "internal error", "message": 'retention policy not found: "rp"'}), "plain bucket name"),
    "400 of 1.8, too many series": (400, v1("partial write: max-series-per-database limit exceeded: (1000000) dropped=1"), "limit exceeded"),
    "422 of 3, a limit": (422, json.dumps({"error": "Update to schema would exceed number of columns per table limit of 500 columns"}), "limit of 500"),
    "302, a proxy": (302, "", "302"),
}  # fmt: skip


@pytest.mark.parametrize(("status", "body", "says"), REFUSED.values(), ids=list(REFUSED))
def test_what_someone_has_to_change_is_said_once(
    status: int, body: str, says: str, tmp_path: Path
) -> None:
    with played(lambda lines: (status, {}, body), tmp_path) as (server, sender):
        with pytest.raises(SinkRefused, match=says):
            sender.send("b", LINES)
        assert (server.requests, sender.sent, sender.dead.count) == (1, 0, 0)


WAITS = {
    "429 of 3": (429, {}, "", None),
    "503 of 3, says how long": (503, {"Retry-After": "7"}, json.dumps({"error": "busy"}), 7.0),
    "503, a date": (503, {"Retry-After": "Sat, 21 Nov 2026 09:00:00 GMT"}, "", None),
    "503 of 1.8, plain text": (503, {}, "queue full", None),
    "500 of 1.8, memory": (500, {}, v1("engine: cache-max-memory-size exceeded: (1073741900/1073741824)"), None),
    "500 of 2.7, timeout": (500, {}, v1("unexpected error writing points to database: timeout"), None),
    "502 of a proxy": (502, {}, "<html>bad gateway</html>", None),
}  # fmt: skip


@pytest.mark.parametrize(("status", "headers", "body", "after"), WAITS.values(), ids=list(WAITS))
def test_what_passes_by_itself_is_tried_again(
    status: int, headers: dict[str, str], body: str, after: float | None, tmp_path: Path
) -> None:
    with played(lambda lines: (status, headers, body), tmp_path) as (server, sender):
        with pytest.raises(RetryableError, match=str(status)) as found:
            sender.send("b", LINES)
        assert found.value.after_s == after
        assert (server.requests, sender.dead.count) == (1, 0)


def test_a_limit_in_a_name_is_no_limit(tmp_path: Path) -> None:
    body = v1("unable to parse 'exceed,line=limit v=': missing field value")
    with played(lambda lines: (400, {}, body), tmp_path) as (_, sender):
        sender.send("b", LINES[:2])
        assert sender.dead.count == 2


def test_the_dead_letter_file_is_bounded(tmp_path: Path) -> None:
    dead = DeadLetters(tmp_path / "dead.jsonl", most_bytes=200)
    for i in range(50):
        dead.put("b", "400: x", [f"t v={i}"])
    assert dead.count == 50
    assert dead.path.stat().st_size < 400


def test_a_space_in_the_password_is_said(tmp_path: Path) -> None:
    with pytest.raises(SinkRefused, match="space"):
        Sender("http://127.0.0.1:1", "o", "user:pass word", DeadLetters(tmp_path / "d"))
