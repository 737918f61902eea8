"""A coefficient set with the surface that the data choose beside its coefficients."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from cte_lake.arrays import FloatArray
from cte_lake.model.chip_course import Beside, Measured, fit_course
from cte_lake.model.chip_difference import UNKNOWN, ChipDifference, chip_difference, of_course
from cte_lake.model.chips.equations import pairs_of_chips
from cte_lake.model.chips.losses import ChipLosses
from cte_lake.model.coefficients import CoefficientSet
from cte_lake.model.family import FamilyFit, FormChoice, fit_family, too_few
from cte_lake.model.margins import sky_variable
from cte_lake.model.misfit import form_table
from cte_lake.model.points import FitPoints
from cte_lake.model.robust import Loss
from cte_lake.model.smooth import Jump, SmoothFit
from cte_lake.model.surface import ERROR_UNIT, VALUE_UNIT, Apart, Grid, Grids, Surface, tabulate
from cte_lake.model.terms import background_variable


def chip_term(
    losses: ChipLosses, surface: Callable[[FloatArray, FloatArray, FloatArray], FloatArray]
) -> ChipDifference:
    """Measure c of S1 = (1 + c) S and S2 = (1 - c) S by the losses of chips that were solved for.

    Parameters
    ----------
    losses : ChipLosses
        Each chip's losses, with their covariance.
    surface : callable
        S of dates (MJD), log10 fluxes and backgrounds (e-/px): the mean of both chips.

    Returns
    -------
    ChipDifference
        With the error that the covariance gives; unknown where no difference was determined. ``pairs`` counts
        the differences.
    """
    known = [row for row in losses.of_both_chips() if row["difference"] is not None]
    if not known:
        return ChipDifference(0.0, UNKNOWN, 0)
    mjd, flux, sky, difference = (
        np.array([row[name] for row in known])
        for name in ("mjd", "mean_log_flux", "background", "difference")
    )
    two, one, _ = pairs_of_chips(losses.exposures, losses.is_determined)
    c = losses.solution.covariance
    covariance = c[np.ix_(two, two)] + c[np.ix_(one, one)] - c[np.ix_(two, one)] - c[np.ix_(one, two)]
    size, errors = surface(mjd, flux, sky), np.sqrt(np.diag(covariance)) / 2.0
    if not np.any(size):
        return ChipDifference(0.0, UNKNOWN, 0)
    nothing = np.zeros(len(known))
    beside = Beside(np.zeros((len(known), 0)), (), nothing.astype(np.int64), nothing)
    # Weights by the errors alone; the error by the whole covariance, in which the open tilt is one for all.
    fitted = fit_course(Measured(-difference / 2.0, errors, size, mjd, flux), beside, covariance / 4.0)
    return of_course(fitted.course, len(known), 0.0)


#: Years that a table goes on after the last epoch and before the first; its errors say what that is worth.
_AFTER, _BEFORE = 10.0, 2.0
_DAYS_PER_YEAR = 365.25
_FLUX_CELLS, _SKY_CELLS = 16, 16
#: Errors lie deep at the levels of flash and fall steeply between them: on 13 nodes of flux and background
#: tables that are linear between nodes had 4 to 9% too much at the dates and levels that were fitted.
_FLUX_NODES, _SKY_NODES, _TILT_NODES = 15, 29, 7


def _grids(fit: SmoothFit, log_flux: tuple[float, float], b: tuple[float, float]) -> tuple[Grids, Grids]:
    time = fit.margins[0]
    step = (time.high - time.low) / time.intervals
    before, after = (
        min(math.ceil(years * _DAYS_PER_YEAR / step), 4 * time.intervals) for years in (_BEFORE, _AFTER)
    )
    cells, origin = before + time.intervals + after, time.low - before * step
    flux = log_flux[1] - log_flux[0]
    spline = [Grid(origin, step, cells + 2), Grid(log_flux[0], flux / _FLUX_CELLS, _FLUX_CELLS + 2)]
    table = [Grid(origin, step, cells + 1), Grid(log_flux[0], flux / (_FLUX_NODES - 1), _FLUX_NODES)]
    if fit.margins[2].varies:
        sky = b[1] - b[0]
        cells, nodes = (1, _TILT_NODES) if fit.margins[2].tilt else (_SKY_CELLS, _SKY_NODES)
        spline.append(Grid(b[0], sky / cells, cells + 2))
        table.append(Grid(b[0], sky / (nodes - 1), nodes))
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
    sky = background_variable(points.background[np.isfinite(points.background)])
    b = (float(sky.min()), float(sky.max())) if sky.size else (0.0, 0.0)
    grids, error_grids = _grids(fit, log_flux, b)
    jumps = [(jump, size) for jump, (_, size, _) in zip(fit.jumps, fit.jump_sizes, strict=True)]

    def smooth(t: FloatArray, f: FloatArray, b: FloatArray) -> FloatArray:
        return fit.loss(t, f, b) - sum((size * jump.column(t, f, b) for jump, size in jumps), start=0.0 * t)

    values = tabulate(smooth, grids)
    nodes = [grid.nodes() for grid in error_grids]
    mesh = np.meshgrid(*nodes, indexing="ij")
    parts = fit.parts(*(axis.ravel() for axis in mesh))
    tables = {name: part.reshape(mesh[0].shape) for name, part in parts.items()}
    open_still = family.doubts.variance(*(axis.ravel() for axis in mesh)).reshape(mesh[0].shape)
    missed = form_table(points, family.misfit.variance, (nodes[0], nodes[1], nodes[2]))
    tables["form"] = np.sqrt(missed**2 + open_still)
    # An error that reads as nothing would claim that there is none.
    rounded = {
        name: np.maximum(np.rint(table / ERROR_UNIT), table > 0) * ERROR_UNIT
        for name, table in tables.items()
        if table.any()
    }
    return Surface(
        grids=grids,
        values=np.rint(values / VALUE_UNIT) * VALUE_UNIT,
        error_grids=error_grids,
        parts=rounded,
        chips=float(f"{chips.value:.5g}"),
        chips_err=float(f"{chips.error:.5g}"),
        scatter=float(f"{fit.visit_scatter:.5g}"),
        kinds={name: (float(f"{k:.5g}"), float(f"{error:.5g}")) for name, (k, error) in fit.kinds.items()},
        jumps=tuple((jump.gap, _steps(jump, size, grids)) for jump, size in jumps),
        apart=None if chips.course is None else _apart(chips, error_grids[0], grids[1]),
        usual=(float(f"{sky.mean():.5g}"), float(f"{sky.std():.5g}")) if fit.margins[2].tilt else None,
    )


def _apart(chips: ChipDifference, date: Grid, flux: Grid) -> Apart:
    """Return the chips' difference at the nodes of the errors' dates and the edges of the flux's cells."""
    grids = (date, Grid(flux.origin, flux.step, flux.size - 1))
    nodes = np.meshgrid(*(grid.nodes() for grid in grids), indexing="ij")
    value, error = (np.rint(table / ERROR_UNIT) * ERROR_UNIT for table in chips.at(*nodes))
    return Apart(grids, value, error)


