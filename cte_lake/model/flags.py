"""The registry of correction flags (column ``cte_flag``). No other module knows a bit's number."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cte_lake.bitflags import Flag, names_of

FLUX_BELOW = Flag(
    0, "flux_below_range", "The flux is below the fitted range; the surface is held at its edge."
)
FLUX_ABOVE = Flag(
    1, "flux_above_range", "The flux is above the fitted range; the surface is held at its edge."
)
DATE_BEFORE = Flag(
    2, "date_before_range", "The date is before the first fitted epoch; the surface is extrapolated."
)
DATE_AFTER = Flag(
    3, "date_after_range", "The date is after the last fitted epoch; the surface is extrapolated."
)
BACKGROUND_BELOW = Flag(
    4,
    "background_below_range",
    "The background is below the fitted range; a surface with background is held at its edge.",
)
BACKGROUND_ABOVE = Flag(
    5,
    "background_above_range",
    "The background is above the fitted range; a surface with background is held at its edge.",
)
BACKGROUND_UNKNOWN = Flag(
    6,
    "background_unknown",
    "No background was given, so that it could not be compared with the fitted range.",
)
WRONG_RADIUS = Flag(
    7, "wrong_radius", "The flux is from another aperture radius than the coefficients are for."
)
RADIUS_UNKNOWN = Flag(8, "radius_unknown", "No aperture radius was given.")
WRONG_FILETYPE = Flag(
    9, "wrong_filetype", "Coefficients for FLC applied to FLT photometry, or the other way round."
)
FILETYPE_UNKNOWN = Flag(10, "filetype_unknown", "It was not said whether the photometry is FLT or FLC.")
FLUX_NOT_POSITIVE = Flag(
    11,
    "flux_not_positive",
    "The flux is zero or negative: no correction is defined, the results are missing.",
)
INPUT_MISSING = Flag(
    12, "input_missing", "Flux, row, chip or date is missing or no number: the results are missing."
)
OFF_CHIP = Flag(13, "off_chip", "The row is not on a chip, or the chip is neither 1 nor 2: no correction.")
GAIN = Flag(14, "negative_loss", "The surface gives a gain instead of a loss (usual for over-corrected FLC).")
DATE_IMPOSSIBLE = Flag(
    15,
    "date_impossible",
    "The date is before the launch (2009-05-11) or after the end of next year: the results are missing.",
)
OTHER_GENERATION = Flag(
    16,
    "other_generation",
    "The measurement is of another calibration generation than the coefficients were fitted to.",
)
OTHER_CAMERA = Flag(
    17,
    "other_camera",
    "The measurement is of another camera than the coefficients are for: the results are missing.",
)
OTHER_FILTER = Flag(18, "other_filter", "The measurement is in another filter than the fitted ones.")
OTHER_LENGTH = Flag(
    19,
    "other_length",
    "The exposure is short and the coefficients are for long ones, or the other way round.",
)
OTHER_FLASH = Flag(
    20,
    "other_flash",
    "The exposure has another flash level than the fitted ones, and the surface has no background.",
)
OTHER_INJECTION = Flag(
    21, "other_injection", "The exposure has another charge injection than the coefficients were fitted to."
)
LAW_UNCERTAIN = Flag(
    22,
    "law_uncertain",
    "The error of the law is over 0.22% of the flux (0.33% under 500 e-).",
)

CORRECTION_FLAGS: tuple[Flag, ...] = (
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
    DATE_IMPOSSIBLE,
    OTHER_GENERATION,
    OTHER_CAMERA,
    OTHER_FILTER,
    OTHER_LENGTH,
    OTHER_FLASH,
    OTHER_INJECTION,
    LAW_UNCERTAIN,
)


def count_flags(columns: Mapping[str, NDArray[Any]]) -> Counter[str]:
    """Count the rows of each condition in a correction's columns, with the suffix of each aperture.

    Parameters
    ----------
    columns : mapping of str to ndarray
        As `cte_lake.model.correct_table.correct_columns` returns them.
    """
    counts: Counter[str] = Counter()
    for name, values in columns.items():
        if not name.startswith("cte_flag"):
            continue
        for flag in CORRECTION_FLAGS:
            if hit := int(np.count_nonzero(values & flag.value)):
                counts[flag.name + name.removeprefix("cte_flag")] += hit
    return counts


def sentences(counts: Mapping[str, int], rows: int) -> list[str]:
    """Return what counted conditions say: '12 of 200 rows: flux_below_range: The flux is ...'."""
    meanings = {flag.name: flag.meaning for flag in CORRECTION_FLAGS}
    return [
        f"{count:,} of {rows:,} rows: {name}: {meanings[re.sub('_r[0-9]+$', '', name)]}"
        for name, count in counts.items()
    ]


def decode(flags: int) -> list[str]:
    """Return the names of the conditions in `flags`, lowest bit first.

    Raises
    ------
    ValueError
        If a bit is set that the registry does not have.
    """
    return names_of(flags, CORRECTION_FLAGS, "cte_flag")
