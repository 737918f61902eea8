"""The command ``plot``."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cte_lake.cli.app import RESULTS, app
from cte_lake.cli.options import (
    EstimatorOption,
    LakeOption,
    LossesOptions,
    ModeOption,
    SetOption,
    UnitOption,
    known_estimator,
    settings_of,
)
from cte_lake.cli.plot_options import (
    BinOption,
    CoefficientsOption,
    DataOption,
    FigureOption,
    ImageOption,
    KindsArgument,
    PairOption,
    PaperOption,
    RadiiOption,
    ShowOption,
    StarOption,
    WithLakeOption,
    WithModeOption,
    coefficient_sets,
    flux_bin,
    names_of_both,
)
from cte_lake.cli.plot_options import paper as known_paper
from cte_lake.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from cte_lake.api import Lake
    from cte_lake.plots.style import Paper
    from cte_lake.report.figures import Drawing, Request


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
    from cte_lake.plots.style import drawn_for
    from cte_lake.report.figures import Request, draw

    radii, for_paper, loss_in = tuple(dict.fromkeys(radius or ())), known_paper(paper), loss_unit(unit)
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
        coefficients=coefficient_sets(coefficients, root),
        names=names_of_both(root, mode or settings.config.photometry.mode, with_lake, with_mode),
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
    typer.echo(str(drawn), err=True)
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
        typer.echo(line, err=True)
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
