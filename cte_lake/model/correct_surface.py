"""The correction by a surface that is a table: what `cte_lake.model.correct` does with a set of version 2."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cte_lake.arrays import FloatArray
from cte_lake.compiled import compiled, compiled_loop
from cte_lake.model.loss_unit import CHIP_HEIGHT, CHIP_ROWS, LN10, MAG_PER_LN
from cte_lake.model.rowbits import (
    EXTRAPOLATED,
    FLUX_ABOVE,
    FLUX_BELOW,
    GAIN,
    LAW_UNCERTAIN,
    date_and_sky_bits,
    unusable,
)
from cte_lake.model.surface import FAINT, FAINT_FACTOR, TRUSTED, Grid, Surface
from cte_lake.model.walk import (
    axis_place,
    chip_factors,
    feedback,
    jump_weights,
    nodes_at,
    parabola,
    table_at,
    walk,
)

IntArray = NDArray[np.int32]


@compiled
def _deviation_at(
    day: float, u: float, b: float, table: FloatArray, grids: FloatArray, date: FloatArray
) -> float:
    """Return the standard deviation of S; within a jump, with what is not known of the jump's course."""
    lead = date.size - 3
    i, x = nodes_at(day, grids[3, 0], grids[3, 1], table.shape[0] - lead)
    j, v = nodes_at(u, grids[4, 0], grids[4, 1], table.shape[1])
    k, z = nodes_at(b, grids[5, 0], grids[5, 1], table.shape[2])
    deviation = table_at(table, lead + i, x, j, v, k, z)
    for jump in range(lead):
        part = date[3 + jump]
        if 0.0 < part < 1.0:
            size = table_at(table, jump, 0.0, j, v, k, z)
            deviation = math.sqrt(deviation * deviation + part * (1.0 - part) * size * size)
    return float(deviation)


@compiled
def _of_chips(day: float, u: float, apart: FloatArray, grids: FloatArray) -> tuple[float, float]:
    """Return by how much the chips lie apart at a date and flux, and the error of that."""
    i, x = nodes_at(day, grids[6, 0], grids[6, 1], apart.shape[1])
    j, v = nodes_at(u, grids[7, 0], grids[7, 1], apart.shape[2])
    return table_at(apart[:1], 0, 0.0, i, x, j, v), table_at(apart[1:], 0, 0.0, i, x, j, v)


@compiled
def _mean_loss(
    b: float,
    values: FloatArray,
    first: int,
    date: FloatArray,
    u: float,
    grids: FloatArray,
) -> float:
    """Return S, the mean of the chips, at a background variable and log10 flux."""
    level, a, both = np.empty(3), np.empty(3), np.ones(1)
    below = axis_place(b, grids[2, 0], grids[2, 1], values.shape[2], level)
    cell = min(max(int((u - grids[1, 0]) / grids[1, 1]), 0), values.shape[1] - 3)
    parabola(values, first, date, cell, below, level, grids[1, 0], grids[1, 1], both, a)
    return float(a[0] + u * (a[1] + u * a[2]))


@compiled
def _of_unknown_sky(
    usual: FloatArray,
    values: FloatArray,
    first: int,
    date: FloatArray,
    u: float,
    grids: FloatArray,
) -> float:
    """Return half of what S changes over the usual scatter of the background variable."""
    less = _mean_loss(usual[0] - usual[1], values, first, date, u, grids)
    return 0.5 * (_mean_loss(usual[0] + usual[1], values, first, date, u, grids) - less)


