"""A coefficient set with the surface that the data choose beside its coefficients."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cte_lake.model.chip_difference import chip_difference
from cte_lake.model.chips.losses import ChipLosses
from cte_lake.model.chips.rows import FloatArray
from cte_lake.model.chips.term import chip_term
from cte_lake.model.coefficients import CoefficientSet
from cte_lake.model.family import MIN_VISITS, FamilyFit, FormChoice, fit_family
from cte_lake.model.points import FitPoints
from cte_lake.model.robust import Loss
from cte_lake.model.tabulation import surface_of
from cte_lake.model.terms import background_variable


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
    if len(points.visits) < MIN_VISITS:
        reason = f"{len(points.visits)} visits do not say how visits scatter; it takes {MIN_VISITS}"
        return coefficients, None, reason
    family = fit_family(points, form, robust, time_degree, background)
    sky = background_variable(points.background) if background else np.zeros(len(points))
    loss = family.chosen.loss(points.mjd, points.log_flux, sky)
    if chip_losses is None:
        chips = chip_difference(points, loss)
    else:
        chosen = family.chosen

        def surface(mjd: FloatArray, log_flux: FloatArray, total: FloatArray) -> FloatArray:
            return chosen.loss(
                mjd, log_flux, background_variable(total) if background else np.zeros(mjd.size)
            )

        chips = chip_term(chip_losses, surface)
    published = coefficients.published_loss(points.mjd, 10.0**points.log_flux, points.background)
    quality = {
        "visit_scatter": family.chosen.visit_scatter,
        "slope_noise": family.chosen.noise,
        "left_out_pull": float(np.sqrt(family.misfit.chi2)),
        "misses": float(len(family.misfit.cells)),
        "jumps": float(len(family.chosen.jumps)),
        "chips": chips.value,
        "chips_err": chips.error,
        "chips_pairs": float(chips.pairs),
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
