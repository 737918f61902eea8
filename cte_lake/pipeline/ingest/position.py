"""Whether the apertures of an exposure lie on its stars: measured on the pixels, judged by stated limits.

A position that is off by 1 or 2 px gives losses that look plausible. So the brightest stars of each exposure
are looked for near the places that the catalog and the WCS give, whatever mode measures them and whichever
WCS it is; docs/photometry.md has the evidence for the limits.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cte_lake.config.sections import Admission
from cte_lake.detector import DETECTOR, SIGMA_PER_MAD
from cte_lake.photometry import PixelData, StarMeasurements
from cte_lake.photometry.centring import windowed_centroids
from cte_lake.photometry.starlight import LIGHT_RADIUS
from cte_lake.starflags import mask_of

FloatArray = NDArray[np.float64]

#: How far a centroid may go, px: beyond the next pixel, nearer than the next star.
REACH = 2.0
#: Signal over noise within r = 3 px from which a star's place is known to a tenth of a pixel.
_LEAST_SIGNAL = 10.0
_BRIGHTEST = 600
_ENOUGH = 20
_WINDOW_SIGMA = 0.85
_UNFIT = mask_of(["core_off_chip", "masked_core", "saturated", "no_sky", "not_measured"])
_CROWDED = mask_of(["neighbour"])


@dataclass(frozen=True)
class Position:
    """Where the stars are, against where they are measured; the fields are columns of ``exposures``.

    Attributes
    ----------
    position_stars : int
        Bright places that were looked at.
    found_fraction : float
        Share of them with a star's centroid within `REACH`; NaN where there is none.
    shift_x, shift_y : float
        Median of centroid less place, px; NaN where no star was found.
    shift_rms : float
        Robust scatter (1.48 MAD, both axes) about these medians, px.
    uneven, uneven_err : float
        How much the squared offset grows along the chip's 2051 rows by a rotation or a scale, and its error,
        px2. That is what biases losses most: light that is missed at one end and not at the other imitates a
        loss, while an even offset does next to nothing. Rotation and scale are seen in x alone, since charge
        that is released late moves stars along y.
    """

    position_stars: int
    found_fraction: float
    shift_x: float
    shift_y: float
    shift_rms: float
    uneven: float
    uneven_err: float

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Position:
        """Take a position from an exposure row, where NULL stands for NaN."""
        values = {field.name: row[field.name] for field in fields(cls)}
        n = int(values.pop("position_stars") or 0)
        return cls(n, **{name: math.nan if value is None else value for name, value in values.items()})

    def as_columns(self) -> dict[str, Any]:
        """Return the columns of an exposure row; NaN becomes NULL."""
        return {name: None if math.isnan(value) else value for name, value in asdict(self).items()}


def measure_position(
    pixels: PixelData,
    x: FloatArray,
    y: FloatArray,
    measured: StarMeasurements,
    radii: Sequence[float],
) -> Position:
    """Find the brightest stars near their places.

    Parameters
    ----------
    pixels : PixelData
        The chip, shape (ny, nx).
    x, y : ndarray, shape (n,)
        Places of the catalog's stars, 0-based pixels.
    measured : StarMeasurements
        Their photometry.
    radii : sequence of float
        Its radii, px; the one nearest to 3 px chooses the stars.
    """
    chosen = _bright(measured, int(np.argmin(np.abs(np.asarray(radii) - LIGHT_RADIUS))))
    good = np.isfinite(pixels.data)
    if pixels.mask is not None:
        good &= ~np.asarray(pixels.mask, dtype=np.bool_)
    data = np.where(good, pixels.data, 0)
    at_x, at_y = (np.ascontiguousarray(place[chosen], dtype=np.float64) for place in (x, y))
    dx, dy, failed, far = windowed_centroids(
        data, good.view(np.uint8), at_x, at_y, measured.sky[chosen], _WINDOW_SIGMA, REACH
    )
    found = ~(failed | far)
    if not found.any():
        return Position(int(chosen.size), 0.0, *[math.nan] * 5)
    dx, dy = dx[found], dy[found]
    shift_x, shift_y = float(np.median(dx)), float(np.median(dy))
    rms = SIGMA_PER_MAD * float(np.median(np.abs(np.concatenate([dx - shift_x, dy - shift_y]))))
    turn, error = _turn(at_x[found], at_y[found], dx)
    shift = np.array([shift_x, shift_y])
    uneven, uneven_err = 2.0 * abs(float(shift @ turn)), 2.0 * float(np.hypot(*(shift * error)))
    return Position(int(chosen.size), float(found.mean()), shift_x, shift_y, rms, uneven, uneven_err)


def _bright(measured: StarMeasurements, radius_index: int) -> NDArray[np.intp]:
    """Return the brightest stars that are fit for it; crowded ones only where there are too few others."""
    flux, error = measured.flux[:, radius_index], measured.flux_err[:, radius_index]
    # Without errors NaN compares False, and the sky's noise stands in for them.
    with np.errstate(invalid="ignore"):
        strong = flux > _LEAST_SIGNAL * np.where(np.isfinite(error), error, np.sqrt(np.abs(flux) + 1.0))
    fit = np.flatnonzero(strong & ((measured.flags & _UNFIT) == 0))
    alone = fit[(measured.flags[fit] & _CROWDED) == 0]
    fit = alone if alone.size >= _ENOUGH else fit
    return fit[np.argsort(-flux[fit], kind="stable")[:_BRIGHTEST]]


def _turn(x: FloatArray, y: FloatArray, dx: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return what rotation and scale add to the offset over a chip's rows, in x and y, and its error; px.

    A plane through dx: its slope along y is the rotation, its slope along x the scale, which acts along y
    too.
    With too few stars for a plane both are 0.
    """
    terms = np.column_stack([np.ones(x.size), y - y.mean(), x - x.mean()])
    kept = np.abs(dx - np.median(dx)) <= 1.0
    slopes, error = np.zeros(2), np.zeros(2)
    for _ in range(5):
        if kept.sum() < _ENOUGH or np.linalg.matrix_rank(terms[kept]) < terms.shape[1]:
            break
        plane = np.linalg.lstsq(terms[kept], dx[kept], rcond=None)[0]
        residual = dx - terms @ plane
        variance = float((residual[kept] ** 2).sum()) / (int(kept.sum()) - terms.shape[1])
        covariance = variance * np.linalg.inv(terms[kept].T @ terms[kept])
        slopes, error = np.asarray(plane[1:]), np.sqrt(np.diag(covariance)[1:])
        kept = np.abs(residual) <= 3.0 * max(math.sqrt(variance), 0.02)
    return slopes * DETECTOR.rows, error * DETECTOR.rows


