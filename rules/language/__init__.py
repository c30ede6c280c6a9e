"""Rule files: grammar, units, checks."""