@compiled_loop
def correct_rows(
    flux: FloatArray,
    y: FloatArray,
    chip: FloatArray,
    mjd: FloatArray,
    sky: FloatArray,
    values: FloatArray,
    table: FloatArray,
    grids: FloatArray,
    apart: FloatArray,
    trusted_error: float,
    jumps: FloatArray,
    usual: FloatArray,
    limits: FloatArray,
    constant_bits: int,
    corrected: FloatArray,
    loss: FloatArray,
    dmag: FloatArray,
    error: FloatArray,
    flag: IntArray,
) -> None:
    """Correct stars one by one; arrays of one element hold for every star. See `surface_arguments`."""
    lead = jumps.shape[0]
    date, level, a, factors = np.empty(3 + lead), np.empty(3), np.empty(3), np.empty(apart.shape[2])
    has_sky, has_usual = values.shape[2] > 1, not math.isnan(usual[0])
    for row in range(flag.size):
        star, line = flux[row % flux.size], y[row % y.size]
        which, day, around = chip[row % chip.size], mjd[row % mjd.size], sky[row % sky.size]
        flag[row] = constant_bits | date_and_sky_bits(day, around, limits)
        unknown = has_usual and math.isnan(around)
        refused = unusable(star, line, which, day, around, has_sky and not unknown)
        if refused:
            flag[row] |= refused
            corrected[row] = loss[row] = dmag[row] = error[row] = math.nan
            continue
        b = usual[0] if unknown else math.log10(1.0 + around) if has_sky else 0.0
        first = lead + axis_place(day, grids[0, 0], grids[0, 1], values.shape[0] - lead, date)
        jump_weights(day, jumps, date)
        below = axis_place(b, grids[2, 0], grids[2, 1], values.shape[2], level)
        u = math.log10(star)
        if u < limits[0]:
            flag[row] |= FLUX_BELOW
        if u > limits[1]:
            flag[row] |= FLUX_ABOVE
        t = max(line if which == 2.0 else CHIP_ROWS - 1 - line, 0.0) / CHIP_HEIGHT
        sign = 1.0 if which == 1.0 else -1.0
        i, x = nodes_at(day, grids[6, 0], grids[6, 1], apart.shape[1])
        chip_factors(apart[0], i, x, sign, factors)
        moved = walk(u, -t, values, first, date, below, level, grids[1, 0], grids[1, 1], factors, a)
        low, high = grids[1, 0], grids[1, 0] + grids[1, 1] * (values.shape[1] - 2)
        middle = min(max(0.5 * (u + moved), low), high)
        deviation = _deviation_at(day, middle, b, table, grids, date)
        ln_ratio = (moved - u) * LN10
        # The chips' error is a fraction of the loss, and the star's loss is at hand.
        own, of_loss = _of_chips(day, middle, apart, grids)
        if unknown:
            deviation = math.hypot(deviation, _of_unknown_sky(usual, values, first, date, middle, grids))
        ln_error = math.hypot(t * feedback(a, middle, t) * deviation * (1.0 + sign * own), of_loss * ln_ratio)
        if ln_ratio < 0.0:
            flag[row] |= GAIN
        trusted = trusted_error * (FAINT_FACTOR if star * math.exp(ln_ratio) < FAINT else 1.0)
        if ln_error > trusted and not flag[row] & EXTRAPOLATED:
            flag[row] |= LAW_UNCERTAIN
        corrected[row] = star * math.exp(ln_ratio)
        loss[row] = -math.expm1(-ln_ratio)
        dmag[row] = MAG_PER_LN * ln_ratio
        error[row] = MAG_PER_LN * ln_error


@compiled_loop
def _leave_rows(
    u: FloatArray,
    t: FloatArray,
    mjd: FloatArray,
    b: FloatArray,
    sign: FloatArray,
    values: FloatArray,
    grids: FloatArray,
    apart: FloatArray,
    jumps: FloatArray,
    out: FloatArray,
) -> None:
    lead = jumps.shape[0]
    date, level, a = np.empty(3 + lead), np.empty(3), np.empty(3)
    factors = np.empty(apart.shape[2])
    for row in range(out.size):
        first = lead + axis_place(mjd[row], grids[0, 0], grids[0, 1], values.shape[0] - lead, date)
        jump_weights(mjd[row], jumps, date)
        below = axis_place(b[row], grids[2, 0], grids[2, 1], values.shape[2], level)
        i, x = nodes_at(mjd[row], grids[6, 0], grids[6, 1], apart.shape[1])
        chip_factors(apart[0], i, x, sign[row], factors)
        out[row] = walk(
            u[row], t[row], values, first, date, below, level, grids[1, 0], grids[1, 1], factors, a
        )


