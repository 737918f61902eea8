"""Curves of coefficient sets for the figures of losses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from cte_lake.model.coefficients import CoefficientSet
from cte_lake.model.points import log_flux_moments

Row = dict[str, Any]
_STEPS = 60
_FLUXES = ("mean_flux", "mean_log_flux", "mean_log_flux_sq")
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


def bin_loss(
    one: CoefficientSet, rows: Sequence[Mapping[str, Any]], mjd: Any, sky: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Return the loss that a set gives the stars of flux bins, and its standard error.

    A bin's stars have many fluxes, and the faint ones lose more: the loss of a star of the mean flux is a
    point too low in a bin from 500 to 2000 e-. Two stars stand for them, one standard deviation of the
    logarithm of flux below its mean and one above; that is exact for a quadratic in that logarithm.

    Parameters
    ----------
    one : CoefficientSet
        The set.
    rows : sequence of mapping
        Rows of ``cte``, or of its columns mean_flux, mean_log_flux and mean_log_flux_sq.
    mjd, sky : array_like
        Date and background at readout (e-/px) of each row, or of all.
    """
    names = [name for name in _FLUXES if all(name in row for row in rows)]
    mean, mean_sq = log_flux_moments({name: [row[name] for row in rows] for name in names})
    apart = np.sqrt(np.maximum(mean_sq - mean**2, 0.0))
    stars = [10.0 ** (mean + sign * apart) for sign in (-1, 1)]
    losses, errors = ([of(mjd, star, sky) for star in stars] for of in (one.loss, one.loss_err))
    # The two share the set, whose error does not average out.
    return np.mean(losses, axis=0), np.mean(errors, axis=0)


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
        of_chosen = [rows[number] for number in chosen]
        mjd, sky = ([row["mjd"] for row in of_chosen], [_background([row]) for row in of_chosen])
        model[chosen] = bin_loss(sets[which], of_chosen, mjd, sky)[0]
    if not of_set:
        return losses
    return losses.append_column("model_loss", pa.array(model, from_pandas=True))


def time_curves(sets: Sequence[CoefficientSet], losses: pa.Table) -> pa.Table | None:
    """Loss of each observing mode and flux bin over the dates of the table, of the stars of its median row.

    Returns
    -------
    pyarrow.Table or None
        target, filter, length, flash, filetype, bin_lo, bin_hi, mjd, loss, loss_err (fractions),
        coefficients; None where no set suits any row.
    """
    rows = losses.to_pylist()
    result = []
    for shared, one, fitting in _sets_by(sets, rows, "bin_lo", "bin_hi"):
        sky = _background(fitting)
        first = max(min(row["mjd"] for row in rows), one.validity.mjd[0])
        last = min(max(row["mjd"] for row in rows), one.validity.mjd[1])
        if first > last:
            continue
        dates = np.linspace(first, last, _STEPS)
        # The row in the middle: of a median of each column no star need have been.
        middle = sorted(fitting, key=lambda row: row["mean_flux"])[len(fitting) // 2]
        for mjd, loss, error in zip(dates, *bin_loss(one, [middle] * _STEPS, dates, sky), strict=True):
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
