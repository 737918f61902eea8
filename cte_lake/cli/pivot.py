"""The commands ``epoch`` and ``pivot``: rows from the slopes of a lake, where ``fit`` makes a surface."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cte_lake.cli.app import RESULTS, app
from cte_lake.cli.dates import parse_date
from cte_lake.cli.fit_options import FittedOptions, MinStarsOption, PairsOption, RobustOption, fit_request
from cte_lake.cli.options import EstimatorOption, LakeOptions, RadiusOption, one_of
from cte_lake.cli.rows import RowsOutput

if TYPE_CHECKING:
    from cte_lake.api import Lake
    from cte_lake.correction.followed import FitRequest


@app.command(rich_help_panel=RESULTS)
def epoch(
    date: Annotated[str, typer.Argument(metavar="DATE", help="Date in the epoch: MJD or 2016-08-01.")],
    *,
    asked: LakeOptions,
    exposures: FittedOptions,
    radius: RadiusOption = None,
    estimator: EstimatorOption = None,
    robust: RobustOption = "huber",
    min_stars: MinStarsOption = 10,
    printed: RowsOutput,
) -> None:
    """Fit the loss of one epoch as a quadratic in log flux and print its coefficients.

    [bold]Example[/bold]

      cte-lake epoch 2016-08-01 --target ngc104 --filter F502N --length l --flash 0 --filetype flt
    """
    how = {"robust": one_of("--robust", robust, ("huber", "tukey", "none")), "min_stars": min_stars}
    with asked.opened() as opened:
        request = fit_request(opened.settings(), exposures.selection(), radius, estimator, **how)
        print_epoch(opened, request, parse_date(date), printed)


@app.command(rich_help_panel=RESULTS)
def pivot(
    row: Annotated[
        float, typer.Argument(metavar="[ROW]", help="Row at which the ratio is held to 1 in the second fit.")
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


def print_epoch(opened: Lake, request: FitRequest, mjd: float, printed: RowsOutput) -> None:
    """Print the coefficients of the epoch at a date (MJD)."""
    from cte_lake.correction.fit_lake import fit_epoch_of

    quadratic, points = fit_epoch_of(opened, request, mjd)
    errors = quadratic.covariance.diagonal() ** 0.5
    printed.rows(
        [
            {"coefficient": f"a{j}", "value": float(value), "error": float(error)}
            for j, (value, error) in enumerate(zip(quadratic.coefficients, errors, strict=True))
        ],
        digits=6,
    )
    typer.echo(
        f"epoch MJD {quadratic.mjd:.1f}, {len(points)} slopes of visit {', '.join(points.visits)}", err=True
    )


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
        typer.echo(f"{what}: pivot {mean:.1f} +- {error:.1f} px from {count} fits of {len(own)}", err=True)


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
