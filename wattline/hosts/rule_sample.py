"""Newest values for the rules that must be early."""

from __future__ import annotations

import shutil
from pathlib import Path


def disk_used(folder: Path) -> float:
    """Share of the disk of the data folder that is in use, in per cent."""
    usage = shutil.disk_usage(folder)
    return 100.0 * usage.used / usage.total
