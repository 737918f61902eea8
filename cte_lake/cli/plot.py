"""The command ``plot``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cte_lake.cli.app import RESULTS, app
from cte_lake.cli.options import (
    FiletypeOption,
    FilterOption,
    FlashOption,
    LakeOption,
    ModeOption,
    ProposalOption,
    SetOption,
    TargetOption,
    VisitOption,
    select,
    settings_of,
)
from cte_lake.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from cte_lake.model.coefficients import CoefficientSet

_WHICH, _HOW, _OUT = "Selection", "How it is measured", "Output"
_KINDS = """ratio-y, cte-time, cte-flux, cte-flash, cte-180, cte-180-overlay, model-vs-data, flux-background,
recovery, compare, star, field or overview."""


@app.command(rich_help_panel=RESULTS)
def plot(
    kind: Annotated[str, typer.Argument(help=_KINDS, metavar="KIND")],
    lake: LakeOption = None,
    proposal: ProposalOption = None,
    visit: VisitOption = None,
    target: TargetOption = None,
    flash: FlashOption = None,
    filetype: FiletypeOption = None,
    filter_: FilterOption = None,
    length: Annotated[
        str | None, typer.Option("--length", help="Only s (up to 60 s) or l.", rich_help_panel=_WHICH)
    ] = None,
    bins: Annotated[
        list[str] | None,
        typer.Option("--bin", help="Flux bin LOW-HIGH, e-; repeatable.", rich_help_panel=_WHICH),
    ] = None,
    pair: Annotated[
        int | None,
        typer.Option("--pair", help="Pair, by its number (ratio-y, field).", rich_help_panel=_WHICH),
    ] = None,
    star: Annotated[
        int | None, typer.Option("--star", help="Star, by its master_id (star).", rich_help_panel=_WHICH)
    ] = None,
    image: Annotated[
        str, typer.Option("--image", help="Image, by its name (field).", rich_help_panel=_WHICH)
    ] = "",
    mode: ModeOption = None,
    aperture: Annotated[
        int | None,
        typer.Option("--aperture", help="Radius, px; default: measure.aperture.", rich_help_panel=_HOW),
    ] = None,
    estimator: Annotated[
        str | None,
        typer.Option("--estimator", help="Default: measure.estimator.", rich_help_panel=_HOW),
    ] = None,
    coefficients: Annotated[
        list[str] | None,
        typer.Option(
            "--coefficients",
            help="Coefficient set to draw, by name or path; repeatable; default: all of the lake; none.",
            rich_help_panel=_HOW,
        ),
    ] = None,
    with_lake: Annotated[
        Path | None, typer.Option("--with", help="Lake to compare with (compare).", rich_help_panel=_HOW)
    ] = None,
    with_mode: Annotated[
        str | None, typer.Option("--with-mode", help="Mode to compare with (compare).", rich_help_panel=_HOW)
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="PNG, PDF or SVG file; default: KIND.png.", rich_help_panel=_OUT),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", help="Write the plotted numbers: .csv, .ecsv, .json or .parquet.", rich_help_panel=_OUT
        ),
    ] = None,
    show: Annotated[
        bool, typer.Option("--show", help="Open a window, where there is a screen.", rich_help_panel=_OUT)
    ] = False,
    assignments: SetOption = None,
) -> None:
    """Draw a figure from the lake.

    What is left open takes the kind's own choice (cte-time: long FLT exposures without flash), which is
    said on standard error. Prints the names of the files written.

    [bold]Examples[/bold]

      cte-lake plot cte-time --target ngc104 --target ngc6791 -o cte-time.pdf

      cte-lake plot ratio-y --proposal 14378 --visit 02 --flash 12 --data ratios.csv

      cte-lake plot compare --with-mode iraf -o modes.png
    """
    from contextlib import ExitStack

    from cte_lake import open_lake
    from cte_lake.lake.paths import find_lake
    from cte_lake.report.figures import KINDS, Request, draw
    from cte_lake.report.figures.files import check_data_path, check_figure_path, write_data

    if kind not in KINDS:
        raise UsageError(f"no figure is called {kind!r}; there are {', '.join(KINDS)}")
    if length is not None and length.lower() not in {"s", "l"}:
        raise UsageError(f"--length {length!r} is not known; it is s or l")
    path = output or Path(f"{kind}.png")
    check_figure_path(path)
    if data is not None:
        check_data_path(data)
    root = find_lake(lake)
    settings = settings_of(root, assignments)
    measure = settings.config.measure
    with ExitStack() as stack:
        opened = stack.enter_context(open_lake(root, mode=mode, settings=settings))
        other = None
        if kind == "compare" and (with_lake is not None or with_mode is not None):
            other = stack.enter_context(open_lake(with_lake or root, mode=with_mode or mode))
        first = mode or settings.config.photometry.mode
        asked = Request(
            selection=select(proposal, visit, target, flash, filetype, filter_),
            length=(length or "").lower(),
            aperture=measure.aperture if aperture is None else aperture,
            estimator=estimator or measure.estimator,
            bins=tuple(_bin(text) for text in bins or ()),
            time_bins=tuple(measure.time_bins),
            pair=pair,
            star=star,
            image=image,
            coefficients=_coefficients(coefficients, root),
            other=other,
            names=(
                (first, with_mode or first)
                if with_lake is None
                else (f"{root.name} {first}", f"{with_lake.absolute().name} {with_mode or first}")
            ),
        )
        drawing = draw(kind, opened, asked)
    for line in drawing.said:
        typer.echo(line, err=True)
    from cte_lake.plots.style import save

    if output is not None or not show:
        save(drawing.figure, path)
        typer.echo(str(path))
    if data is not None:
        for written in write_data(drawing.tables, data):
            typer.echo(str(written))
    if show:
        _show(drawing.figure)


def _bin(text: str) -> tuple[float, float]:
    low, _, high = text.partition("-")
    try:
        limits = (float(low), float(high))
    except ValueError:
        limits = (0.0, 0.0)
    if not 0 <= limits[0] < limits[1]:
        raise UsageError(f"--bin {text!r} must be LOW-HIGH in electrons, such as 500-2000")
    return limits


def _coefficients(names: list[str] | None, root: Path) -> tuple[CoefficientSet, ...]:
    from cte_lake.stages.coefficient_files import find_coefficients, read_coefficients, sets_in_lake

    if names is None:
        return tuple(read_coefficients(path) for path in sets_in_lake(root))
    return tuple(find_coefficients(name, root) for name in names if name != "none")


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
