"""Pivot and loss of every pair, free and forced: the 180-degree set's question, put to the lake."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cte_lake.errors import FitRefused, NothingToDo
from cte_lake.lake.selection import Selection
from cte_lake.model.loss_unit import CHIP_ROWS
from cte_lake.model.pivot import fit_pivot
from cte_lake.model.tables import column, numbers

if TYPE_CHECKING:
    from cte_lake.api import Lake

_QUERY = """
SELECT p.pair_id, p.pairing, p.target, p.filter, p.exptime, p.flash, p.filetype, p.mjd, p.chip_2 AS chip,
    r.distance + r.row_offset AS distance, r.ratio, r.mean_flux
FROM ratios(aperture := {aperture}) AS r
INNER JOIN pairings AS p USING (pair_id)
WHERE p.pairing = $pairing AND ({condition})
ORDER BY p.pair_id, r.master_id
"""
_PAIR = ("pair_id", "target", "filter", "exptime", "flash", "filetype", "mjd", "chip")


def pivots(
    lake: Lake,
    pairing: str,
    bins: Sequence[tuple[float, float]],
    aperture: int = 3,
    forced: float | None = None,
    selection: Selection | None = None,
) -> list[dict[str, Any]]:
    """Return a row per pair and flux bin with its loss, its pivot and the forced fit.

    Parameters
    ----------
    lake : Lake
        The open lake.
    pairing : {'chips', '180'}
        Which pairs: chip 1 against chip 2, or a chip against itself, rolled.
    bins : sequence of (low, high)
        Bins of the mean of the two fluxes, electrons.
    aperture : int, optional
        Radius, px.
    forced : float, optional
        Row of chip 2 at which the ratio is held to 1 (on chip 1: as far from its amplifiers).
    selection : Selection, optional
        Which pairs; by default all.

    Raises
    ------
    NothingToDo
        If no pair is selected.
    """
    chosen = lake.select(selection or Selection()).of_losses()
    condition, parameters = chosen.where("p")
    query = _QUERY.format(aperture=int(aperture), condition=condition)
    table = lake.sql(query, pairing=pairing, **parameters).arrow()
    if table.num_rows == 0:
        pairs = (lake.pairs_180 if pairing == "180" else lake.pairs)().rows()
        raise NothingToDo(f"no pivot: {chosen.nothing_among(pairs, 'pair')} of kind {pairing!r}")
    distance, ratio = numbers(table, "distance"), numbers(table, "ratio")
    flux, pair = numbers(table, "mean_flux"), column(table, "pair_id")
    result = []
    starts = np.flatnonzero(np.r_[True, pair[1:] != pair[:-1]])
    for start, stop in zip(starts, np.r_[starts[1:], pair.size], strict=True):
        facts = {name: column(table.slice(start, 1), name)[0].item() for name in _PAIR}
        part = slice(start, stop)
        for low, high in bins:
            inside = (flux[part] > low) & (flux[part] < high)
            try:
                fit = fit_pivot(distance[part][inside], ratio[part][inside], np.ones(inside.sum()), 2, forced)
            except FitRefused:
                continue
            result.append(
                {
                    **facts,
                    "bin_lo": low,
                    "bin_hi": high,
                    "n": fit.n,
                    "cte_loss": fit.loss,
                    "cte_loss_err": fit.loss_err,
                    "pivot": _row(fit.pivot, facts["chip"]),
                    "pivot_err": 0.5 * (fit.pivot_high - fit.pivot_low),
                    "forced_loss": fit.forced_loss,
                    "forced_loss_err": fit.forced_loss_err,
                    "forced_p_value": fit.forced_p_value,
                }
            )
    return result


def _row(distance: float, chip: int) -> float:
    return CHIP_ROWS - 1 - distance if chip == 1 else distance


def pooled_pivot(rows: Sequence[dict[str, Any]]) -> tuple[float, float, int]:
    """Return the weighted mean of the pivots, its error (widened by their scatter) and their number.

    Pivots whose interval is open, where the slope is not significant, say nothing and are left out.
    """
    usable = [r for r in rows if np.isfinite(r["pivot"]) and 0 < r["pivot_err"] < CHIP_ROWS]
    if not usable:
        return (float("nan"), float("nan"), 0)
    value = np.array([r["pivot"] for r in usable])
    weight = np.array([r["pivot_err"] for r in usable]) ** -2.0
    mean = float(np.sum(weight * value) / weight.sum())
    excess = float(np.sum(weight * (value - mean) ** 2)) / max(value.size - 1, 1)
    return mean, float(np.sqrt(max(excess, 1.0) / weight.sum())), len(usable)
