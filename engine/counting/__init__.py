"""From readings to energies per window: counters judged, curves, gaps, late readings."""
