"""The command line, and the one place that wires everything together."""

__version__ = "0.1.0"
