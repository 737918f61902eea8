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
