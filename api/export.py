"""Series as files for spreadsheets: CSV and XLSX, with local time, units in the head and empty
cells where nothing is known."""

from __future__ import annotations

import io
from typing import Final

import polars as pl
import xlsxwriter

from books.answers import Series

CSV: Final = "text/csv; charset=utf-8"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def _frame(series: Series, timezone: str) -> pl.DataFrame:
    """Columns `start` (local time) and `NAME [UNIT]`."""
    utc = pl.Series(
        "start",
        series.columns["start_ms"],
        pl.Datetime("ms", "UTC"),
    )
    columns = [utc.dt.convert_time_zone(timezone)]

    for name, values in series.columns.items():
        if name == "start_ms":
            continue

        head = f"{name} [{series.units.get(name, '')}]"
        columns.append(
            pl.Series(
                head,
                values,
                pl.Float64,
                strict=False,
            )
        )

    return pl.DataFrame(columns)


def as_csv(series: Series, timezone: str) -> str:
    """CSV with a head row; unknown is an empty field."""
    return _frame(series, timezone).write_csv(datetime_format="%Y-%m-%dT%H:%M:%S%:z")


def as_xlsx(series: Series, timezone: str) -> bytes:
    """A workbook with one sheet of figures and one that says what they are.

    Excel knows no time zones: the times in it are local.
    """
    out = io.BytesIO()

    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        local_start = pl.col("start").dt.replace_time_zone(None)
        _frame(series, timezone).with_columns(local_start).write_excel(
            book,
            "figures",
            autofit=True,
            dtype_formats={pl.Float64: "General"},
        )
        about = book.add_worksheet("about")
        about.write_row(0, 0, ("of", series.of))
        about.write_row(1, 0, ("time zone", timezone))
        about.write_row(2, 0, ("gas basis", series.gas_basis))

    return out.getvalue()
