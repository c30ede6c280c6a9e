"""Numbers as people read them in alerts and messages."""

from __future__ import annotations

from math import floor, log10


def number(
    value: float,
    unit: str,
    decimal: str = ".",
) -> str:
    """Three significant digits, never with an exponent: 6.2 kW, 0.0412, 12300 kWh."""
    digits = 0
    if value:
        magnitude = floor(log10(abs(value)))
        digits = 2 - magnitude

    places = max(digits, 0)
    text = f"{round(value, digits):.{places}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")

    text = text.replace(".", decimal)
    if unit in ("", "1"):
        return text

    return f"{text} {unit}"
