"""Series as files for spreadsheets: CSV and XLSX, with local time, units in the head and empty cells where nothing is known."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import xlsxwriter


def _table(series: dict[str, Any], timezone: str) -> tuple[list[str], list[list[Any]]]:
    zone = ZoneInfo(timezone)
    names = [n for n in series["columns"] if n != "start_ms"]
    head = ["start", *(f"{n} [{series['units'].get(n, '')}]" for n in names)]
    starts = [datetime.fromtimestamp(ms / 1000, zone).isoformat() for ms in series["columns"]["start_ms"]]
    return head, [[start, *(series["columns"][n][i] for n in names)] for i, start in enumerate(starts)]


def as_csv(series: dict[str, Any], timezone: str) -> str:
    """CSV with a head row; unknown is an empty field."""
    head, rows = _table(series, timezone)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([["" if v is None else v for v in row] for row in rows])
    return out.getvalue()


def as_xlsx(series: dict[str, Any], timezone: str) -> bytes:
    """A workbook with one sheet of figures and one that says what they are."""
    head, rows = _table(series, timezone)
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    sheet = book.add_worksheet("figures")
    sheet.write_row(0, 0, head)
    for i, row in enumerate(rows, 1):
        sheet.write_row(i, 0, ["" if v is None else v for v in row])
    about = book.add_worksheet("about")
    about.write_row(0, 0, ["of", series["of"]])
    about.write_row(1, 0, ["gas basis", series["gas_basis"]])
    book.close()
    return out.getvalue()
