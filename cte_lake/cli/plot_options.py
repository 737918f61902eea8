"""The options of ``plot``, and what is made of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cte_lake.cli import complete
from cte_lake.cli.options import SELECT
from cte_lake.errors import UsageError

if TYPE_CHECKING:
    from cte_lake.lake.stored import StoredLake
    from cte_lake.model.coefficients import CoefficientSet
    from cte_lake.plots.style import Paper

_HOW, _OUT = "How it is measured", "Output"
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
    typer.Option(
        "--radius",
        help="Aperture radius, px; default: measure.aperture; repeatable, which makes a dated folder.",
        show_default=False,
        rich_help_panel=_HOW,
    ),
]
BinOption = Annotated[
    list[str] | None,
    typer.Option("--bin", help="Flux bin LOW-HIGH, e-; repeatable.", rich_help_panel=SELECT),
]
PairOption = Annotated[
    int | None,
    typer.Option("--pair", help="Pair, by its number (ratio-y, field).", rich_help_panel=SELECT),
]
StarOption = Annotated[
    int | None, typer.Option("--star", help="Star, by its master_id (star).", rich_help_panel=SELECT)
]
ImageOption = Annotated[
    str, typer.Option("--image", help="Image, by its name (field).", rich_help_panel=SELECT)
]
CoefficientsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--coefficients",
        help="Coefficient set to draw, by name or path, or none; repeatable; default: all of the lake.",
        autocompletion=complete.coefficient_sets,
        rich_help_panel=_HOW,
    ),
]
WithLakeOption = Annotated[
    str | None,
    typer.Option(
        "--with",
        help="Lake to compare with (compare).",
        metavar="LAKE",
        rich_help_panel=_HOW,
    ),
]
WithModeOption = Annotated[
    str | None, typer.Option("--with-mode", help="Mode to compare with (compare).", rich_help_panel=_HOW)
]
FigureOption = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        help="PNG, PDF or SVG file; default: KIND.png. For several figures: where the dated folder goes; "
        "default: reports/plots in the lake.",
        rich_help_panel=_OUT,
    ),
]
PaperOption = Annotated[
    str,
    typer.Option(
        "--paper",
        help="screen; or page (6.5 inch) or column (3.4 inch) for print: true size, no title, the caption in "
        "a text file beside it.",
        autocompletion=complete.of("screen", "page", "column"),
        rich_help_panel=_OUT,
    ),
]
DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data", help="Write the plotted numbers: .csv, .ecsv, .json or .parquet.", rich_help_panel=_OUT
    ),
]
ShowOption = Annotated[
    bool, typer.Option("--show", help="Open a window, if there is a screen.", rich_help_panel=_OUT)
]


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
        raise UsageError(f"--bin {text!r} must be LOW-HIGH in electrons, for example 500-2000")
    return limits


def coefficient_sets(names: list[str] | None, root: StoredLake) -> tuple[CoefficientSet, ...]:
    """Read the named sets; all of the lake's if none is named, and none for the name ``none``."""
    from cte_lake.config import load_settings
    from cte_lake.correction.coefficient_files import find_coefficients
    from cte_lake.correction.renewal import all_sets

    if names is None:
        return all_sets(root, load_settings(root))
    return tuple(find_coefficients(name, root) for name in names if name != "none")


def names_of_both(root: StoredLake, first: str, other: str | None, second: str | None) -> tuple[str, str]:
    """What two compared measurements are called: their modes, and their lakes where these differ."""
    from cte_lake.lake.stored import stored

    if other is None:
        return first, second or first
    return f"{root.name} {first}", f"{stored(other).name} {second or first}"
