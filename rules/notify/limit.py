"""How much one person is told in an hour. Pure; times in ns UTC.

Called by `lane` before a message goes out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rules.alert import Occasion, Severity

HOUR_NS: Final = 3_600_000_000_000
MORE: Final = "more"
"""Messages over the limit are gathered under this word and told as one."""
_NEVER_HELD: Final = (Occasion.TEST, Occasion.WEEKLY)


def held_until(
    sent_ns: Sequence[int],
    now_ns: int,
    at_most: int,
) -> int | None:
    """When the next message may go to somebody who was sent these; None: now."""
    recent = sorted(at for at in sent_ns if at > now_ns - HOUR_NS)
    if len(recent) < at_most:
        return None

    # Once this one is an hour old, there is room for another.
    oldest_that_counts = recent[-at_most]
    return oldest_that_counts + HOUR_NS


def counts(severity: str, occasion: Occasion) -> bool:
    """Whether the limit holds a message back. What is critical, and what tests the way, is never
    held."""
    return severity != Severity.CRITICAL and occasion not in _NEVER_HELD
