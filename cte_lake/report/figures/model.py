"""The model against the data: every pair measured again after its stars were corrected."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from cte_lake.errors import NothingToDo
from cte_lake.lake.selection import where
from cte_lake.model.correct import correct
from cte_lake.model.estimators import bin_slopes
from cte_lake.model.loss_unit import CHIP_HEIGHT
from cte_lake.report.curves import other_estimator, suits, time_curves
from cte_lake.report.figures.request import Drawing, Request, rows_of

if TYPE_CHECKING:
    from cte_lake.api import Lake
    from cte_lake.model.coefficients import CoefficientSet


def model_vs_data(lake: Lake, asked: Request) -> Drawing:
    """Losses before and after correction over time, with the model's curve.

    Raises
    ------
    NothingToDo
        If there is no coefficient set that suits any pair.
    """
    from cte_lake.plots.model import model_plot

    asked = asked.defaulting(lake, length=("l",), flash=(0,), filetype=("flt",))
    if not asked.coefficients:
        raise NothingToDo(
            "the lake has no coefficient set; fit one with `cte-lake fit`, or name one: --coefficients"
        )
    bins = asked.bins or asked.time_bins
    chosen_rows, parameters = asked.where(
        "pairing = 'chips'", "estimator = $estimator", "cte_loss IS NOT NULL"
    )
    measured = rows_of(
        lake,
        f"SELECT * FROM cte(aperture := {asked.aperture}) WHERE {chosen_rows} ORDER BY mjd, pair_id, bin_lo",
        asked,
        estimator=asked.estimator,
        **parameters,
    ).to_pylist()
    by_bin = [row for row in measured if (row["bin_lo"], row["bin_hi"]) in set(bins)]
    chosen = {row["pair_id"]: _set_for(asked, row) for row in by_bin}
    pairs = {key: one for key, one in chosen.items() if one is not None}
    if not pairs:
        names = ", ".join(one.name for one in asked.coefficients)
        raise NothingToDo(f"no pair of {asked} is what the coefficient sets ({names}) were fitted for")
    before = [row | {"state": "measured"} for row in by_bin if row["pair_id"] in pairs]
    after = list(_corrected(lake, asked, before, pairs, tuple(bins)))
    table = pa.Table.from_pylist(before + after, schema=pa.Table.from_pylist(before).schema)
    curves = time_curves(asked.coefficients, pa.Table.from_pylist(before))
    caption = f"Coefficients: {', '.join(sorted({p.name for p in pairs.values()}))}."
    caption += f" {other_estimator(asked.coefficients, curves, asked.estimator)}"
    figure = model_plot(table, curves, caption=caption.strip(), unit=asked.unit)
    return Drawing(figure, {"losses": table} | ({"curves": curves} if curves is not None else {}))


def _set_for(asked: Request, row: dict[str, Any]) -> CoefficientSet | None:
    return next((one for one in asked.coefficients if suits(one, row)), None)


def _stars(lake: Lake, pair: dict[str, Any], aperture: int, estimator: str) -> pa.Table:
    """Return the stars of a pair that enter its slopes, with what their correction needs."""
    hive = ("pair_id", "target", "proposal", "flash", "filetype")
    of_pair, parameters = where({key: pair[key] for key in hive})
    query = (
        "SELECT line_distance($estimator, r.distance, r.row_offset) AS distance, "
        "m.y_1, m.y_2, m.sky_1, m.sky_2, r.flux_1, r.flux_2 "
        f"FROM ratios(aperture := {aperture}) AS r "
        f"JOIN matched_stars(aperture := {aperture}) AS m USING ({', '.join(hive)}, master_id) "
        f"WHERE {of_pair} ORDER BY master_id"
    )
    return lake.sql(query, estimator=estimator, **parameters).arrow()


def _corrected(
    lake: Lake,
    asked: Request,
    before: list[dict[str, Any]],
    sets: dict[int, CoefficientSet],
    bins: tuple[tuple[float, float], ...],
) -> Iterator[dict[str, Any]]:
    rows = {(row["pair_id"], row["bin_lo"], row["bin_hi"]): row for row in before}
    for pair_id, coefficients in sets.items():
        pair = next(row for row in before if row["pair_id"] == pair_id)
        stars = _stars(lake, pair, asked.aperture, asked.estimator)
        columns = {name: stars[name].to_numpy() for name in stars.column_names}
        fluxes = [
            correct(
                coefficients,
                columns[f"flux_{side}"],
                columns[f"y_{side}"],
                np.full(stars.num_rows, chip),
                np.full(stars.num_rows, pair["mjd"]),
                # Calibration takes the post-flash off the pixels; the traps saw it.
                columns[f"sky_{side}"] + pair["flash"],
            ).corrected_flux
            for side, chip in ((1, 1), (2, 2))
        ]
        found = bin_slopes(columns["distance"], fluxes[0], fluxes[1], bins, asked.estimator)
        for number, (low, high) in enumerate(bins):
            old = rows.get((pair_id, low, high))
            if old is None or not np.isfinite(found.slope[number]):
                continue
            yield old | {
                "state": "corrected",
                "n": int(found.n[number]),
                "slope": float(found.slope[number]),
                "slope_err": float(found.slope_err[number]),
                "cte_loss": float(found.slope[number]) * CHIP_HEIGHT / 2,
                "cte_loss_err": float(found.slope_err[number]) * CHIP_HEIGHT / 2,
            }