def _steps(jump: Jump, size: float, grids: Grids) -> FloatArray:
    """Return the coefficients of what a jump adds to S once it is past."""
    flat = (Grid(0.0, 1.0, 1), grids[1], grids[2])
    steps = tabulate(lambda t, f, b: size * jump.smooth.loss(jump.gap.middle + 0.0 * t, f, b), flat)[0]
    return np.asarray(np.rint(steps / VALUE_UNIT) * VALUE_UNIT)


def _changes(chips: ChipDifference) -> dict[str, float]:
    """Return by how much the chips' difference grows over dates and fluxes, with errors."""
    if chips.course is None:
        return {}
    by_date, by_flux = (chips.course.change(axis) for axis in (0, 1))
    names = ("chips_by_date", "chips_by_date_err", "chips_by_flux", "chips_by_flux_err")
    return dict(zip(names, (*by_date, *by_flux), strict=True))


def with_surface(
    coefficients: CoefficientSet,
    points: FitPoints,
    form: FormChoice = "auto",
    robust: Loss = "huber",
    time_degree: int = 2,
    background: bool = True,
    chip_losses: ChipLosses | None = None,
) -> tuple[CoefficientSet, FamilyFit | None, str]:
    """Return a set with its surface and what the surface's quality is.

    Parameters
    ----------
    coefficients : CoefficientSet
        The published coefficients, fitted to the same points.
    points : FitPoints
        Losses of all epochs.
    form, robust, time_degree, background
        As in `cte_lake.model.family.fit_family`; the form 'none' leaves the set as it is.
    chip_losses : ChipLosses, optional
        Each chip's losses, which distinguish the chips; by default the levels of the pairs do.

    Returns
    -------
    CoefficientSet
        With the surface; as it was where there is none.
    FamilyFit or None
        The fit, with what was tried.
    str
        Why there is no surface, else ''.

    Raises
    ------
    FitRefused
        If the surface does not follow the points.
    """
    if form == "none":
        return coefficients, None, "the coefficients alone were asked for"
    if reason := too_few(points):
        return coefficients, None, reason
    family = fit_family(points, form, robust, time_degree, background)
    loss = family.chosen.loss(points.mjd, points.log_flux, sky_variable(points, family.chosen.margins))
    if chip_losses is None:
        chips = chip_difference(points, loss)
    else:
        chosen = family.chosen

        def surface(mjd: FloatArray, log_flux: FloatArray, total: FloatArray) -> FloatArray:
            b = background_variable(total) if chosen.margins[2].varies else np.zeros(mjd.size)
            return chosen.loss(mjd, log_flux, b)

        chips = chip_term(chip_losses, surface)
    published = coefficients.published_loss(points.mjd, 10.0**points.log_flux, points.background)
    quality = {
        "visit_scatter": family.chosen.visit_scatter,
        "slope_noise": family.chosen.noise,
        "left_out_pull": float(np.sqrt(family.misfit.chi2)),
        "epoch_scatter": family.misfit.epochs,
        "misses": float(len(family.misfit.cells)),
        "jumps": float(len(family.chosen.jumps)),
        "chips": chips.value,
        "chips_err": chips.error,
        "chips_pairs": float(chips.pairs),
        **_changes(chips),
        "coefficients_lose": family.polynomial_loss,
        "coefficients_off": float(np.sqrt(np.mean((published - loss) ** 2))),
    }
    full = replace(
        coefficients,
        surface=surface_of(family, chips),
        selection={**coefficients.selection, "form": family.name},
        quality={**coefficients.quality, **quality},
    )
    return full, family, ""
