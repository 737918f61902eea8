"""Fetching FLT and FLC files from the archive."""
