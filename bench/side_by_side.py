"""Two processes that read the same devices, in turn: CPU and memory of each over the same span."""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.product import Product, Span, Watched
from bench.telegraf import Sink, Telegraf, build

WARM_S, SECONDS = 12.0, 30.0


def span(watched: Watched, seconds: float) -> Span:
    """What the process takes in so many seconds; SystemExit with its last words if it ends."""
    cpu_s = watched.cpu_s()
    begin = time.monotonic()
    most = 0.0
    while time.monotonic() - begin < seconds:
        time.sleep(0.5)
        if not watched.running():
            raise SystemExit(f"{watched.process.args!r} ended by itself:\n{watched.said()}")

        most = max(most, watched.rss_mb())

    return Span(
        time.monotonic() - begin,
        watched.cpu_s() - cpu_s,
        most,
    )


def warm(watched: Watched, seconds: float) -> None:
    """Let it start and come to rest."""
    span(watched, seconds)


def stored(product: Product, since_ns: int, until_ns: int) -> tuple[int, int]:
    """End the product; values stored of the span, and values missing in it."""
    product.stop()
    return product.sequences(since_ns, until_ns)


@dataclass(frozen=True, slots=True)
class Forwarded:
    """What Telegraf took, and how many lines it sent meanwhile."""

    took: Span
    lines: int


def forwarded(inputs: str, warm_s: float, seconds: float) -> Forwarded | None:
    """One run of Telegraf with these inputs; None where it cannot be built."""
    program = build()
    if program is None:
        return None

    sink = Sink()
    with tempfile.TemporaryDirectory() as folder:
        telegraf = Telegraf(program, inputs, sink, Path(folder))
        warm(telegraf, warm_s)
        before = sink.lines()
        took = span(telegraf, seconds)
        lines = sink.lines() - before
        telegraf.stop()

    sink.stop()
    return Forwarded(took, lines)


def a_line(found: Forwarded | None) -> dict[str, float]:
    """What a line cost, and how many came a second; nothing where Telegraf did not run."""
    if found is None:
        return {}

    return {
        "us": found.took.cpu_s / max(found.lines, 1) * 1e6,
        "a_second": found.lines / found.took.wall_s,
        "rss": found.took.rss_mb,
    }


def rounds_and_seconds(about: str | None) -> tuple[int, float]:
    """What the command line of such a bench says."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    given = parser.parse_args()
    return given.rounds, given.seconds
