"""Threads that carry the journal onward: engine, rules, InfluxDB."""
