"""Renew what is generated: the JSON schema of the plant file. CI runs this and expects a clean tree."""

from __future__ import annotations

import json
from pathlib import Path

from plant.config import PlantFile

ROOT = Path(__file__).resolve().parent.parent

if __name__ == "__main__":
    schema = json.dumps(PlantFile.model_json_schema(), indent=1, ensure_ascii=False) + "\n"
    (ROOT / "docs" / "plant-file.schema.json").write_text(schema, encoding="utf-8")
