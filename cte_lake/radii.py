"""The monitor's aperture radii: the one place where they stand."""

from __future__ import annotations

#: Radii in pixels; each has its columns in the dataset ``phot`` (flux_r02 ... flux_r40).
RADII: tuple[int, ...] = (2, 3, 5, 7, 10, 12, 15, 18, 20, 24, 28, 32, 36, 40)
