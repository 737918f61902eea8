"""Curves of coefficient sets for the figures of losses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from cte_lake.model.coefficients import CoefficientSet

_STEPS = 60
#: What a set was fitted for; rows must agree with it in all of these that it states.
_KEYS = ("target", "filter", "length", "flash", "filetype")


def suits(coefficients: CoefficientSet, row: dict[str, Any]) -> bool:
    """Whether a set was fitted for data such as this row."""
    chosen = coefficients.selection
    if row["filetype"] != coefficients.validity.filetype or row["aperture"] != coefficients.validity.radius:
        return False
    return all(str(row[key]).lower() == str(chosen[key]).lower() for key in _KEYS if chosen.get(key))


def _sets_by(sets: Sequence[CoefficientSet], rows: list[dict[str, Any]], *keys: str) -> dict[Any, Any]:
    """First suiting set and the rows it suits, by the values of some columns."""
    found: dict[Any, tuple[CoefficientSet, list[dict[str, Any]]]] = {}
    for row in rows:
        fitting = next((one for one in sets if suits(one, row)), None)
        if fitting is not None:
            found.setdefault(tuple(row[key] for key in keys), (fitting, []))[1].append(row)
    return found


def _background(rows: list[dict[str, Any]]) -> float:
    known = [row["background"] for row in rows if row["background"] is not None]
    return float(np.median(known)) if known else float("nan")


def time_curves(sets: Sequence[CoefficientSet], losses: pa.Table) -> pa.Table | None:
    """Loss of the mean star of each target and flux bin over the dates of the table; None without a set."""
    rows = losses.to_pylist()
    result = []
    for (target, low, high), (one, fitting) in _sets_by(sets, rows, "target", "bin_lo", "bin_hi").items():
        flux = float(np.median([row["mean_flux"] for row in fitting]))
        dates = np.linspace(min(row["mjd"] for row in rows), max(row["mjd"] for row in rows), _STEPS)
        dates = dates[(dates >= one.validity.mjd[0]) & (dates <= one.validity.mjd[1])]
        sky = _background(fitting)
        for mjd, loss, error in zip(
            dates, one.loss(dates, flux, sky), one.loss_err(dates, flux, sky), strict=True
        ):
            result.append(
                {
                    "target": target, "bin_lo": low, "bin_hi": high, "mjd": float(mjd), "loss": float(loss),
                    "loss_err": float(error), "coefficients": one.name,
                }
            )  # fmt: skip
    return pa.Table.from_pylist(result) if result else None


def flux_curves(sets: Sequence[CoefficientSet], losses: pa.Table) -> pa.Table | None:
    """Loss against flux at each epoch of each target; None without a set."""
    result = []
    for (target, epoch), (one, fitting) in _sets_by(sets, losses.to_pylist(), "target", "epoch").items():
        fluxes = np.geomspace(one.validity.flux[0], one.validity.flux[1], _STEPS)
        mjd, sky = float(np.mean([row["mjd"] for row in fitting])), _background(fitting)
        for flux, loss, error in zip(
            fluxes, one.loss(mjd, fluxes, sky), one.loss_err(mjd, fluxes, sky), strict=True
        ):
            result.append(
                {
                    "target": target, "epoch": epoch, "mjd": mjd, "flux": float(flux), "loss": float(loss),
                    "loss_err": float(error), "coefficients": one.name,
                }
            )  # fmt: skip
    return pa.Table.from_pylist(result) if result else None