def surface_arguments(
    surface: Surface,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, float, FloatArray, FloatArray]:
    """Return the kernel's view of a surface.

    Returns
    -------
    values, table : ndarray
        Coefficients of the spline; standard deviation of S on its grid; both led by the jumps' sizes.
    grids : ndarray, shape (8, 2)
        Origin and step of the axes of the spline (three), the table (three) and the chips' difference (two).
    apart : ndarray, shape (2, dates, fluxes)
        Half the chips' relative difference, and the error of S as a part of it; of one date and flux where
        they do not go with these.
    trusted_error : float
        The largest error of ln flux that is trusted; a constant would stay as it was compiled.
    jumps : ndarray, shape (j, 2)
        From when to when losses jumped, MJD.
    usual : ndarray, shape (2,)
        Mean and scatter of the background variable for stars without a known one; NaN: there is none.
    """
    apart = np.array([[[surface.chips]], [[math.hypot(surface.chips_err, surface.kinds_error)]]])
    axes = (Grid(0.0, 1.0, 1), Grid(0.0, 1.0, 1))
    if surface.apart is not None:
        axes = surface.apart.grids
        apart = np.stack([surface.apart.chips, np.hypot(surface.apart.chips_err, surface.kinds_error)])
    grids = np.array([[grid.origin, grid.step] for grid in (*surface.grids, *surface.error_grids, *axes)])
    f, b = np.meshgrid(*(grid.nodes() for grid in surface.error_grids[1:]), indexing="ij")
    values = np.stack([*(size for _, size in surface.jumps), *surface.values])
    table = np.stack([*(surface.jump(size, f, b) for _, size in surface.jumps), *surface.total])
    jumps = np.array([[gap.start, gap.end] for gap, _ in surface.jumps]).reshape(-1, 2)
    usual = np.array(surface.usual or (math.nan, math.nan))
    return values, table, grids, apart, TRUSTED, jumps, usual


def leave(
    surface: Surface,
    flux: ArrayLike,
    distance: ArrayLike,
    mjd: ArrayLike,
    b: ArrayLike,
    chip: ArrayLike | None = None,
    sign: float = 1.0,
) -> FloatArray:
    """Return what readout leaves of fluxes, or with ``sign=-1`` what they were before it.

    Parameters
    ----------
    surface : Surface
        Loss by date, flux and background.
    flux, distance, mjd, b : array_like
        Electrons, rows to the amplifiers, date, background variable; broadcast.
    chip : array_like, optional
        1 or 2; by default the mean of the chips.
    sign : {1, -1}, optional
        Direction.
    """
    side = np.zeros(()) if chip is None else np.where(np.asarray(chip) == 1, 1.0, -1.0)
    columns = np.broadcast_arrays(
        *(np.asarray(v, np.float64) for v in (flux, distance, mjd, surface.sky(b), side))
    )
    star, rows, date, sky, signs = (np.ascontiguousarray(column).ravel() for column in columns)
    values, _, grids, apart, _, jumps, _ = surface_arguments(surface)
    good = (
        (star > 0)
        & np.isfinite(star)
        & (rows >= 0)
        & np.isfinite(rows)
        & np.isfinite(date)
        & np.isfinite(sky)
    )
    u = np.log10(np.where(good, star, 1.0))
    out = np.empty_like(u)
    t = np.where(good, rows, 0.0) * (sign / CHIP_HEIGHT)
    there = (np.where(good, date, 0.0), np.where(good, sky, 0.0), signs)
    _leave_rows(u, t, *there, values, grids, apart, jumps, out)
    return np.where(good, star * np.exp((out - u) * LN10), np.nan).reshape(columns[0].shape)
