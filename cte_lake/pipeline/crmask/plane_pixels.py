"""Loops over the pixels of chips and of the common plane: there, combine, back, compare.

Positions on the plane come from a grid of shape (2, rows, columns): x and y of every `STEP` pixels of a chip,
lines between them straight. Over 16 px the distortion bends a line by less than 0.01 px.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cte_lake.arrays import BoolArray, FloatArray
from cte_lake.compiled import compiled

Plane = NDArray[np.float32]

STEP = 16
#: Standard errors by which the median must exceed the lowest value to be dropped for it; beside such a pixel.
_DROPPED, _DROPPED_BESIDE = 4.0, 3.0


@compiled
def _between_rows(grid: FloatArray, y: int, line: FloatArray) -> None:
    """Fill `line`, shape (2, columns), with the grid at a row of the chip."""
    row = y // STEP
    part = (y - STEP * row) / STEP
    for k in range(line.shape[1]):
        line[0, k] = grid[0, row, k] * (1 - part) + grid[0, row + 1, k] * part
        line[1, k] = grid[1, row, k] * (1 - part) + grid[1, row + 1, k] * part


@compiled
def spread(
    data: Plane, good: BoolArray, grid: FloatArray, row0: int, top: int, signal: Plane, weight: Plane
) -> None:
    """Add the good pixels of some rows of a chip to a strip of the plane, each as a square of one pixel.

    Parameters
    ----------
    data, good : ndarray, shape (n, nx)
        Rows of the chip from `row0` on.
    grid : ndarray
        Positions of the chip's pixels on the plane.
    row0, top : int
        First row of the chip, and of the plane's strip.
    signal, weight : ndarray, shape (h, w)
        The strip's sums of pixel times area, and of area, px.
    """
    height, width = signal.shape
    line = np.empty((2, grid.shape[2]))
    for j in range(data.shape[0]):
        _between_rows(grid, row0 + j, line)
        for i in range(data.shape[1]):
            if not good[j, i]:
                continue
            k = i // STEP
            part = (i - STEP * k) / STEP
            on_x = line[0, k] * (1 - part) + line[0, k + 1] * part
            on_y = line[1, k] * (1 - part) + line[1, k + 1] * part - top
            x, y = math.floor(on_x), math.floor(on_y)
            if x < 0 or y < -1 or x >= width - 1 or y >= height:
                continue
            right, above = np.float32(on_x - x), np.float32(on_y - y)
            left, below = np.float32(1) - right, np.float32(1) - above
            if y >= 0:
                weight[y, x] += below * left
                weight[y, x + 1] += below * right
                signal[y, x] += below * left * data[j, i]
                signal[y, x + 1] += below * right * data[j, i]
            if y + 1 < height:
                weight[y + 1, x] += above * left
                weight[y + 1, x + 1] += above * right
                signal[y + 1, x] += above * left * data[j, i]
                signal[y + 1, x + 1] += above * right * data[j, i]


@compiled
def combine(
    signal: Plane,
    weight: Plane,
    exptime: FloatArray,
    sky: FloatArray,
    least: FloatArray,
    variance: FloatArray,
    median: Plane,
    lowest: Plane,
    excess: Plane,
) -> None:
    """Find the median without the highest value, the lowest value, and how much they differ.

    Parameters
    ----------
    signal, weight : ndarray, shape (n, h, w)
        A strip of each exposure, as `spread` fills it, without sky.
    exptime, sky, least, variance : ndarray, shape (n,)
        Exposure time, s, sky, e-/px, the area from which a pixel counts, px, and the variance of a pixel's
        read noise, electrons squared.
    median, lowest : ndarray, shape (h, w)
        Filled with rates, e-/s; 0 where no exposure has a good pixel. Of two exposures the mean counts.
    excess : ndarray, shape (h, w)
        Filled with the difference of both, in standard errors.
    """
    n, height, width = signal.shape
    values = np.empty(n)
    for j in range(height):
        for i in range(width):
            k, seconds, noise = 0, 0.0, 0.0
            for e in range(n):
                seconds += weight[e, j, i] * exptime[e]
                noise += weight[e, j, i] * sky[e]
                if weight[e, j, i] > least[e]:
                    value = signal[e, j, i] / (weight[e, j, i] * exptime[e])
                    place = k
                    while place > 0 and values[place - 1] > value:
                        values[place] = values[place - 1]
                        place -= 1
                    values[place] = value
                    k += 1
                    noise += variance[e]
            median[j, i] = lowest[j, i] = excess[j, i] = 0
            if k == 0:
                continue
            kept = k if n == 2 else max(k - 1, 1)
            middle = (values[(kept - 1) // 2] + values[kept // 2]) / 2
            median[j, i], lowest[j, i] = middle, values[0]
            error = math.sqrt(max(middle * seconds + noise, 1e-12))
            excess[j, i] = (middle - values[0]) * seconds / error


@compiled
def choose(median: Plane, lowest: Plane, excess: Plane, first: int, clean: Plane) -> None:
    """Fill rows of the clean plane with the median, or the lowest value where a cosmic ray raised the median.

    `clean` is from row `first` of the strip on, which has a row more on each side unless the plane ends.
    """
    height, width = median.shape
    for row in range(clean.shape[0]):
        j = row + first
        for i in range(width):
            dropped = excess[j, i] > _DROPPED
            if not dropped and excess[j, i] > _DROPPED_BESIDE:
                for y in range(max(j - 1, 0), min(j + 2, height)):
                    for x in range(max(i - 1, 0), min(i + 2, width)):
                        dropped |= excess[y, x] > _DROPPED
            clean[row, i] = lowest[j, i] if dropped else median[j, i]


@compiled
def _lagrange(part: float) -> tuple[np.float32, ...]:
    """Weights of the polynomial of fifth degree through the six pixels around a place."""
    a, b, c = part + 2, part + 1, part
    d, e, f = part - 1, part - 2, part - 3
    return (
        np.float32(-b * c * d * e * f / 120),
        np.float32(a * c * d * e * f / 24),
        np.float32(-a * b * d * e * f / 12),
        np.float32(a * b * c * e * f / 12),
        np.float32(-a * b * c * d * f / 24),
        np.float32(a * b * c * d * e / 120),
    )


@compiled
def blot(plane: Plane, grid: FloatArray, exptime: float, sky: float, image: Plane) -> None:
    """Fill an image with what a chip would have seen of a plane of rates: electrons, with its sky."""
    height, width = plane.shape
    line = np.empty((2, grid.shape[2]))
    for j in range(image.shape[0]):
        _between_rows(grid, j, line)
        for i in range(image.shape[1]):
            k = i // STEP
            part = (i - STEP * k) / STEP
            on_x = line[0, k] * (1 - part) + line[0, k + 1] * part
            on_y = line[1, k] * (1 - part) + line[1, k + 1] * part
            x, y = math.floor(on_x), math.floor(on_y)
            if x < 2 or y < 2 or x >= width - 3 or y >= height - 3:
                x, y = min(max(round(on_x), 0), width - 1), min(max(round(on_y), 0), height - 1)
                image[j, i] = plane[y, x] * exptime + sky
                continue
            a, b, c, d, e, f = _lagrange(on_x - x)
            along = _lagrange(on_y - y)
            value = np.float32(0)
            for q in range(6):
                row = plane[y - 2 + q]
                left = a * row[x - 2] + b * row[x - 1] + c * row[x]
                value += along[q] * (left + d * row[x + 1] + e * row[x + 2] + f * row[x + 3])
            image[j, i] = value * exptime + sky


@compiled
def compare(
    data: Plane,
    clean: Plane,
    sky: float,
    variance: float,
    snr: tuple[float, float],
    scale: tuple[float, float],
    hit: BoolArray,
) -> None:
    """Mark what differs from the clean image beyond the limits: the first ones, or the second ones beside it.

    Parameters
    ----------
    data, clean : ndarray, shape (ny, nx)
        The image and what it should be without cosmic rays, electrons, with the sky.
    sky, variance : float
        Sky, e-/px, and variance of the read noise, electrons squared. The sky counts twice, as in driz_cr.
    snr, scale : tuple of float
        Limits in standard deviations, and in units of the largest step to a neighbour on the clean image.
    hit : ndarray of bool, shape (ny, nx)
        Filled: True on a cosmic ray.
    """
    ny, nx = data.shape
    strong, weak = np.empty((ny, nx), np.bool_), np.empty((ny, nx), np.bool_)
    for j in range(ny):
        for i in range(nx):
            value = clean[j, i]
            step = abs(value - clean[max(j - 1, 0), i])
            step = max(step, abs(value - clean[min(j + 1, ny - 1), i]))
            step = max(step, abs(value - clean[j, max(i - 1, 0)]))
            step = max(step, abs(value - clean[j, min(i + 1, nx - 1)]))
            off, sigma = abs(data[j, i] - value), math.sqrt(abs(value + sky) + variance)
            strong[j, i] = off > scale[0] * step + snr[0] * sigma
            weak[j, i] = off > scale[1] * step + snr[1] * sigma
    for j in range(ny):
        for i in range(nx):
            found = False
            if weak[j, i]:
                for y in range(max(j - 1, 0), min(j + 2, ny)):
                    for x in range(max(i - 1, 0), min(i + 2, nx)):
                        found |= strong[y, x]
            hit[j, i] = found
