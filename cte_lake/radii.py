"""The monitor's aperture radii: the one place where they stand."""

from __future__ import annotations

from typing import Any

from cte_lake.errors import UsageError

#: Radii in pixels; each has its columns in the dataset ``phot`` (flux_r02 ... flux_r40).
RADII: tuple[int, ...] = (2, 3, 5, 7, 10, 12, 15, 18, 20, 24, 28, 32, 36, 40)


def measured_radius(radius: Any) -> int:
    """Return a radius that photometry is measured at, px.

    Raises
    ------
    UsageError
        If it is none of `RADII`.
    """
    if isinstance(radius, bool) or radius not in RADII:
        raise UsageError(
            f"aperture radius {radius!r} px was not measured; it is one of {' '.join(map(str, RADII))}"
        )
    return int(radius)
