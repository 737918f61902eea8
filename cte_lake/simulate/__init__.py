"""Simulated exposures and lakes with a known CTE loss."""
