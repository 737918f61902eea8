"""Fitting the WCS of the exposures to the master catalogs."""
