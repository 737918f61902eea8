"""The command ``epoch``: the loss of one epoch as a quadratic in log flux."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cte_lake.cli.app import RESULTS, app, say
from cte_lake.cli.fit_options import FittedOptions, MinStarsOption, RobustOption, fit_request
from cte_lake.cli.options import EstimatorOption, LakeOptions, RadiusOption, parse_date
from cte_lake.cli.rows import RowsOutput
from cte_lake.names import one_of

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
    say(f"epoch MJD {quadratic.mjd:.1f}, {len(points)} slopes of visit {', '.join(points.visits)}")
