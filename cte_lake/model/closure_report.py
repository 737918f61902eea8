"""What a closure run says: tables of bias and pull, and whether they pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cte_lake.model.closure import ClosureResult, coefficient_names

#: Limits of the acceptance: mean of a pull, its width, bias of corrected fluxes.
PULL_MEAN, PULL_WIDTH, FLUX_BIAS = 0.15, (0.85, 1.15), 0.003
_GROUPS = ("early", "middle", "late")


@dataclass(frozen=True)
class ClosureReport:
    """Summary of a closure run.

    Attributes
    ----------
    slopes, coefficients, fluxes : list of dict
        A row per flux bin; per coefficient; per third of the dates and flux bin.
    failures : list of str
        What is outside the limits by more than chance allows (two standard errors of this many realisations).
    realisations : int
        Realisations fitted.
    """

    slopes: list[dict[str, Any]]
    coefficients: list[dict[str, Any]]
    fluxes: list[dict[str, Any]]
    failures: list[str]
    realisations: int

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return dict(vars(self))


def summarise(result: ClosureResult) -> ClosureReport:
    """Return bias and pull of slopes, coefficients and corrected fluxes, and what is outside the limits."""
    count = result.pulls.shape[0]
    slopes = _slopes(result)
    coefficients = [
        {
            "coefficient": name,
            "injected": float(truth),
            "mean": float(values.mean()),
            "pull_mean": float(pull.mean()),
            "pull_width": float(pull.std(ddof=1)),
        }
        for name, truth, values, pull in zip(
            coefficient_names(),
            np.array(result.setup.law).ravel(),
            result.coefficients.T,
            result.pulls.T,
            strict=True,
        )
    ]
    fluxes = [
        {
            "dates": _GROUPS[group],
            "bin_lo": low,
            "bin_hi": high,
            "measured_bias": float(result.uncorrected_bias[:, group, number].mean()),
            "corrected_bias": float(result.flux_bias[:, group, number].mean()),
            "corrected_bias_err": float(result.flux_bias[:, group, number].std(ddof=1) / np.sqrt(count)),
        }
        for group in range(len(_GROUPS))
        for number, (low, high) in enumerate(result.bins)
    ]
    return ClosureReport(slopes, coefficients, fluxes, _failures(coefficients, fluxes, count), count)


def _slopes(result: ClosureResult) -> list[dict[str, Any]]:
    rows = []
    for number, (low, high) in enumerate(result.bins):
        residual, pull = result.slope_residual[..., number], result.slope_pull[..., number]
        rows.append(
            {
                "bin_lo": low,
                "bin_hi": high,
                "injected": float(np.nanmean(result.slope_truth[..., number])),
                "bias": float(np.nanmean(residual)),
                "bias_err": float(np.nanstd(residual) / np.sqrt(np.isfinite(residual).sum())),
                "pull_mean": float(np.nanmean(pull)),
                "pull_width": float(np.nanstd(pull)),
            }
        )
    return rows


def _failures(coefficients: list[dict[str, Any]], fluxes: list[dict[str, Any]], count: int) -> list[str]:
    # A small run must not fail by chance: means are known to 1 / sqrt(count), widths to 1 / sqrt(2 count).
    mean_slack, width_slack = 2.0 / np.sqrt(count), 2.0 / np.sqrt(2.0 * count)
    if count >= 300:
        mean_slack = width_slack = 0.0
    found = []
    for row in coefficients:
        if abs(row["pull_mean"]) > PULL_MEAN + mean_slack:
            found.append(f"pull of {row['coefficient']} has mean {row['pull_mean']:+.2f}")
        if not PULL_WIDTH[0] - width_slack <= row["pull_width"] <= PULL_WIDTH[1] + width_slack:
            found.append(f"pull of {row['coefficient']} has width {row['pull_width']:.2f}")
    for row in fluxes:
        if abs(row["corrected_bias"]) > FLUX_BIAS + 2.0 * row["corrected_bias_err"] * (count < 300):
            found.append(
                f"corrected fluxes of {row['bin_lo']:g}-{row['bin_hi']:g} e- ({row['dates']} dates) "
                f"are biased by {100 * row['corrected_bias']:+.2f}%"
            )
    return found
