"""What the command line decides about a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rules.language.config import Rule
from store.retention import Keep
from wattline.hosts.table import BESIDE, Opener


@dataclass(slots=True)
class Options:
    """`endpoints` are the addresses of simulated connections; `beside`
    the kinds of stores that a plant file can ask for.
    """

    data: Path
    host: str = "127.0.0.1"
    port: int = 8000
    simulated: bool = False
    endpoints: Mapping[str, str] = field(default_factory=dict)
    keep: Keep = field(default_factory=Keep)
    rules: Sequence[Rule] = ()
    allowed_hosts: Sequence[str] = ()
    """Further names under which this host is known, such as that of a proxy."""
    beside: Mapping[str, Opener] = field(default_factory=lambda: BESIDE)
