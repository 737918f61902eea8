"""Sums of data, variance and area over all apertures of a star in one pass, exact or with IRAF's weights.

The axes through a star's centre cut each circle into quadrants, and the edges of pixels cut a quadrant into
strips whose areas have a closed form. Row by row from the outermost inward, the pixels wholly inside a
circle add their running sum from the axis outward. Those that it crosses share what is left of their row's
strip and of their columns' strips, so that no pixel needs an overlap of its own. A pixel on an axis is
added once a side.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from cte_lake.arrays import FloatArray
from cte_lake.compiled import compiled

# The compiled helpers are inlined and take whole arrays and indices: each array that is handed on costs more
# than a pixel. What the quadrants need is in one array, `cuts[what, side, k, i]`, for circle k and cut i:
_CHORD = 0  # half the chord at cut i of the rows
_ROW = 1  # the area between cuts i and i + 1 of the rows
_COLUMN = 2  # the same of the columns
_TAKEN = 3  # what the rows before took of a column's area


@compiled(inline=True)
def _cap_series(u: float) -> float:
    """Return the area between a chord and its arc over chord^3 / 8r, u = chord^2 / 4r^2, for small u.

    The Taylor series 2 sum binom(2n, n) / 4^n u^n / (2n + 3): no cancellation, and no asin.
    """
    higher = 35.0 / 704.0 + u * (63.0 / 1664.0 + u * (231.0 / 7680.0 + u * 429.0 / 17408.0))
    return 2.0 / 3.0 + u * (1.0 / 5.0 + u * (3.0 / 28.0 + u * (5.0 / 72.0 + u * higher)))


@compiled(inline=True)
def _strip_area(width: float, near: float, far: float, radius: float) -> float:
    """Return the area under a circle over `width`, where its half chord falls from `near` to `far`."""
    squared = width * width + (near - far) * (near - far)
    u = squared / (4.0 * radius * radius)
    if u > 0.01:
        s = math.sqrt(u)
        cap = radius * radius * (math.asin(min(1.0, s)) - s * math.sqrt(max(0.0, 1.0 - u)))
    else:
        cap = squared * math.sqrt(squared) / (8.0 * radius) * _cap_series(u)
    return 0.5 * (near + far) * width + cap


@compiled
def _cut_quadrants(first: float, radii: FloatArray, side: int, strip: int, cuts: FloatArray) -> None:
    """Cut the quadrants on one side of the centre at 0, `first`, `first` + 1, ... px from it.

    Fills the chords, and the areas of rows or columns as `strip` says. Chords of columns are overwritten.
    """
    for k in range(radii.size):
        radius = radii[k]
        r2 = radius * radius
        last = math.ceil(max(0.0, radius - first))
        cuts[_CHORD, side, k, 0] = radius
        for i in range(last):
            cuts[_CHORD, side, k, i + 1] = math.sqrt(r2 - (first + i) * (first + i))
        cuts[_CHORD, side, k, last + 1] = 0.0
        if last == 0:
            cuts[strip, side, k, 0] = _strip_area(radius, radius, 0.0, radius)
            continue
        cuts[strip, side, k, 0] = _strip_area(first, radius, cuts[_CHORD, side, k, 1], radius)
        # Apart from the steep ones at the end, strips are alike: a loop that the compiler makes vectors of.
        for i in range(1, last):
            drop = cuts[_CHORD, side, k, i] - cuts[_CHORD, side, k, i + 1]
            squared = 1.0 + drop * drop
            cap = squared * math.sqrt(squared) / (8.0 * radius) * _cap_series(squared / (4.0 * r2))
            cuts[strip, side, k, i] = 0.5 * (cuts[_CHORD, side, k, i] + cuts[_CHORD, side, k, i + 1]) + cap
        i = last - 1
        while i > 0 and 1.0 + (cuts[_CHORD, side, k, i] - cuts[_CHORD, side, k, i + 1]) ** 2 > 0.04 * r2:
            cuts[strip, side, k, i] = _strip_area(
                1.0, cuts[_CHORD, side, k, i], cuts[_CHORD, side, k, i + 1], radius
            )
            i -= 1
        cuts[strip, side, k, last] = _strip_area(
            radius - (first + last - 1), cuts[_CHORD, side, k, last], 0.0, radius
        )


@compiled(inline=True)
def _sum_outward(
    data: npt.NDArray[np.floating],
    error: npt.NDArray[np.floating],
    good: npt.NDArray[np.uint8],
    place: tuple[int, int, int],
    first: float,
    on_chip: tuple[int, int],
    n: int,
    inner: FloatArray,
) -> None:
    """Fill ``inner[4 i + (0, 1, 2)]`` with data, variance and good area of the row's pixels before i.

    `place` is the row, the column of the centre and the direction; of pixel 0 the part `first` counts.
    """
    j, centre, step = place
    s_data = s_var = s_good = 0.0
    inner[:3] = 0.0
    if on_chip[0] == 0 and on_chip[1] > 0:
        s_data = first * data[j, centre]
        s_var = first * (np.float64(error[j, centre]) * np.float64(error[j, centre]))
        s_good = first * good[j, centre]
    start = min(n, max(1, on_chip[0]))
    stop = max(start, min(n, on_chip[1]))
    for i in range(1, start):
        inner[4 * i], inner[4 * i + 1], inner[4 * i + 2] = s_data, s_var, s_good
    for i in range(start, stop):
        inner[4 * i], inner[4 * i + 1], inner[4 * i + 2] = s_data, s_var, s_good
        column = centre + step * i
        s_data += data[j, column]
        s_var += np.float64(error[j, column]) * np.float64(error[j, column])
        s_good += good[j, column]
    for i in range(stop, n):
        inner[4 * i], inner[4 * i + 1], inner[4 * i + 2] = s_data, s_var, s_good


@compiled(inline=True)
def _add_row(
    data: npt.NDArray[np.floating],
    error: npt.NDArray[np.floating],
    good: npt.NDArray[np.uint8],
    place: tuple[int, int, int],
    row: tuple[int, int, float, float, float],
    radii: FloatArray,
    cuts: FloatArray,
    inner: FloatArray,
    star: int,
    totals: FloatArray,
) -> None:
    """Add one row of one quadrant to a star's sums, variances, areas and areas on the chip.

    `row` is its half of the circle, its number from the axis, its distance from it, its height within the
    half, and the part of pixel 0 within the quadrant. `inner` is room for `_sum_outward`.
    """
    j, centre, step = place
    half, number, near, height, first = row
    side = 0 if step > 0 else 1
    start, stop = 0, 0
    if 0 <= j < data.shape[0]:
        start = max(0, -centre if step > 0 else centre - data.shape[1] + 1)
        stop = max(start, data.shape[1] - centre if step > 0 else centre + 1)
    n = int(cuts[_CHORD, half, radii.size - 1, number]) + 2
    _sum_outward(data, error, good, place, first, (start, stop), n, inner)
    for k in range(radii.size - 1, -1, -1):
        if near >= radii[k]:
            break
        top, bottom = cuts[_CHORD, half, k, number + 1], cuts[_CHORD, half, k, number]
        # The pixels before a lie wholly inside; the circle enters the row in a and leaves it in b.
        a = int(top - first) + 1 if top >= first else 0
        b = math.ceil(bottom - first) if bottom > first else 0
        s_data, s_var, s_good = height * inner[4 * a], height * inner[4 * a + 1], height * inner[4 * a + 2]
        s_chip = height * max(0.0, min(a, stop) - start - (1.0 - first if start == 0 else 0.0))
        rest = cuts[_ROW, half, k, number] - (height * (first + (a - 1)) if a > 0 else 0.0)
        for i in range(a, b + 1):
            weight = rest
            if i < b:
                weight = cuts[_COLUMN, side, k, i] - near * (1.0 if i else first) - cuts[_TAKEN, side, k, i]
            if weight < 0.0:  # by rounding; a variance is none
                weight = 0.0
            rest -= weight
            cuts[_TAKEN, side, k, i] += weight
            if start <= i < stop:
                column = centre + step * i
                s_data += weight * data[j, column]
                s_var += weight * (np.float64(error[j, column]) * np.float64(error[j, column]))
                s_good += weight * good[j, column]
                s_chip += weight
        totals[star, k, 0] += s_data
        totals[star, k, 1] += s_var
        totals[star, k, 2] += s_good
        totals[star, k, 3] += s_chip


@compiled
def aperture_sums(
    data: npt.NDArray[np.floating],
    error: npt.NDArray[np.floating],
    good: npt.NDArray[np.uint8],
    x: FloatArray,
    y: FloatArray,
    radii: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Sum data, variance and area over circular apertures, with the exact overlap of circle and pixel.

    Parameters
    ----------
    data, error : array, shape (ny, nx)
        Signal and its standard error per pixel; both must be 0 where `good` is 0.
    good : array of uint8, shape (ny, nx)
        1 where a pixel counts.
    x, y : array, shape (n,)
        Centres, 0-based pixels; not finite: the star's row is 0.
    radii : array, shape (m,)
        Radii in pixels, ascending.

    Returns
    -------
    sums, variances, areas, chip_areas : arrays of float64, shape (n, m)
        Weighted sums of the data, of the squared error and of `good`; the last is the area on the chip,
        good or not.
    """
    totals = np.zeros((x.size, radii.size, 4))
    room = int(radii[-1]) + 4
    cuts = np.zeros((4, 2, radii.size, room))
    inner = np.zeros(4 * room)
    for star in range(x.size):
        if not (abs(x[star]) < 1e9 and abs(y[star]) < 1e9):
            continue
        column, line = math.floor(x[star] + 0.5), math.floor(y[star] + 0.5)
        right, above = column + 0.5 - x[star], line + 0.5 - y[star]
        for side in range(2):
            _cut_quadrants(right if side == 0 else 1.0 - right, radii, side, _COLUMN, cuts)
            _cut_quadrants(above if side == 0 else 1.0 - above, radii, side, _ROW, cuts)
        for half in range(2):
            cuts[_TAKEN] = 0.0
            first = above if half == 0 else 1.0 - above
            for number in range(math.ceil(max(0.0, radii[-1] - first)), -1, -1):
                near, height = (first + number - 1, 1.0) if number else (0.0, first)
                j = line + number if half == 0 else line - number
                for step, part in ((1, right), (-1, 1.0 - right)):
                    row = (half, number, near, height, part)
                    _add_row(data, error, good, (j, column, step), row, radii, cuts, inner, star, totals)
    return totals[:, :, 0], totals[:, :, 1], totals[:, :, 2], totals[:, :, 3]


