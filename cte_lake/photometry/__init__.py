"""Aperture photometry of the stars of one chip: arrays in, arrays out.

`measure` takes the pixels of a chip, the predicted positions of its stars and a set of
settings, and gives back one row a star. Settings are named (`settings_for`): ``standard``,
``photutils2017`` and ``iraf``.
"""

from __future__ import annotations

from cte_lake.bitflags import Flag
from cte_lake.photometry.arrays import PixelData, StarMeasurements
from cte_lake.photometry.engine import measure
from cte_lake.photometry.modes import MODES, PhotometrySettings, settings_for
from cte_lake.starflags import FLAGS, decode

__all__ = [
    "FLAGS",
    "Flag",
    "MODES",
    "PhotometrySettings",
    "PixelData",
    "StarMeasurements",
    "decode",
    "measure",
    "settings_for",
]
