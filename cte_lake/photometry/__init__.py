"""Aperture photometry of the stars of one chip: arrays in, arrays out."""
