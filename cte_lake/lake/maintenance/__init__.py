"""Housekeeping: compact, vacuum, verify, snapshot, restore.

Each is a plan that can be printed, and a function that carries it out. Nothing here changes a file that is
there; only `vacuum` deletes, what no reader can need any more.
"""
