"""The command ``pivot``: where each pair's flux ratio is 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cte_lake.cli.app import RESULTS, app, say
from cte_lake.cli.fit_options import FittedOptions, PairsOption, fit_request
from cte_lake.cli.options import LakeOptions, RadiusOption
from cte_lake.cli.rows import RowsOutput
from cte_lake.names import one_of

if TYPE_CHECKING:
    from cte_lake.api import Lake
    from cte_lake.correction.followed import FitRequest


@app.command(rich_help_panel=RESULTS)
def pivot(
    row: Annotated[
        float, typer.Argument(metavar="ROW", help="Row at which the ratio is held to 1 in the second fit.")
    ] = 1024.0,
    *,
    asked: LakeOptions,
    exposures: FittedOptions,
    pairs: PairsOption = "chips",
    radius: RadiusOption = None,
    printed: RowsOutput,
) -> None:
    """Find the row where each pair's flux ratio is 1, and the loss with the ratio held to 1 at ROW.

    [bold]Example[/bold]

      cte-lake pivot 1024 --pairs 180
    """
    with asked.opened() as opened:
        request = fit_request(opened.settings(), exposures.selection(), radius, "log_ratio")
        print_pivots(opened, request, row, pairs, printed)


def print_pivots(opened: Lake, request: FitRequest, row: float, pairs: str, printed: RowsOutput) -> None:
    """Print a row per pair and flux bin, and the mean pivot of each chip on standard error."""
    from cte_lake.correction.pivots import pivots, pooled_pivot
    from cte_lake.model.bins import non_overlapping

    kind = one_of("--pairs", pairs, ("chips", "180"))
    bins = non_overlapping(opened.settings().config.measure.flux_bins)
    rows = pivots(opened, kind, bins, request.aperture, row, request.selection)
    printed.rows(rows, _pivot_shown)
    for chip in sorted({entry["chip"] for entry in rows}):
        own = [entry for entry in rows if entry["chip"] == chip]
        mean, error, count = pooled_pivot(own)
        what = f"chip {chip} alone" if kind == "180" else "chip 1 over chip 2"
        say(f"{what}: pivot {mean:.1f} +- {error:.1f} px from {count} fits of {len(own)}")


def _pivot_shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a pair's pivot in columns that fit a terminal of 80."""
    return {
        "target": row["target"],
        "MJD": f"{row['mjd']:.0f}",
        "chip": row["chip"],
        "file": row["filetype"],
        "fl": row["flash"],
        "bin (e-)": f"{row['bin_lo']:g}-{row['bin_hi']:g}",
        "loss %": f"{100 * row['cte_loss']:.1f}±{100 * row['cte_loss_err']:.1f}",
        "pivot px": f"{row['pivot']:.0f}±{row['pivot_err']:.0f}",
        "held %": f"{100 * row['forced_loss']:.1f}",
        "p": f"{row['forced_p_value']:.2f}",
    }
