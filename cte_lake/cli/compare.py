"""The command ``compare``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cte_lake.cli.app import RESULTS, app, say
from cte_lake.cli.options import (
    EstimatorOption,
    ExposuresOptions,
    LakeOption,
    ModeOption,
    RadiusOption,
    known_estimator,
    option,
)
from cte_lake.cli.rows import RowsOutput
from cte_lake.errors import UsageError


class Per(StrEnum):
    """What one row of a comparison is."""

    BIN = "bin"
    SLOPE = "slope"
    STAR = "star"


@app.command(rich_help_panel=RESULTS)
def compare(
    first: Annotated[str, typer.Argument(metavar="A", help="A lake, a photometry mode, or LAKE:MODE.")],
    second: Annotated[str, typer.Argument(metavar="B", help="The same for what A is compared with.")],
    lake: LakeOption = None,
    generation: Annotated[
        bool, option("--generation", "A and B are calibration generations of one lake, or their beginnings.")
    ] = False,
    mode: ModeOption = None,
    per: Annotated[Per, option("--per", "Print a row per flux bin, slope or star.")] = Per.BIN,
    *,
    exposures: ExposuresOptions,
    radius: RadiusOption = None,
    estimator: EstimatorOption = None,
    printed: RowsOutput,
    plot: Annotated[
        Path | None, option("--plot", "Draw the slopes of B against A: .png, .pdf or .svg.")
    ] = None,
) -> None:
    """Compare two measurements of the same frames, star by star and slope by slope.

    Two photometry modes of one lake (cte-lake compare standard iraf), or two lakes. Differences
    are B less A. After a recalibration, `compare --generation cte2 cte3` compares the same exposures in
    both calibrations, as long as no vacuum has removed the earlier rows.
    """
    from cte_lake.correction.compare_modes import compare as run_compare
    from cte_lake.correction.compare_modes import generation_sides, parse_side
    from cte_lake.lake.stored import find_lake

    if generation:
        one, two = generation_sides(first, second, find_lake(lake), mode)
    elif mode is not None:
        raise UsageError("--mode goes with --generation; name modes as A and B")
    else:
        one, two = parse_side(first, lake), parse_side(second, lake)
    chosen = None if estimator is None else known_estimator(estimator)
    found = run_compare(one, two, exposures.selection(), radius, chosen)
    rows = {Per.BIN: found.bins, Per.SLOPE: found.slopes, Per.STAR: found.stars}[per]
    printed.table(rows)
    if plot is not None:
        from cte_lake.plots.compare import compare_plot
        from cte_lake.plots.style import save

        save(compare_plot(found.slopes, str(one), str(two)), plot)
        say(f"drawn: {plot}")
