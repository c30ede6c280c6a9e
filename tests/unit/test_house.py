"""What must stay true of the house itself, beside what the import contract holds."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCT = (
    "plant",
    "collector",
    "engine",
    "store",
    "books",
    "rules",
    "api",
    "simulator",
    "wattline",
)
SPEAKS_SQL = ("store", "books")
STATEMENT = re.compile(r"\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE TABLE|ALTER TABLE)\s")


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """The texts in a file, those that are put together too, each with its line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def with_sql(folder: str) -> list[str]:
    found = []
    for path in sorted((ROOT / folder).rglob("*.py")):
        for line, text in texts(path):
            if STATEMENT.match(text):
                found.append(f"{path.relative_to(ROOT)}:{line}")

    return found


def test_sql_stands_in_store_and_books_only() -> None:
    assert with_sql("store"), "the search finds nothing"
    elsewhere = [
        place for folder in PRODUCT if folder not in SPEAKS_SQL for place in with_sql(folder)
    ]
    assert elsewhere == []


def test_no_import_is_for_type_checking_only() -> None:
    """A circle that is hidden from Python is a circle all the same."""
    hidden = []
    for folder in PRODUCT:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.If) or "TYPE_CHECKING" not in ast.unparse(node.test):
                    continue

                own = [
                    inner
                    for inner in ast.walk(node)
                    if isinstance(inner, ast.ImportFrom)
                    and str(inner.module).split(".")[0] in PRODUCT
                ]
                if own:
                    hidden.append(f"{path.relative_to(ROOT)}:{node.lineno}")

    assert hidden == []
