"""Figures of the monitor: each function takes a table and returns a matplotlib Figure; none measures or reads."""
