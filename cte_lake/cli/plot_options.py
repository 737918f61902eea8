"""The options of ``plot``, and what is made of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cte_lake.cli import complete
from cte_lake.cli.options import panel, selecting
from cte_lake.errors import UsageError

if TYPE_CHECKING:
    from cte_lake.lake.stored import StoredLake
    from cte_lake.model.coefficients import CoefficientSet
    from cte_lake.plots.style import Paper

_how, _out = panel("How it is measured"), panel("Output")
KindsArgument = Annotated[
    list[str],
    typer.Argument(
        help=f"{', '.join(complete.KINDS)}; several, or all, make a dated folder.",
        metavar="KIND...",
        autocompletion=complete.of(*complete.KINDS, "all"),
    ),
]
RadiiOption = Annotated[
    list[int] | None,
    _how(
        "--radius",
        "Aperture radius, px; default: measure.aperture; repeatable, which makes a dated folder.",
        show_default=False,
    ),
]
BinOption = Annotated[list[str] | None, selecting("--bin", "Flux bin LOW-HIGH, e-; repeatable.")]
PairOption = Annotated[int | None, selecting("--pair", "Pair, by its number (ratio-y, field).")]
StarOption = Annotated[int | None, selecting("--star", "Star, by its master_id (star).")]
ImageOption = Annotated[str, selecting("--image", "Image, by its name (field).")]
CoefficientsOption = Annotated[
    list[str] | None,
    _how(
        "--coefficients",
        "Coefficient set to draw, by name or path, or none; repeatable; default: all of the lake.",
        autocompletion=complete.coefficient_sets,
    ),
]
WithLakeOption = Annotated[str | None, _how("--with", "Lake to compare with (compare).", metavar="LAKE")]
WithModeOption = Annotated[str | None, _how("--with-mode", "Mode to compare with (compare).")]
FigureOption = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        help="PNG, PDF or SVG file; default: KIND.png. For several figures: where the dated folder goes; "
        "default: reports/plots in the lake.",
        rich_help_panel="Output",
    ),
]
PaperOption = Annotated[
    str,
    _out(
        "--paper",
        (
            "screen; or page (6.5 inch) or column (3.4 inch) for print: true size, no title, the caption in "
            "a text file beside it."
        ),
        autocompletion=complete.of("screen", "page", "column"),
    ),
]
DataOption = Annotated[
    Path | None, _out("--data", "Write the plotted numbers: .csv, .ecsv, .json or .parquet.")
]
ShowOption = Annotated[bool, _out("--show", "Open a window, if there is a screen.")]


def paper(name: str) -> Paper:
    """Return the paper of a name.

    Raises
    ------
    UsageError
        If there is none.
    """
    from cte_lake.plots.style import PAPERS

    if name.strip().lower() not in PAPERS:
        raise UsageError(f"--paper {name!r} is not known; it is {', '.join(PAPERS)}")
    return PAPERS[name.strip().lower()]


def flux_bin(text: str) -> tuple[float, float]:
    """Read a flux bin, ``LOW-HIGH`` in electrons.

    Raises
    ------
    UsageError
        If it is none.
    """
    low, _, high = text.partition("-")
    try:
        limits = (float(low), float(high))
    except ValueError:
        limits = (0.0, 0.0)
    if not 0 <= limits[0] < limits[1]:
        raise UsageError(f"{text!r} is no range of fluxes: give LOW-HIGH in electrons, such as 500-2000")
    return limits


def coefficient_sets(names: list[str] | None, root: StoredLake) -> tuple[CoefficientSet, ...]:
    """Read the named sets; all of the lake's if none is named, and none for the name ``none``."""
    from cte_lake.config import load_settings
    from cte_lake.correction.coefficient_files import find_coefficients
    from cte_lake.correction.renewal import all_sets

    if names is None:
        sets, problems = all_sets(root, load_settings(root))
        for problem in problems:
            typer.echo(f"left out: {problem}", err=True)
        return sets
    return tuple(find_coefficients(name, root) for name in names if name != "none")


def names_of_both(root: StoredLake, first: str, other: str | None, second: str | None) -> tuple[str, str]:
    """What two compared measurements are called: their modes, and their lakes where these differ."""
    from cte_lake.lake.stored import stored

    if other is None:
        return first, second or first
    return f"{root.name} {first}", f"{stored(other).name} {second or first}"
