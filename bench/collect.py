"""All recorded figures in one file, bench/results/all.json."""

from __future__ import annotations

import json

from bench.record import RESULTS

if __name__ == "__main__":
    found = {
        p.stem: json.loads(p.read_text(encoding="utf-8"))
        for p in sorted(RESULTS.glob("*.json"))
        if p.stem != "all"
    }
    (RESULTS / "all.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
