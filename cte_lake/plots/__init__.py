"""Figures of the monitor: a function takes a table and returns a Figure."""
