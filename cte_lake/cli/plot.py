"""The command ``plot``."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cte_lake.cli import complete
from cte_lake.cli.app import RESULTS, app, say
from cte_lake.cli.options import (
    EstimatorOption,
    LakeOption,
    LossesOptions,
    ModeOption,
    SetOption,
    UnitOption,
    flux_bin,
    known_estimator,
    panel,
    selecting,
    settings_of,
)
from cte_lake.errors import UsageError
from cte_lake.names import one_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from cte_lake.api import Lake
    from cte_lake.lake.stored import StoredLake
    from cte_lake.model.coefficients import CoefficientSet
    from cte_lake.plots.style import Paper
    from cte_lake.report.figures import Drawing, Request

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


@app.command(rich_help_panel=RESULTS)
def plot(
    kind: KindsArgument,
    lake: LakeOption = None,
    *,
    exposures: LossesOptions,
    bins: BinOption = None,
    pair: PairOption = None,
    star: StarOption = None,
    image: ImageOption = "",
    mode: ModeOption = None,
    radius: RadiiOption = None,
    estimator: EstimatorOption = None,
    unit: UnitOption = "percent",
    coefficients: CoefficientsOption = None,
    with_lake: WithLakeOption = None,
    with_mode: WithModeOption = None,
    output: FigureOption = None,
    paper: PaperOption = "screen",
    data: DataOption = None,
    show: ShowOption = False,
    assignments: SetOption = None,
) -> None:
    """Draw a figure from the lake, or a dated folder of them.

    Options left out take the figure's own defaults (cte-time: FLT exposures without flash), which are printed
    on standard error. Prints the names of the files written. Several kinds or radii, and all, are drawn for
    every flash level, file type and target, into a folder sorted by them; `latest` points at the newest.

    [bold]Examples[/bold]

      cte-lake plot cte-time --target ngc104 --target ngc6791 -o cte-time.pdf

      cte-lake plot ratio-y --proposal 14378 --visit 02 --flash 12 --data ratios.csv

      cte-lake plot compare --with-mode iraf -o modes.png

      cte-lake plot all --radius 3 --radius 5 --paper page
    """
    from cte_lake import open_lake
    from cte_lake.lake.stored import find_lake
    from cte_lake.model.loss_unit import loss_unit
    from cte_lake.plots.style import PAPERS, drawn_for
    from cte_lake.report.figures import Request, draw

    radii, loss_in = tuple(dict.fromkeys(radius or ())), loss_unit(unit)
    for_paper = PAPERS[one_of("--paper", paper, tuple(PAPERS))]
    several = len(kind) > 1 or len(radii) > 1 or "all" in kind
    path = output or Path(f"{kind[0]}.png")
    _check(kind, several, path, data, show, output)
    root = find_lake(lake)
    settings = settings_of(root, assignments)
    measure = settings.config.measure
    asked = Request(
        selection=exposures.selection(),
        aperture=radii[0] if radii else measure.aperture,
        estimator=measure.estimator if estimator is None else known_estimator(estimator),
        bins=tuple(flux_bin(text) for text in bins or ()),
        time_bins=tuple(measure.time_bins),
        pair=pair,
        star=star,
        image=image,
        coefficients=_coefficient_sets(coefficients, root),
        names=_names_of_both(root, mode or settings.config.photometry.mode, with_lake, with_mode),
        unit=loss_in,
    )
    with ExitStack() as stack:
        opened = stack.enter_context(open_lake(root, mode=mode, settings=settings))
        if several:
            _draw_set(opened, asked, kind, radii, output, for_paper)
            return
        if kind[0] == "compare" and (with_lake is not None or with_mode is not None):
            other = stack.enter_context(open_lake(with_lake or root, mode=with_mode or mode))
            asked = asked.beside(other)
        with drawn_for(for_paper):
            drawing = draw(kind[0], opened, asked)
    _hand_over(drawing, None if show and output is None else path, data, for_paper.bare)
    if show:
        _show(drawing.figure)


def _check(
    kinds: list[str], several: bool, path: Path, data: Path | None, show: bool, output: Path | None
) -> None:
    """Refuse what cannot be drawn or written before anything is measured."""
    from cte_lake.report.figures import require_kind
    from cte_lake.report.figures.collection import checked_kinds

    if not several:
        require_kind(kinds[0])
        _check_outputs(path, data)
        return
    checked_kinds(kinds)
    if data is not None or show:
        raise UsageError("--data and --show are for one figure; name one kind and one radius")
    if output is not None and output.suffix.lower() in {".png", ".pdf", ".svg"}:
        raise UsageError(f"{output}: several figures go into a folder; name one, or leave -o out")


def _draw_set(
    lake: Lake, asked: Request, kinds: list[str], radii: tuple[int, ...], output: Path | None, paper: Paper
) -> None:
    """Draw a dated folder of figures, print its name."""
    from cte_lake.lake.place import place_of
    from cte_lake.report.figures.collection import PLOTS, draw_set

    folder = lake.stored / PLOTS if output is None else place_of(output)
    drawn = draw_set(lake, asked, folder, kinds, radii, paper)
    say(str(drawn))
    typer.echo(str(drawn.folder))


def _check_outputs(path: Path, data: Path | None) -> None:
    """Refuse names that cannot be written before anything is measured."""
    from cte_lake.report.figures.files import check_data_path, check_figure_path

    check_figure_path(path)
    if data is not None:
        check_data_path(data)


def _hand_over(drawing: Drawing, path: Path | None, data: Path | None, bare: bool) -> None:
    """Say what was chosen, write the files, print their names."""
    from cte_lake.plots.style import save
    from cte_lake.report.figures.files import write_caption, write_data

    for line in drawing.said:
        say(line)
    if path is not None:
        save(drawing.figure, path)
        typer.echo(str(path))
        if bare:
            typer.echo(str(write_caption(drawing.figure, path)))
    if data is not None:
        for written in write_data(drawing.tables, data):
            typer.echo(str(written))


def _show(figure: Figure) -> None:
    from typing import Any

    from matplotlib import pyplot
    from matplotlib.backends.registry import BackendFilter, backend_registry

    windows: Any = pyplot
    known: Any = backend_registry
    interactive = {name.lower() for name in known.list_builtin(BackendFilter.INTERACTIVE)}
    if windows.get_backend().lower() not in interactive:
        raise UsageError("there is no screen to show the figure on; write it with -o FILE")
    # pyplot owns the windows; the figure is handed to it only here.
    manager = windows.new_figure_manager(1)
    manager.canvas.figure = figure
    figure.set_canvas(manager.canvas)
    windows.show()


def _coefficient_sets(names: list[str] | None, root: StoredLake) -> tuple[CoefficientSet, ...]:
    """Read the named sets; all of the lake's if none is named, and none for the name ``none``."""
    from cte_lake.config import load_settings
    from cte_lake.correction.coefficient_files import find_coefficients
    from cte_lake.correction.renewal import all_sets

    if names is None:
        sets, problems = all_sets(root, load_settings(root))
        for problem in problems:
            say(f"left out: {problem}")
        return sets
    return tuple(find_coefficients(name, root) for name in names if name != "none")


def _names_of_both(root: StoredLake, first: str, other: str | None, second: str | None) -> tuple[str, str]:
    """What two compared measurements are called: their modes, and their lakes where these differ."""
    from cte_lake.lake.stored import stored

    if other is None:
        return first, second or first
    return f"{root.name} {first}", f"{stored(other).name} {second or first}"
