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

from cte_lake.arrays import FloatArray
from cte_lake.config.sections import Admission
from cte_lake.detector import DETECTOR, SIGMA_PER_MAD
from cte_lake.photometry import PixelData, StarMeasurements
from cte_lake.photometry.centring import windowed_centroids
from cte_lake.photometry.starlight import LIGHT_RADIUS
from cte_lake.starflags import mask_of

#: How far a centroid may go, px: beyond the next pixel, nearer than the next star.
REACH = 2.0
#: Signal over noise within r = 3 px from which a star's place is known to a tenth of a pixel.
_LEAST_SIGNAL = 10.0
_BRIGHTEST = 600
_ENOUGH = 20
#: Stars in the quarter of the rows next to the amplifiers; with fewer, the line's start there is a guess.
_ANCHORS = 5
#: Offsets of up to this and three times their error are left alone, px: half a percent of a loss at most.
_SETTLED = 0.02
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
    start_y, start_err : float
        Offset along y next to the amplifiers, where released charge moves no star, and its error, px; NaN
        with too few stars for a line. What is wrong there is the pointing.
    recentred : bool
        Whether the apertures were moved by that offset, onto the stars.
    """

    position_stars: int
    found_fraction: float
    shift_x: float
    shift_y: float
    shift_rms: float
    uneven: float
    uneven_err: float
    start_y: float = math.nan
    start_err: float = math.nan
    recentred: bool = False

    @property
    def offset(self) -> FloatArray:
        """Offset of the whole exposure along x and y, px: no charge that is released late is in it."""
        return np.array([self.shift_x, self.shift_y if math.isnan(self.start_y) else self.start_y])

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Position:
        """Take a position from an exposure row, where NULL stands for NaN."""
        values = {field.name: row[field.name] for field in fields(cls)}
        n, recentred = int(values.pop("position_stars") or 0), bool(values.pop("recentred"))
        known = {name: math.nan if value is None else value for name, value in values.items()}
        return cls(n, **known, recentred=recentred)

    def as_columns(self) -> dict[str, Any]:
        """Return the columns of an exposure row; NaN becomes NULL."""
        return {name: None if math.isnan(value) else value for name, value in asdict(self).items()}


def measure_position(
    pixels: PixelData,
    x: FloatArray,
    y: FloatArray,
    measured: StarMeasurements,
    radii: Sequence[float],
    chip: int,
) -> tuple[Position, FloatArray]:
    """Find the brightest stars near their places, and by how much the apertures miss the stars.

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
    chip : int
        Number of the chip, which says where its amplifiers are.

    Returns
    -------
    position : Position
    missed : ndarray, shape (2, n)
        Offset of each star along x and y by the pointing alone, px: that next to the amplifiers and, where
        known to three times their errors, rotation and scale. 0 everywhere where no offset is known.
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
        return Position(int(chosen.size), 0.0, *(math.nan,) * 5), np.zeros((2, x.size))
    dx, dy = dx[found], dy[found]
    shift_x, shift_y = float(np.median(dx)), float(np.median(dy))
    rms = SIGMA_PER_MAD * float(np.median(np.abs(np.concatenate([dx - shift_x, dy - shift_y]))))
    at_x, at_y = at_x[found], at_y[found]
    middle, amplifiers = float(at_y.mean()), 0 if DETECTOR.readout_sign(chip) > 0 else DETECTOR.top
    plane, error = _plane(at_x, at_y - middle, dx)
    anchored = int((np.abs(at_y - amplifiers) < DETECTOR.rows / 4).sum()) >= _ANCHORS
    line = _plane(at_x, at_y - amplifiers, dy) if anchored else np.full((2, 1), np.nan)
    (start, *_), (start_err, *_) = line
    turn, turn_err = (np.nan_to_num(terms[1:]) * DETECTOR.rows for terms in (plane, error))
    shift = np.array([shift_x, shift_y])
    uneven, uneven_err = 2.0 * abs(float(shift @ turn)), 2.0 * float(np.hypot(*(shift * turn_err)))
    of_all = int(chosen.size), float(found.mean())
    position = Position(*of_all, shift_x, shift_y, rms, uneven, uneven_err, float(start), float(start_err))
    missed = np.zeros((2, x.size))
    if math.hypot(plane[0], start) > _SETTLED + 3.0 * math.hypot(error[0], start_err):
        rotation, scale = np.where(np.abs(plane[1:]) > 3.0 * error[1:], plane[1:], 0.0)
        across = x - at_x.mean()
        missed[0] = plane[0] + rotation * (y - middle) + scale * across
        missed[1] = start + scale * (y - amplifiers) - rotation * across
    return position, missed


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


def _plane(x: FloatArray, y: FloatArray, offset: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return offset at y = 0 and mean x, its slopes along y and x, and their errors; NaN with too few stars.

    Of an offset along x the slope along y is the rotation, that along x the scale, which acts along y too.
    """
    terms = np.column_stack([np.ones(x.size), y, x - x.mean()])
    kept = np.abs(offset - np.median(offset)) <= 1.0
    plane, error = np.full(3, np.nan), np.full(3, np.nan)
    for _ in range(5):
        if kept.sum() < _ENOUGH or np.linalg.matrix_rank(terms[kept]) < terms.shape[1]:
            break
        plane = np.linalg.lstsq(terms[kept], offset[kept], rcond=None)[0]
        residual = offset - terms @ plane
        variance = float((residual[kept] ** 2).sum()) / (int(kept.sum()) - terms.shape[1])
        error = np.sqrt(variance * np.diag(np.linalg.inv(terms[kept].T @ terms[kept])))
        kept = np.abs(residual) <= 3.0 * max(math.sqrt(variance), 0.02)
    return plane, error


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
    shift = math.hypot(*position.offset)
    for what, value, limit in (
        ("the stars lie {} px off their places", shift, limits.max_shift + error),
        ("rotation or scale make their squared offset grow by {} px2 along the chip", position.uneven,
         limits.max_uneven + 3.0 * position.uneven_err),
        ("the stars scatter by {} px about their places", position.shift_rms, limits.max_rms),
    ):  # fmt: skip
        if value > limit:
            yield "off_position", f"{what.format(f'{value:.3g}')} (at most {limit:.3g} allowed)"
