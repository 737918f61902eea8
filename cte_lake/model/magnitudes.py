"""Logarithms of flux as magnitudes."""

from __future__ import annotations

import math

LN10 = math.log(10.0)
#: Magnitudes of a natural logarithm of flux.
MAG_PER_LN = 2.5 / LN10
