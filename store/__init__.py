"""Where things are kept: the journal and the tag registry (SQLite), readings and figures
(DuckDB)."""
