"""The shapes of all answers, one module for each group of routes. This is their only home.

OpenAPI, the TypeScript types of the page and the checks of the examples are made from these
classes. Times are milliseconds since 1970 UTC (`*_ms`), energy is kWh, power kW, mass kg; None
means unknown, never zero. A field that is left out where it does not apply is UNSET by default; all
others are always there.
"""
