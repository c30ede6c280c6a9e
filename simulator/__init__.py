"""Simulated factories: a world with known truth, and the devices that show it on real protocols."""
