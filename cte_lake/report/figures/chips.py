"""The figure of each chip's own losses, from what `cte-lake chips` kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cte_lake.errors import NothingToDo, UsageError
from cte_lake.report.figures.losses import PLAIN
from cte_lake.report.figures.request import Drawing, Request, chosen_bins, nothing_for

if TYPE_CHECKING:
    from cte_lake.api import Lake


def chips(lake: Lake, asked: Request) -> Drawing:
    """Loss of each chip against time, a panel a flux bin.

    Raises
    ------
    NothingToDo
        If no losses of the selection are kept.
    UsageError
        If a proposal or visit is asked for: a solution is of all exposures.
    """
    from cte_lake.plots.chip_losses import chips_plot

    asked = asked.of_exposures().defaulting(lake, length=("l",), **PLAIN)
    if asked.selection.proposal or asked.selection.visit:
        raise UsageError("losses of chips are of all proposals and visits together; leave these out")
    chosen, parameters = asked.where("aperture = $aperture", "loss IS NOT NULL")
    query = (
        f"SELECT * FROM chips WHERE {chosen} "
        # Of several calibration generations the one that was solved last.
        "QUALIFY generation = first(generation) OVER ("
        "PARTITION BY target, filter, length, filetype, chinject ORDER BY solved_at DESC) "
        "ORDER BY mjd, chip, bin_lo"
    )
    table = lake.sql(query, aperture=asked.aperture, **parameters).arrow()
    if table.num_rows == 0:
        otherwise = f"no losses of chips are kept for {asked}; `cte-lake chips` solves for them"
        raise NothingToDo(nothing_for(lake, asked, otherwise))
    table = chosen_bins(table, asked, sorted({(r["bin_lo"], r["bin_hi"]) for r in table.to_pylist()}))
    return Drawing(chips_plot(table, unit=asked.unit), {"losses": table}, (f"shown: {asked}",))