@compiled
def core_counts(
    good: npt.NDArray[np.uint8], saturated: npt.NDArray[np.uint8], x: FloatArray, y: FloatArray, radius: float
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Count the good and the saturated pixels whose centres lie in a circle.

    Rows of positions that are not finite are 0.

    Parameters
    ----------
    good, saturated : array of uint8, shape (ny, nx)
        1 where a pixel counts, 1 where it is saturated.
    x, y : array, shape (n,)
        Centres, 0-based pixels.
    radius : float
        Radius, pixels.

    Returns
    -------
    n_good, n_saturated : arrays of int32, shape (n,)
    """
    ny, nx = good.shape
    counts = np.zeros((2, x.size), dtype=np.int32)
    for star in range(x.size):
        cx, cy = x[star], y[star]
        if not (abs(cx) < 1e9 and abs(cy) < 1e9):
            continue
        for j in range(max(0, math.ceil(cy - radius)), min(ny - 1, math.floor(cy + radius)) + 1):
            half = math.sqrt(max(0.0, radius * radius - (j - cy) * (j - cy)))
            for i in range(max(0, math.ceil(cx - half)), min(nx - 1, math.floor(cx + half)) + 1):
                counts[0, star] += good[j, i]
                counts[1, star] += saturated[j, i]
    return counts[0], counts[1]


@compiled
def iraf_sums(
    data: npt.NDArray[np.floating],
    error: npt.NDArray[np.floating],
    good: npt.NDArray[np.uint8],
    x: FloatArray,
    y: FloatArray,
    radii: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Sum over circular apertures; a pixel at distance d weighs r + 1/2 - d, at least 0 and at most 1.

    Parameters and results are those of `cte_lake.photometry.kernel.aperture_sums`.
    """
    totals = np.zeros((x.size, radii.size, 4))
    whole = np.zeros((radii.size, 4))
    reach = radii[-1] + 0.5
    for star in range(x.size):
        if not (abs(x[star]) < 1e9 and abs(y[star]) < 1e9):
            continue
        # Pixels wholly inside a radius and inside no smaller one; each larger radius takes them over below.
        whole[:] = 0.0
        for j in range(
            max(0, math.ceil(y[star] - reach)), min(data.shape[0] - 1, math.floor(y[star] + reach)) + 1
        ):
            half = math.sqrt(max(0.0, reach * reach - (j - y[star]) * (j - y[star])))
            left = max(0, math.ceil(x[star] - half))
            for i in range(left, min(data.shape[1] - 1, math.floor(x[star] + half)) + 1):
                distance = math.sqrt((i - x[star]) ** 2 + (j - y[star]) ** 2)
                variance = np.float64(error[j, i]) * np.float64(error[j, i])
                k = 0
                while radii[k] + 0.5 <= distance and k < radii.size - 1:
                    k += 1
                while k < radii.size and radii[k] - 0.5 < distance:
                    weight = max(0.0, radii[k] + 0.5 - distance)
                    totals[star, k, 0] += weight * data[j, i]
                    totals[star, k, 1] += weight * variance
                    totals[star, k, 2] += weight * good[j, i]
                    totals[star, k, 3] += weight
                    k += 1
                if k < radii.size:
                    whole[k, 0] += data[j, i]
                    whole[k, 1] += variance
                    whole[k, 2] += good[j, i]
                    whole[k, 3] += 1.0
        for q in range(4):
            inside = 0.0
            for k in range(radii.size):
                inside += whole[k, q]
                totals[star, k, q] += inside
    return totals[:, :, 0], totals[:, :, 1], totals[:, :, 2], totals[:, :, 3]