def failures(position: Position, limits: Admission) -> Iterator[tuple[str, str]]:
    """Give reason and sentence of each limit that a position does not keep; none: it is admitted."""
    n = position.position_stars
    if n < limits.min_stars:
        yield (
            "position_unknown",
            f"only {n} stars stand out where the catalog has stars ({limits.min_stars} are asked for)",
        )
        return
    if position.found_fraction < limits.min_found:
        yield (
            "off_position",
            f"only {position.found_fraction:.0%} of the {n} brightest places of the catalog have a star "
            f"within {REACH:g} px ({limits.min_found:.0%} are asked for)",
        )
        return
    # The errors of what is measured: with a few dozen stars, or in narrow cut-outs, they count.
    error = 3.0 * position.shift_rms / math.sqrt(position.found_fraction * n)
    shift = math.hypot(position.shift_x, position.shift_y)
    for what, value, limit in (
        ("the stars lie {} px off their places", shift, limits.max_shift + error),
        ("rotation or scale make their squared offset grow by {} px2 along the chip", position.uneven,
         limits.max_uneven + 3.0 * position.uneven_err),
        ("the stars scatter by {} px about their places", position.shift_rms, limits.max_rms),
    ):  # fmt: skip
        if value > limit:
            yield "off_position", f"{what.format(f'{value:.3g}')} (at most {limit:.3g} allowed)"
