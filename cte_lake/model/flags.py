"""The registry of correction flags (column ``cte_flag``). No other module knows a bit's number."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CorrectionFlag:
    """One thing to know about a star's correction.

    Attributes
    ----------
    bit : int
        Position of the bit, from 0.
    name : str
        Slug under which `decode` tells it.
    meaning : str
        One sentence for the reader of a table.
    """

    bit: int
    name: str
    meaning: str

    @property
    def value(self) -> int:
        """The number that the bit stands for."""
        return 1 << self.bit


FLUX_BELOW = CorrectionFlag(
    0, "flux_below_range", "The flux is below the fitted range; the surface is held at its edge."
)
FLUX_ABOVE = CorrectionFlag(
    1, "flux_above_range", "The flux is above the fitted range; the surface is held at its edge."
)
DATE_BEFORE = CorrectionFlag(
    2, "date_before_range", "The date is before the first fitted epoch; the surface is extrapolated."
)
DATE_AFTER = CorrectionFlag(
    3, "date_after_range", "The date is after the last fitted epoch; the surface is extrapolated."
)
BACKGROUND_BELOW = CorrectionFlag(
    4,
    "background_below_range",
    "The background is below the fitted range; a surface with background is held at its edge.",
)
BACKGROUND_ABOVE = CorrectionFlag(
    5,
    "background_above_range",
    "The background is above the fitted range; a surface with background is held at its edge.",
)
BACKGROUND_UNKNOWN = CorrectionFlag(
    6,
    "background_unknown",
    "No background was given, so that it could not be compared with the fitted range.",
)
WRONG_RADIUS = CorrectionFlag(
    7, "wrong_radius", "The flux is from another aperture radius than the coefficients are for."
)
RADIUS_UNKNOWN = CorrectionFlag(8, "radius_unknown", "No aperture radius was given.")
WRONG_FILETYPE = CorrectionFlag(
    9, "wrong_filetype", "Coefficients for FLC applied to FLT photometry, or the other way round."
)
FILETYPE_UNKNOWN = CorrectionFlag(
    10, "filetype_unknown", "It was not said whether the photometry is FLT or FLC."
)
FLUX_NOT_POSITIVE = CorrectionFlag(
    11,
    "flux_not_positive",
    "The flux is zero or negative: no correction is defined, the results are missing.",
)
INPUT_MISSING = CorrectionFlag(
    12, "input_missing", "Flux, row, chip or date is missing or no number: the results are missing."
)
OFF_CHIP = CorrectionFlag(
    13, "off_chip", "The row is not on a chip, or the chip is neither 1 nor 2: no correction."
)
GAIN = CorrectionFlag(
    14, "negative_loss", "The surface gives a gain instead of a loss (usual for over-corrected FLC)."
)

CORRECTION_FLAGS: tuple[CorrectionFlag, ...] = (
    FLUX_BELOW,
    FLUX_ABOVE,
    DATE_BEFORE,
    DATE_AFTER,
    BACKGROUND_BELOW,
    BACKGROUND_ABOVE,
    BACKGROUND_UNKNOWN,
    WRONG_RADIUS,
    RADIUS_UNKNOWN,
    WRONG_FILETYPE,
    FILETYPE_UNKNOWN,
    FLUX_NOT_POSITIVE,
    INPUT_MISSING,
    OFF_CHIP,
    GAIN,
)
#: Bits with which a row has no corrected flux.
NO_RESULT = FLUX_NOT_POSITIVE.value | INPUT_MISSING.value | OFF_CHIP.value


def decode(flags: int) -> list[str]:
    """Return the names of the conditions in `flags`, lowest bit first.

    Raises
    ------
    ValueError
        If a bit is set that the registry does not have.
    """
    known = sum(flag.value for flag in CORRECTION_FLAGS)
    if flags < 0 or flags & ~known:
        raise ValueError(f"cte_flag {flags} holds a bit outside the registry (largest value {known})")
    return [flag.name for flag in CORRECTION_FLAGS if flags & flag.value]
