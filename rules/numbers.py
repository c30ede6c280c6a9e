"""Numbers as people read them in alerts and messages."""

from __future__ import annotations

from math import floor, log10


def number(value: float, unit: str, decimal: str = ".") -> str:
    """Three significant digits, never with an exponent: 6.2 kW, 0.0412, 12300 kWh."""
    digits = 2 - floor(log10(abs(value))) if value else 0
    rounded = round(value, digits)
    text = f"{rounded:.{max(digits, 0)}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return " ".join(
        part for part in (text.replace(".", decimal), "" if unit == "1" else unit) if part
    )
