"""Lines that a store will never take, kept in a file of JSON lines with the reason and the time, so
that someone can look and send them again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path


class DeadLetters:
    """One file; past `most_bytes` lines are counted only. `count` is of this run."""

    def __init__(self, path: Path, most_bytes: int = 64 << 20) -> None:
        self.path = path
        self.most_bytes = most_bytes
        self.count = 0

    def put(
        self,
        bucket: str,
        reason: str,
        lines: Sequence[str],
    ) -> None:
        self.count += len(lines)
        if self.path.exists() and self.path.stat().st_size > self.most_bytes:
            return

        at = datetime.now(UTC).isoformat(timespec="seconds")
        with self.path.open("a", encoding="utf-8") as file:
            for line in lines:
                row = {
                    "time": at,
                    "bucket": bucket,
                    "reason": reason,
                    "line": line,
                }
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
