"""Draw the figures of docs/model_evidence.md: errors left after `correct`, and how forecasts widen.

    python benchmarks/model_figures.py [--folder docs/images]

Lakes are drawn as in benchmarks/laws.py, one a law. Of the nine published coefficients alone the curve is
dashed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cte_lake.model.coefficients import CoefficientSet, from_fit
from cte_lake.model.correct import Correction, correct
from cte_lake.model.fit import fit_surface
from cte_lake.model.flags import FLUX_BELOW
from cte_lake.model.law_trial import fitted_set
from cte_lake.model.laws import LAWS
from cte_lake.model.loss_unit import MAG_PER_LN
from cte_lake.model.points import FitPoints
from cte_lake.model.slope_lake import SlopeLake
from cte_lake.plots.axes import log_axis
from cte_lake.plots.palette import colour
from cte_lake.plots.style import finish, panels, save, styled, y_label

FloatArray = NDArray[np.float64]

OUTSIDE = ("power", "saturating", "over-corrected", "two-species", "solar-cycle", "shelf")
FORECAST = ("power", "solar-cycle", "polynomial")
SEED = 1
ROWS = 1900.0
SKY = 3.0
DATE = 60000.0
UNTIL = 58850.0
#: Of a flux, for a small difference of magnitudes.
PERCENT = 100.0 / MAG_PER_LN


def corrected(
    one: CoefficientSet, lake: SlopeLake, flux: FloatArray, mjd: FloatArray
) -> tuple[Correction, FloatArray]:
    """Correct noise-free stars on chip 2; with the true loss in magnitudes."""
    flux, mjd = np.broadcast_arrays(flux, mjd)
    same = np.ones(flux.shape)
    left = lake.law_of(2).left(flux, ROWS * same, mjd, SKY * same)
    result = correct(one, left, ROWS * same, 2.0 * same, mjd, SKY * same, 3, "flt")
    return result, MAG_PER_LN * np.log(flux / left)


def nine(points: FitPoints) -> CoefficientSet:
    """The published coefficients alone."""
    return from_fit(fit_surface(points, 2, background_degree=1), "nine", 3, "flt")


@styled
def errors() -> Figure:
    """Error of a corrected flux against the flux, a panel a law."""
    figure, grid = panels(2, 3, 5.5, sharex=True, sharey=True)
    axes = list(grid.ravel())
    flux = np.geomspace(300.0, 20000.0, 60)
    for panel, name in zip(axes, OUTSIDE, strict=True):
        lake = SlopeLake(LAWS[name])
        points, _ = lake.draw(SEED)
        result, true = corrected(fitted_set(points), lake, flux, np.array(DATE))
        good = np.where(result.cte_flag & FLUX_BELOW.value, np.nan, 1.0)
        off, error = good * PERCENT * (result.cte_dmag - true), PERCENT * result.cte_dmag_err
        panel.fill_between(flux, off - error, off + error, color=colour(0), alpha=0.25, lw=0)
        panel.plot(flux, off, color=colour(0), label="chosen surface and its error")
        plain, _ = corrected(nine(points), lake, flux, np.array(DATE))
        panel.plot(
            flux,
            good * PERCENT * (plain.cte_dmag - true),
            "--",
            color=colour(1),
            label="nine coefficients",
        )
        panel.axhline(0.0, color="0.5", lw=0.6)
        log_axis(panel)
        panel.set_xticks([500.0, 2000.0, 10000.0])
        panel.set(ylim=(-4.0, 4.0), title=name)
    y_label(figure, "corrected less true flux (%)")
    for panel in axes[3:]:
        panel.set_xlabel("true flux (e-)")
    caption = (
        "Noise-free stars 1,900 rows from the amplifiers of chip 2, sky 3 e-/px, MJD 60000; one lake of 168 "
        "pairs a law. Dashed: what the nine published coefficients alone leave."
    )
    return finish(figure, "Laws outside the family", caption, axes[0])


@styled
def forecasts() -> Figure:
    """Loss against date of fits that end in 2020, a panel a law."""
    figure, grid = panels(1, 3, 3.4, sharex=True)
    axes = list(grid.ravel())
    mjd = np.linspace(55106.0, 60560.0, 80)
    for panel, name in zip(axes, FORECAST, strict=True):
        lake = SlopeLake(LAWS[name])
        points, _ = lake.draw(SEED)
        result, true = corrected(fitted_set(points.take(points.mjd < UNTIL)), lake, np.array(1000.0), mjd)
        year = 1858.8755 + mjd / 365.25
        low, high = result.cte_dmag - result.cte_dmag_err, result.cte_dmag + result.cte_dmag_err
        panel.fill_between(year, low, high, color=colour(0), alpha=0.25, lw=0)
        panel.plot(year, result.cte_dmag, color=colour(0), label="fit to 2020 and its error")
        panel.plot(year, true, ":", color="black", label="truth")
        panel.axvline(1858.8755 + UNTIL / 365.25, color="0.5", lw=0.6)
        panel.set(title=name, xlabel="year")
    axes[0].set_ylabel("loss of a star of 1000 e- (mag)")
    caption = (
        "Stars 1,900 rows from the amplifiers of chip 2, sky 3 e-/px. The vertical line is the last epoch "
        "fitted. The law 'power' bends just after it; nothing before could tell."
    )
    return finish(figure, "Forecasts", caption, axes[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("docs/images"))
    folder = parser.parse_args().folder
    for name, draw in (("model-errors.png", errors), ("model-forecasts.png", forecasts)):
        save(draw(), folder / name)
        print(folder / name)


if __name__ == "__main__":
    main()
