"""Drivers, one module per protocol. Each hands over one batch per device poll."""
