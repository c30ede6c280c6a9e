"""Alerts once raised: grouped by cause, taken, shelved, told."""
