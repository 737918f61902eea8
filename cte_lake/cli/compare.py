"""The command ``compare``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cte_lake.cli.app import RESULTS, app
from cte_lake.cli.options import (
    EstimatorOption,
    FiletypeOption,
    FilterOption,
    FlashOption,
    LakeOption,
    ProposalOption,
    RadiusOption,
    TargetOption,
    VisitOption,
    known_estimator,
    select,
)
from cte_lake.cli.output import FormatOption, OutputOption, print_table


class Per(StrEnum):
    """What one row of a comparison is."""

    BIN = "bin"
    SLOPE = "slope"
    STAR = "star"


@app.command(rich_help_panel=RESULTS)
def compare(
    first: Annotated[str, typer.Argument(metavar="A", help="A lake, a photometry mode, or LAKE:MODE.")],
    second: Annotated[str, typer.Argument(metavar="B", help="What it is compared with, likewise.")],
    lake: LakeOption = None,
    per: Annotated[Per, typer.Option("--per", help="A row per flux bin, slope or star.")] = Per.BIN,
    proposal: ProposalOption = None,
    visit: VisitOption = None,
    target: TargetOption = None,
    flash: FlashOption = None,
    filetype: FiletypeOption = None,
    filter_: FilterOption = None,
    radius: RadiusOption = None,
    estimator: EstimatorOption = None,
    format_: FormatOption = None,
    output: OutputOption = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Draw the slopes of B against A: .png, .pdf or .svg.")
    ] = None,
) -> None:
    """Compare two measurements of the same frames, star by star and slope by slope.

    Two photometry modes of one lake (cte-lake compare standard iraf), or two lakes. Differences
    are B less A.
    """
    from cte_lake.correction.compare_modes import compare as run_compare
    from cte_lake.correction.compare_modes import parse_side

    one, two = parse_side(first, lake), parse_side(second, lake)
    selection = select(proposal, visit, target, flash, filetype, filter_)
    chosen = None if estimator is None else known_estimator(estimator)
    found = run_compare(one, two, selection, radius, chosen)
    rows = {Per.BIN: found.bins, Per.SLOPE: found.slopes, Per.STAR: found.stars}[per]
    print_table(rows, format_, output)
    if plot is not None:
        from cte_lake.plots.compare import compare_plot
        from cte_lake.plots.style import save

        save(compare_plot(found.slopes, str(one), str(two)), plot)
        typer.echo(f"drawn: {plot}", err=True)
