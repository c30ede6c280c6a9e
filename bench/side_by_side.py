"""Two processes that read the same devices, in turn: CPU and memory of each over the same span."""

from __future__ import annotations

import time

from bench.product import Product, Span, Watched

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
