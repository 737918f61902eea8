"""From a fit to the table that a coefficient set holds."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cte_lake.model.chip_difference import ChipDifference
from cte_lake.model.family import FamilyFit
from cte_lake.model.misfit import form_table
from cte_lake.model.smooth import SmoothFit
from cte_lake.model.surface import ERROR_UNIT, VALUE_UNIT, Grid, Grids, Surface, tabulate
from cte_lake.model.terms import background_variable

FloatArray = NDArray[np.float64]

#: Years that a table goes on after the last epoch and before the first; its errors say what that is worth.
_AFTER, _BEFORE = 10.0, 2.0
_DAYS_PER_YEAR = 365.25
_FLUX_CELLS, _SKY_CELLS = 16, 16
_FLUX_NODES, _SKY_NODES = 13, 13
#: Cells of the table between the epochs on either side of a jump, and how much finer it becomes at most.
_JUMP_CELLS, _FINEST = 2.0, 4


def _grids(fit: SmoothFit, log_flux: tuple[float, float], b: tuple[float, float]) -> tuple[Grids, Grids]:
    time = fit.margins[0]
    step = (time.high - time.low) / time.intervals
    before, after = (
        min(math.ceil(years * _DAYS_PER_YEAR / step), 4 * time.intervals) for years in (_BEFORE, _AFTER)
    )
    shortest = min((jump.gap.end - jump.gap.start for jump in fit.jumps), default=math.inf)
    finer = min(math.ceil(_JUMP_CELLS * step / shortest), _FINEST)
    finer = max(finer, 1)
    cells = (before + time.intervals + after) * finer
    origin, step = time.low - before * step, step / finer
    flux = (log_flux[1] - log_flux[0]) / _FLUX_CELLS
    spline = [Grid(origin, step, cells + 2), Grid(log_flux[0], flux, _FLUX_CELLS + 2)]
    table = [
        Grid(origin, step, cells + 1),
        Grid(log_flux[0], flux * _FLUX_CELLS / (_FLUX_NODES - 1), _FLUX_NODES),
    ]
    if fit.margins[2].varies:
        sky = b[1] - b[0]
        spline.append(Grid(b[0], sky / _SKY_CELLS, _SKY_CELLS + 2))
        table.append(Grid(b[0], sky / (_SKY_NODES - 1), _SKY_NODES))
    else:
        spline.append(Grid(0.0, 1.0, 1))
        table.append(Grid(0.0, 1.0, 1))
    return (spline[0], spline[1], spline[2]), (table[0], table[1], table[2])


def surface_of(family: FamilyFit, chips: ChipDifference) -> Surface:
    """Return the table of a fit, over its flux bins and backgrounds, some years past its dates.

    Parameters
    ----------
    family : FamilyFit
        The fit.
    chips : ChipDifference
        How far the chips lie apart.
    """
    fit, points = family.chosen, family.chosen.points
    log_flux = (math.log10(float(points.bin_lo.min())), math.log10(float(points.bin_hi.max())))
    sky = points.background[np.isfinite(points.background)]
    b = tuple(float(v) for v in background_variable([sky.min(), sky.max()])) if sky.size else (0.0, 0.0)
    grids, error_grids = _grids(fit, log_flux, (b[0], b[1]))
    values = tabulate(fit.loss, grids)
    nodes = [grid.nodes() for grid in error_grids]
    mesh = np.meshgrid(*nodes, indexing="ij")
    parts = fit.parts(*(axis.ravel() for axis in mesh))
    tables = {name: part.reshape(mesh[0].shape) for name, part in parts.items()}
    missed = form_table(points, family.misfit.variance, (nodes[0], nodes[1], nodes[2]))
    tables["form"] = np.hypot(tables["form"], missed)
    # Errors are rounded up: one that reads as nothing would claim that there is none.
    rounded = {
        name: np.ceil(table / ERROR_UNIT) * ERROR_UNIT for name, table in tables.items() if table.any()
    }
    return Surface(
        grids=grids,
        values=np.round(values / VALUE_UNIT) * VALUE_UNIT,
        error_grids=error_grids,
        parts=rounded,
        chips=float(f"{chips.value:.5g}"),
        chips_err=float(f"{chips.error:.5g}"),
        scatter=float(f"{fit.visit_scatter:.5g}"),
        kinds={name: (float(f"{k:.5g}"), float(f"{error:.5g}")) for name, (k, error) in fit.kinds.items()},
    )
