"""Making a master catalog from drizzled exposures."""
