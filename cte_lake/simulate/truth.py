"""What a simulation knows and a measurement must find: ``truth.json``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cte_lake.simulate.detector import Detector
from cte_lake.simulate.exposure import SimulatedExposure, StarTruth
from cte_lake.simulate.geometry import CHIP_ROWS
from cte_lake.simulate.law import slope_loss
from cte_lake.simulate.program import PlannedPair

# fmt: off
#: Flux bins of the monitor (e- within r = 3 px).
FLUX_BINS: tuple[tuple[float, float], ...] = (
    (250, 500), (500, 1000), (500, 2000), (1000, 2000), (2000, 4000), (2000, 8000),
    (4000, 8000), (8000, 32000),
)
# fmt: on


def pair_truth(
    pair: PlannedPair,
    first: SimulatedExposure,
    second: SimulatedExposure,
    *,
    width: int,
    flc_fraction: float = Detector.flc_fraction,
) -> dict[str, Any]:
    """Losses of a pair per flux bin, an entry of ``truth.json``, as a noiseless measurement would find them.

    Bins are on the mean of the two fluxes that the FLT keeps of a star's r = 3 px flux; the loss is the
    slope of the noise-free flux ratio against y, over 2, times 2048, its sign that of a loss on either chip.

    Parameters
    ----------
    pair : PlannedPair
        Which exposures, and how they belong together.
    first, second : SimulatedExposure
        Its exposures, in the order of the pair.
    width : int
        Columns of the frames.
    flc_fraction : float
        Part of the loss that the FLC keeps.
    """
    chip_first, chip_second = (2, 1) if pair.chip is None else (pair.chip, pair.chip)
    a, b = first.stars[chip_first], second.stars[chip_second]
    in_a, in_b = common_stars(a, b, width)
    sign = -1.0 if pair.chip == 1 else 1.0
    measured = {
        part: (a.flux[in_a] * (1.0 - part * a.lost[in_a]), b.flux[in_b] * (1.0 - part * b.lost[in_b]))
        for part in (1.0, flc_fraction)
    }
    injected = (a.loss[in_a] + b.loss[in_b]) / 2.0
    losses = []
    for low, high in FLUX_BINS:
        flt, count, chosen = _bin_loss(*measured[1.0], a.y[in_a], (low, high), sign)
        flc, _, _ = _bin_loss(*measured[flc_fraction], a.y[in_a], (low, high), sign)
        mean = float(injected[chosen].mean()) if count else None
        losses.append({"lo": low, "hi": high, "loss": flt, "n": count, "injected": mean, "loss_flc": flc})
    names: dict[str, Any]
    if pair.kind == "180":
        names = {"first": pair.first, "second": pair.second, "chip": pair.chip}
    else:
        names = {"chip2": pair.first, "chip1": pair.second}
    plan = first.plan
    return names | {
        "target": plan.target.name, "filter": plan.filter, "flash": plan.flash, "exptime": plan.exptime,
        "mjd": plan.mjd, "background": first.background, "cte_per_2048": losses,
    }  # fmt: skip


def _bin_loss(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    y: NDArray[np.float64],
    limits: tuple[float, float],
    sign: float,
) -> tuple[float | None, int, NDArray[np.bool_]]:
    """Loss of a flux bin (None for under 3 stars), its number of stars, and which they are."""
    mean = (first + second) / 2.0
    inside = (mean > limits[0]) & (mean < limits[1])
    value = sign * slope_loss(second[inside] / first[inside], y[inside])
    return value if np.isfinite(value) else None, int(inside.sum()), inside


def common_stars(a: StarTruth, b: StarTruth, width: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Indices of the stars that lie on the chip in both exposures."""

    def on_chip(stars: StarTruth) -> NDArray[np.bool_]:
        inside = (stars.x > -0.5) & (stars.x < width - 0.5)
        return inside & (stars.y > -0.5) & (stars.y < CHIP_ROWS - 0.5)

    _, in_a, in_b = np.intersect1d(a.id, b.id, return_indices=True)
    both = on_chip(a)[in_a] & on_chip(b)[in_b]
    return in_a[both], in_b[both]


def pointing_truth(exposure: SimulatedExposure) -> dict[str, Any]:
    """True pointing of an exposure and the error of its header's coordinates."""
    plan = exposure.plan
    true = plan.attitude
    return {
        "rootname": plan.rootname,
        "mjd": plan.mjd,
        "background": exposure.background,
        "anomaly": plan.anomaly,
        "pointing": {
            "ra": true.ra, "dec": true.dec, "pa_v3": true.pa_v3, "postarg1": true.postarg1,
            "postarg2": true.postarg2,
        },
        "wcs_error": {
            "dx": plan.wcs_error.dx, "dy": plan.wcs_error.dy, "rotation": plan.wcs_error.rotation,
        },
    }  # fmt: skip
