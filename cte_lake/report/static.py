"""The printed figures of the report, from rows that are gathered already where that is possible."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from cte_lake.errors import NothingToDo
from cte_lake.report.frames import take_over
from cte_lake.report.gather import Gathered

if TYPE_CHECKING:
    from cte_lake.api import Lake
    from cte_lake.report.figures.request import Drawing, Request

Cells = dict[str, Any]


@dataclass(frozen=True)
class Printed:
    """A kind of figure in the report.

    Attributes
    ----------
    name, title : str
        Kind and heading.
    draw : callable
        Makes the drawing.
    options : str
        What the command needs to draw the same, besides what all need.
    """

    name: str
    title: str
    draw: Callable[[], Drawing]
    options: str = ""


def printed_figures(lake: Lake, gathered: Gathered, asked: Request) -> list[Printed]:
    """The figures of the report in the order of the page."""
    from cte_lake.report.figures import losses, stars

    pairs = _table(gathered, "chips")
    rolled = _table(gathered, "180")
    flash = None if pairs is None else _with_flash(pairs, gathered)
    found = [
        Printed("overview", "What is in the lake", lambda: losses.overview(lake, asked)),
        Printed("recovery", "Stars recovered", lambda: stars.recovery(lake, asked)),
    ]
    if pairs is not None:
        found.append(Printed("cte-time", "Loss against time", lambda: losses.time_drawing(pairs, asked)))
        found.append(Printed("cte-flux", "Loss against flux", lambda: losses.flux_drawing(pairs, asked)))
    if flash is not None and flash.num_rows:
        found.append(Printed("cte-flash", "Loss against flash", lambda: losses.flash_drawing(flash, asked)))
    if rolled is not None:
        found.append(Printed("cte-180", "The 180-degree set", lambda: losses.rolled_drawing(rolled, asked)))
    if rolled is not None and pairs is not None:
        title = "The 180-degree set over the nominal data"
        found.append(Printed("cte-180-overlay", title, lambda: losses.overlay_drawing(rolled, pairs, asked)))
    # Reading the stars of all pairs would take as long as a quarter of the report.
    plain = replace(asked, selection=replace(asked.selection, flash=(0,), filetype=("flt",)))
    moved = Printed(
        "displacement",
        "How far trails move stars",
        lambda: stars.displacement(lake, plain),
        " --flash 0 --filetype flt",
    )
    return [
        *found,
        Printed("chips", "Loss of each chip by itself", lambda: losses.chips(lake, asked)),
        moved,
        Printed("focus", "Sharpness of the exposures", lambda: stars.focus(lake, asked)),
        Printed("growth", "Stars along the rows of the newest exposure", lambda: stars.growth(lake, asked)),
    ]


def _table(gathered: Gathered, pairing: str) -> pa.Table | None:
    rows = [row for row in gathered.compared if row["pairing"] == pairing and row["cte_loss"] is not None]
    return pa.Table.from_pylist(rows) if rows else None


def _with_flash(table: pa.Table, gathered: Gathered) -> pa.Table:
    return table.filter([pair in gathered.flash_pairs for pair in table["pair_id"].to_pylist()])


def figures_of_last(last: Mapping[str, Any] | None, state: str, before: Path, work: Path) -> list[Cells]:
    """Take the figures over from the last report, in the folder `before`, where they follow from the same.

    Returns
    -------
    list of dict
        As of `write_figures`; empty where a figure follows from something else, or one of its files is gone.
    """
    if last is None or last.get("figures_state") != state:
        return []
    cells = [*last["figures"].values(), *last["more_figures"], *last["quality_figures"]]
    files = [f"figures/{one['name']}.{suffix}" for one in cells for suffix in ("png", "svg")]
    files += [f"data/{one['name']}.csv" for one in cells]
    if not cells or not all((before / file).is_file() for file in files):
        return []
    (work / "figures").mkdir()
    for file in files:
        take_over(before / file, work / file)
    return cells


def write_figures(printed: list[Printed], folder: Path, options: str) -> Iterator[Cells]:
    """Write PNG, SVG and numbers of each figure; one that has nothing to show is left out."""
    from cte_lake.plots.style import save
    from cte_lake.report.figures.files import write_data

    (folder / "figures").mkdir()
    for one in printed:
        try:
            drawing = one.draw()
        except NothingToDo:
            continue
        figure = drawing.figure
        figure.set_dpi(100)
        for suffix in ("png", "svg"):
            save(figure, folder / "figures" / f"{one.name}.{suffix}")
            # Laid out it is; doing so again would take as long as drawing it.
            figure.set_layout_engine(None)
        _shrink(folder / "figures" / f"{one.name}.png")
        first = dict([next(iter(drawing.tables.items()))])
        write_data(first, folder / "data" / f"{one.name}.csv")
        width, height = figure.get_size_inches()
        yield {
            "name": one.name,
            "title": one.title,
            "width": round(width * 100),
            "height": round(height * 100),
            "alt": f"{one.title}, as cte-lake plot {one.name} draws it; the CSV file has its numbers",
            "command": f"cte-lake plot {one.name} {options}{one.options} -o {one.name}.pdf",
        }


def _shrink(path: Path) -> None:
    """Store a picture with a palette: a third of the bytes, and no difference that is seen."""
    from PIL import Image

    with Image.open(path) as picture:
        small = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    small.save(path)
