"""Series as files for spreadsheets: CSV and XLSX, with local time, units in the head and empty cells where nothing is known."""

from __future__ import annotations

import io

import polars as pl
import xlsxwriter

from books.answers import Series


def _frame(series: Series, timezone: str) -> pl.DataFrame:
    """Columns `start` (local time) and `NAME [UNIT]`."""
    columns = series.columns
    units = series.units
    start = pl.Series("start", columns["start_ms"], pl.Datetime("ms", "UTC"))
    names = [n for n in columns if n != "start_ms"]
    values = [
        pl.Series(f"{n} [{units.get(n, '')}]", columns[n], pl.Float64, strict=False) for n in names
    ]
    return pl.DataFrame([start.dt.convert_time_zone(timezone), *values])


def as_csv(series: Series, timezone: str) -> str:
    """CSV with a head row; unknown is an empty field."""
    return _frame(series, timezone).write_csv(datetime_format="%Y-%m-%dT%H:%M:%S%:z")


def as_xlsx(series: Series, timezone: str) -> bytes:
    """A workbook with one sheet of figures and one that says what they are. Excel knows no zones: times are local."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        local = _frame(series, timezone).with_columns(pl.col("start").dt.replace_time_zone(None))
        local.write_excel(book, "figures", autofit=True, dtype_formats={pl.Float64: "General"})
        about = book.add_worksheet("about")
        rows = (("of", series.of), ("time zone", timezone), ("gas basis", series.gas_basis))
        for i, row in enumerate(rows):
            about.write_row(i, 0, row)
    return out.getvalue()
