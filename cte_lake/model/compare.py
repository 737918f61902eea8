"""Two coefficient sets side by side."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from cte_lake.errors import UsageError
from cte_lake.model.coefficients import CoefficientSet


@dataclass(frozen=True)
class SetComparison:
    """What is different in two sets.

    Attributes
    ----------
    facts : list of str
        Differences of validity, selection and terms, a sentence each.
    losses : list of dict
        Loss of both over a grid of dates and fluxes that both are valid for.
    """

    facts: list[str]
    losses: list[dict[str, Any]]


def compare_sets(
    first: CoefficientSet, second: CoefficientSet, dates: int = 3, fluxes: int = 4
) -> SetComparison:
    """Compare two sets by their losses where both are valid.

    Parameters
    ----------
    first, second : CoefficientSet
        The sets.
    dates, fluxes : int, optional
        Points of the grid.

    Raises
    ------
    UsageError
        If they have no flux in common.
    """
    flux = _common(first.validity.flux, second.validity.flux)
    if flux is None:
        raise UsageError(f"{first.name!r} and {second.name!r} have no flux in common")
    mjd = _common(first.validity.mjd, second.validity.mjd)
    facts = _facts(first, second)
    if mjd is None:
        facts.append("they have no date in common; the losses are extrapolated for one of them")
        mjd = (
            min(first.validity.mjd[0], second.validity.mjd[0]),
            max(first.validity.mjd[1], second.validity.mjd[1]),
        )
    sky = _common(first.validity.background, second.validity.background)
    background = 0.0 if sky is None else 0.5 * (sky[0] + sky[1])
    rows = []
    for date in np.unique(np.linspace(*mjd, dates)):
        for star in np.geomspace(*flux, fluxes):
            loss = [float(entry.loss(date, star, background)) for entry in (first, second)]
            error = [float(entry.loss_err(date, star, background)) for entry in (first, second)]
            total = math.hypot(*error)
            rows.append(
                {
                    "mjd": float(date),
                    "flux": float(star),
                    "loss_1": loss[0],
                    "error_1": error[0],
                    "loss_2": loss[1],
                    "error_2": error[1],
                    "sigma": (loss[1] - loss[0]) / total if total > 0 else float("nan"),
                }
            )
    return SetComparison(facts, rows)


@dataclass(frozen=True)
class Largest:
    """The largest difference of two sets' losses, and where it is.

    Attributes
    ----------
    difference, error : float
        Second less first loss, as a fraction of the flux per 2048 rows, and the error of both together.
    mjd, flux, background : float
        Where: date, electrons, electrons per pixel.
    """

    difference: float
    error: float
    mjd: float
    flux: float
    background: float

    @property
    def sigma(self) -> float:
        """The difference in errors of both sets together; NaN where one states none."""
        return self.difference / self.error if self.error > 0 else math.nan

    def __str__(self) -> str:
        where = f"MJD {self.mjd:.0f}, {self.flux:.0f} e-, background {self.background:.1f} e-/px"
        sigma = "no error stated" if math.isnan(self.sigma) else f"{self.sigma:+.1f} sigma"
        return f"{100 * self.difference:+.2f}% of the flux ({sigma}) at {where}"


def largest_difference(
    first: CoefficientSet, second: CoefficientSet, dates: int = 12, fluxes: int = 12, backgrounds: int = 5
) -> Largest:
    """Find where two sets differ most, in their errors, over what both are valid for.

    Where no error is stated the largest difference counts. Two fits that share most of their data differ by
    less than their errors suggest.

    Raises
    ------
    UsageError
        If they have no flux in common.
    """
    flux = _common(first.validity.flux, second.validity.flux)
    if flux is None:
        raise UsageError(f"{first.name!r} and {second.name!r} have no flux in common")
    mjd = _common(first.validity.mjd, second.validity.mjd) or second.validity.mjd
    sky = _common(first.validity.background, second.validity.background) or (0.0, 0.0)
    grid = np.meshgrid(
        np.linspace(*mjd, dates), np.geomspace(*flux, fluxes), np.linspace(*sky, backgrounds), indexing="ij"
    )
    date, star, level = (axis.ravel() for axis in grid)
    difference = second.loss(date, star, level) - first.loss(date, star, level)
    error = np.hypot(first.loss_err(date, star, level), second.loss_err(date, star, level))
    known = np.isfinite(error) & (error > 0)
    score = np.abs(difference) / error if known.all() else np.abs(difference)
    at = int(np.argmax(score))
    return Largest(
        float(difference[at]),
        float(error[at]) if known[at] else math.nan,
        *(float(axis[at]) for axis in (date, star, level)),
    )


def _common(first: tuple[float, float], second: tuple[float, float]) -> tuple[float, float] | None:
    low, high = max(first[0], second[0]), min(first[1], second[1])
    return (low, high) if low <= high else None


def _facts(first: CoefficientSet, second: CoefficientSet) -> list[str]:
    one, two = first.validity, second.validity
    pairs: list[tuple[str, object, object]] = [
        ("terms", ", ".join(first.term_names), ", ".join(second.term_names)),
        ("aperture radius", one.radius, two.radius),
        ("file type", one.filetype, two.filetype),
        ("flux range", one.flux, two.flux),
        ("dates", one.mjd, two.mjd),
        *(
            (key, first.selection.get(key, "-"), second.selection.get(key, "-"))
            for key in sorted({*first.selection, *second.selection})
        ),
    ]
    return [f"{what}: {a} / {b}" for what, a, b in pairs if a != b]
