"""The monitor's web page."""
