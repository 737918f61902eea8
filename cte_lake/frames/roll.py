"""When two visits of a 180-degree set are opposite: the one rule for the chip's choice and for pairing."""

from __future__ import annotations

from typing import Final

ROLL_TOLERANCE: Final = 5.0
"""Partners of a 180-degree set differ in orientation by 180 degrees to within this, in degrees.

A turn that is off by an angle d shows (1 + cos d) / 2 of the loss: 0.2% too little at 5 degrees. The pairing
in SQL (``sql/pairable.sql``) reads the same number.
"""


def are_opposite(first: float, second: float) -> bool:
    """Whether two orientations (degrees) differ by half a turn within the tolerance."""
    return abs((first - second) % 360.0 - 180.0) <= ROLL_TOLERANCE
