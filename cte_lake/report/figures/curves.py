"""Curves of coefficient sets for the figures of losses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from cte_lake.model.coefficients import CoefficientSet

Row = dict[str, Any]
_STEPS = 60
#: What a set was fitted for; rows must agree with it in all of these that it states. One with background has
#: its flash levels together: '0,12'.
_KEYS = ("target", "filter", "length", "flash", "filetype", "chinject", "generation")


def suits(coefficients: CoefficientSet, row: Mapping[str, Any]) -> bool:
    """Whether a set was fitted for data such as this row."""
    chosen = coefficients.selection
    if row["filetype"] != coefficients.validity.filetype or row["aperture"] != coefficients.validity.radius:
        return False
    return all(
        str(row[key]).lower() in str(chosen[key]).lower().split(",") for key in _KEYS if chosen.get(key)
    )


def _sets_by(
    sets: Sequence[CoefficientSet], rows: list[Row], *keys: str
) -> Iterator[tuple[Row, CoefficientSet, list[Row]]]:
    """What rows share, the first set that suits them, and the rows."""
    found: dict[Any, tuple[CoefficientSet, list[dict[str, Any]]]] = {}
    for row in rows:
        fitting = next((one for one in sets if suits(one, row)), None)
        if fitting is not None:
            shared = tuple(row[key] for key in (*_KEYS, *keys))
            found.setdefault(shared, (fitting, []))[1].append(row)
    for values, (one, fitting_rows) in found.items():
        yield dict(zip((*_KEYS, *keys), values, strict=True)), one, fitting_rows


def _background(rows: list[dict[str, Any]]) -> float:
    known = [row["readout_background"] for row in rows if row["readout_background"] is not None]
    return float(np.median(known)) if known else float("nan")


def with_model(sets: Sequence[CoefficientSet], losses: pa.Table) -> pa.Table:
    """Add ``model_loss`` (fraction) to losses, by the first set that suits a row; no column if none does.

    Rows of dates that their set was not fitted to have none.
    """
    rows = losses.to_pylist()
    model = np.full(len(rows), np.nan)
    of_set: dict[int, list[int]] = {}
    for number, row in enumerate(rows):
        which = next((index for index, one in enumerate(sets) if suits(one, row)), None)
        if which is not None and sets[which].validity.mjd[0] <= row["mjd"] <= sets[which].validity.mjd[1]:
            of_set.setdefault(which, []).append(number)
    for which, chosen in of_set.items():
        mjd, flux = (np.array([rows[number][name] for number in chosen]) for name in ("mjd", "mean_flux"))
        sky = np.array([_background([rows[number]]) for number in chosen])
        model[chosen] = sets[which].loss(mjd, flux, sky)
    if not of_set:
        return losses
    return losses.append_column("model_loss", pa.array(model, from_pandas=True))


def time_curves(sets: Sequence[CoefficientSet], losses: pa.Table) -> pa.Table | None:
    """Loss of the median star of each observing mode and flux bin over the dates of the table.

    Returns
    -------
    pyarrow.Table or None
        target, filter, length, flash, filetype, bin_lo, bin_hi, mjd, loss, loss_err (fractions),
        coefficients; None where no set suits any row.
    """
    rows = losses.to_pylist()
    result = []
    for shared, one, fitting in _sets_by(sets, rows, "bin_lo", "bin_hi"):
        flux, sky = float(np.median([row["mean_flux"] for row in fitting])), _background(fitting)
        first = max(min(row["mjd"] for row in rows), one.validity.mjd[0])
        last = min(max(row["mjd"] for row in rows), one.validity.mjd[1])
        if first > last:
            continue
        dates = np.linspace(first, last, _STEPS)
        values = zip(dates, one.loss(dates, flux, sky), one.loss_err(dates, flux, sky), strict=True)
        for mjd, loss, error in values:
            result.append(shared | _point("mjd", mjd, loss, error, one))
    return pa.Table.from_pylist(result) if result else None


def flux_curves(sets: Sequence[CoefficientSet], losses: pa.Table) -> pa.Table | None:
    """Loss against flux of each observing mode and epoch.

    Returns
    -------
    pyarrow.Table or None
        target, filter, length, flash, filetype, epoch, epoch_mjd, flux, loss, loss_err (fractions),
        coefficients; None where no set suits any row.
    """
    result = []
    for shared, one, fitting in _sets_by(sets, losses.to_pylist(), "epoch", "epoch_mjd"):
        fluxes = np.geomspace(one.validity.flux[0], one.validity.flux[1], _STEPS)
        mjd, sky = float(np.mean([row["mjd"] for row in fitting])), _background(fitting)
        values = zip(fluxes, one.loss(mjd, fluxes, sky), one.loss_err(mjd, fluxes, sky), strict=True)
        for flux, loss, error in values:
            result.append(shared | _point("flux", flux, loss, error, one))
    return pa.Table.from_pylist(result) if result else None


def other_estimator(sets: Sequence[CoefficientSet], curves: pa.Table | None, estimator: str) -> str:
    """A sentence on the estimator that the drawn sets were fitted to; '' where it is that of the points."""
    drawn = set() if curves is None else set(curves["coefficients"].to_pylist())
    fitted = {str(one.selection.get("estimator") or estimator) for one in sets if one.name in drawn}
    others = sorted(fitted - {estimator})
    return f"The model was fitted to slopes of estimator {', '.join(others)}." if others else ""


def _point(name: str, at: float, loss: float, error: float, one: CoefficientSet) -> dict[str, Any]:
    return {name: float(at), "loss": float(loss), "loss_err": float(error), "coefficients": one.name}
