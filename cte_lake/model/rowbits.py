"""The bits of a row that a correction meets, in numbers that numba reads."""

from __future__ import annotations

import math

from cte_lake.arrays import FloatArray
from cte_lake.compiled import compiled
from cte_lake.model import flags as bits
from cte_lake.model.loss_unit import CHIP_ROWS

# numba freezes module globals; plain integers are what it can read.
FLUX_BELOW, FLUX_ABOVE = bits.FLUX_BELOW.value, bits.FLUX_ABOVE.value
_DATE_BEFORE, _DATE_AFTER = bits.DATE_BEFORE.value, bits.DATE_AFTER.value
EXTRAPOLATED, LAW_UNCERTAIN = _DATE_BEFORE | _DATE_AFTER, bits.LAW_UNCERTAIN.value
_SKY_BELOW, _SKY_ABOVE = bits.BACKGROUND_BELOW.value, bits.BACKGROUND_ABOVE.value
_SKY_UNKNOWN = bits.BACKGROUND_UNKNOWN.value
_NOT_POSITIVE, _MISSING = bits.FLUX_NOT_POSITIVE.value, bits.INPUT_MISSING.value
_OFF_CHIP, GAIN = bits.OFF_CHIP.value, bits.GAIN.value


@compiled
def date_and_sky_bits(mjd: float, sky: float, limits: FloatArray) -> int:
    """Return the bits of a row's date and background."""
    flag = 0
    if mjd < limits[2]:
        flag |= _DATE_BEFORE
    if mjd > limits[3]:
        flag |= _DATE_AFTER
    if math.isnan(sky):
        return flag | _SKY_UNKNOWN
    if sky < limits[4]:
        flag |= _SKY_BELOW
    if sky > limits[5]:
        flag |= _SKY_ABOVE
    return flag


@compiled
def unusable(flux: float, y: float, chip: float, mjd: float, sky: float, needs_sky: bool) -> int:
    """Return the bits with which a row has no result; 0 where it has one."""
    flag = 0
    if not (math.isfinite(flux) and math.isfinite(y) and math.isfinite(chip) and math.isfinite(mjd)):
        flag |= _MISSING
    if needs_sky and not -1.0 < sky < math.inf:
        flag |= _MISSING
    if flux <= 0.0:
        flag |= _NOT_POSITIVE
    if y < -0.5 or y >= CHIP_ROWS - 0.5 or (chip == chip and chip != 1.0 and chip != 2.0):
        flag |= _OFF_CHIP
    return flag
