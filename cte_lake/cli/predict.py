"""The command ``predict``."""

from __future__ import annotations

import math
from itertools import product
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cte_lake.cli.app import RESULTS, app, say
from cte_lake.cli.complete import coefficient_sets
from cte_lake.cli.options import LakeOption, lake_or_none, option, parse_date
from cte_lake.cli.rows import RowsOutput
from cte_lake.detector import DETECTOR
from cte_lake.errors import UsageError

if TYPE_CHECKING:
    from cte_lake.model.coefficients import CoefficientSet
    from cte_lake.model.predict import Prediction


@app.command(rich_help_panel=RESULTS)
def predict(
    coefficients: Annotated[
        str,
        typer.Option(
            "--coefficients",
            "-c",
            metavar="SET",
            help="Coefficient set: a file, a name in the lake, or a built-in one.",
            autocompletion=coefficient_sets,
        ),
    ],
    date: Annotated[list[str], option("--date", "Date of the visit, MJD or 2027-06-01; repeatable.")],
    flux: Annotated[
        list[float], option("--flux", "Flux before readout, electrons in the set's aperture; repeatable.")
    ],
    background: Annotated[
        list[float] | None,
        option("--background", "Background at readout (sky, dark and post-flash), e-/px; repeatable."),
    ] = None,
    distance: Annotated[
        float, option("--distance", "Distance to the amplifiers, rows; default: the farthest star.")
    ] = float(DETECTOR.top),
    below: Annotated[
        float | None,
        option(
            "--below",
            "Also print the lowest background that keeps the loss under this fraction, such as 0.1, and "
            "the post-flash that adds it to each --background.",
        ),
    ] = None,
    lake: LakeOption = None,
    *,
    printed: RowsOutput,
) -> None:
    """Predict the loss of stars in a planned visit, and the post-flash that limits it.

    With --below the coefficient set must depend on the background (`cte-lake fit --background 1`); a
    background given with it is what the planned exposure has by itself, sky and dark.

    [bold]Example[/bold]

      cte-lake predict -c ngc104_F502N_l_background_flt_r3_mjd57601 --date 2016-08-01 --date 2017-08-01
      --flux 500 --background 3 --background 12 --below 0.1
    """
    from cte_lake.correction.coefficient_files import find_coefficients
    from cte_lake.model.predict import predict_many

    entry = find_coefficients(coefficients, lake_or_none(lake))
    dates = [parse_date(text) for text in date]
    if entry.has_background and not background and below is None:
        raise UsageError(f"coefficient set {entry.name!r} depends on the background; give --background E/PX")
    levels = background or ([] if entry.has_background else [float("nan")])
    rows = [_row(result, None) for result in predict_many(entry, dates, flux, levels, distance)]
    if below is None:
        rows = [{name: value for name, value in row.items() if name != "post_flash"} for row in rows]
    else:
        asked = product(dates, flux)
        rows += [row for one in asked for row in _limited(entry, *one, below, distance, background or [])]
    _say_generation(entry)
    printed.rows(rows, _shown)


def _say_generation(entry: CoefficientSet) -> None:
    from cte_lake.model.generations import fitted_generations

    fitted = ", ".join(fitted_generations(entry)) or "not recorded"
    say(f"coefficients {entry.name}: calibration generation {fitted}")


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with the error beside its value, to fit a terminal of 80 columns."""
    explanation = {name: value for name, value in row.items() if name != "dmag_err"}
    error = f"±{row['dmag_err']:.3f}" if math.isfinite(row["dmag_err"]) else ""
    return explanation | {"dmag": f"{row['dmag']:.3f}{error}"}


def _row(result: Prediction, post_flash: float | None) -> dict[str, Any]:
    from cte_lake.model.predict import doubts

    return {
        "mjd": result.mjd,
        "flux": result.flux,
        "background": result.background,
        "post_flash": post_flash,
        "loss": result.loss,
        "dmag": result.dmag,
        "dmag_err": result.dmag_err,
        "extrapolated": " ".join(doubts(result)),
    }


def _limited(
    entry: CoefficientSet, mjd: float, star: float, below: float, distance: float, natural: list[float]
) -> list[dict[str, Any]]:
    """Rows with the background that keeps the loss under a limit, one for each natural background."""
    from cte_lake.model.predict import background_for
    from cte_lake.model.predict import predict as predict_one

    level = background_for(entry, mjd, star, below, distance)
    if level is None:
        low, high = entry.validity.background
        say(
            f"MJD {mjd:g}, {star:g} e-: no background of the fitted range, {low:.1f} to {high:.1f} e-/px, "
            f"keeps the loss under {below:g}"
        )
        return []
    result = predict_one(entry, mjd, star, level, distance)
    if not natural:
        return [_row(result, None)]
    return [_row(result, max(level - own, 0.0)) for own in natural]
