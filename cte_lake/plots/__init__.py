"""Figures of the monitor: functions that take a table and return a Figure; none measures or reads."""
