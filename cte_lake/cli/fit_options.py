"""The options of ``fit``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_WHAT, _HOW, _PIVOT = "What is fitted", "How", "No surface, but rows"

ApertureOption = Annotated[
    int | None,
    typer.Option("--aperture", help="Radius, px; default: measure.aperture.", rich_help_panel=_WHAT),
]
UntilOption = Annotated[
    str | None, typer.Option("--until", help="Last date, 2016-12-31 or MJD.", rich_help_panel=_WHAT)
]
TimeOption = Annotated[
    str, typer.Option("--time", help="auto (cross-validation), linear or quadratic.", rich_help_panel=_HOW)
]
BackgroundOption = Annotated[
    int,
    typer.Option(
        "--background",
        min=0,
        max=2,
        help="Degree in the background as third variable, 1 or 2; takes all flash levels together.",
        rich_help_panel=_HOW,
    ),
]
FitEstimatorOption = Annotated[
    str,
    typer.Option(
        "--estimator",
        help="How slopes are measured: log_ratio (least biased), mean_flux, both_in_bin (2017).",
        rich_help_panel=_HOW,
    ),
]
RobustOption = Annotated[
    str, typer.Option("--robust", help="Against wild slopes: huber, tukey or none.", rich_help_panel=_HOW)
]
MinStarsOption = Annotated[
    int, typer.Option("--min-stars", min=3, help="Fewest stars of a slope.", rich_help_panel=_HOW)
]
BootstrapOption = Annotated[
    int,
    typer.Option(
        "--bootstrap",
        min=0,
        help="Check the errors by so many drawings of visits; 0 for none.",
        rich_help_panel=_HOW,
    ),
]
EpochOption = Annotated[
    str | None,
    typer.Option(
        "--epoch",
        help="One epoch alone: its quadratic in log flux, printed and not kept.",
        rich_help_panel=_PIVOT,
    ),
]
PivotOption = Annotated[
    float | None,
    typer.Option(
        "--pivot",
        help="The row where each pair's ratio is 1, its error, and the loss with the ratio held to 1 at this "
        "row (1024).",
        rich_help_panel=_PIVOT,
    ),
]
PairsOption = Annotated[
    str,
    typer.Option(
        "--pairs",
        help="With --pivot: chips, or 180 for the losses of each chip alone.",
        rich_help_panel=_PIVOT,
    ),
]
NameOption = Annotated[
    str | None, typer.Option("--name", help="Name of the set; default: made of what is fitted.")
]
FitOutputOption = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        help="Write the set here instead of the lake's coefficients/; with --epoch and --pivot: the rows.",
    ),
]
ReplaceOption = Annotated[bool, typer.Option("--replace", help="Overwrite a set of the same name.")]
