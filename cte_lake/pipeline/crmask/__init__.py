"""Masks of cosmic rays, found over the exposures of a visit."""
