"""Figures of what stars look like: how far trails move them, growth curves, focus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cte_lake.report.figures.request import Drawing, Request, bins_in, chosen_bins, rows_of

if TYPE_CHECKING:
    from cte_lake.api import Lake

#: Radii of the figure of growth curves, px.
_RADII = (2, 3, 5, 7)


def displacement(lake: Lake, asked: Request) -> Drawing:
    """How far stars are moved, against time."""
    from cte_lake.plots.shapes import shift_plot

    asked = asked.defaulting(lake, length=("l",), flash=(0,))
    chosen, parameters = asked.where("against = 'bright'", "pairing = 'chips'")
    query = f"SELECT * FROM displacement WHERE {chosen} ORDER BY mjd, pair_id, bin_lo"
    rows = rows_of(lake, query, asked, **parameters)
    rows = chosen_bins(rows, asked, bins_in(rows))
    return Drawing(shift_plot(rows), {"displacement": rows}, (f"shown: {asked}",))


def growth(lake: Lake, asked: Request) -> Drawing:
    """Light inside a radius over that inside 10 px along the rows, of one exposure."""
    from cte_lake.plots.shapes import growth_plot

    chosen, parameters = asked.of_exposures().where()
    image = asked.image or _newest(lake, asked)
    query = (
        f"SELECT * FROM growth WHERE imagename = $image AND aperture IN {_RADII} AND n > 2 AND {chosen} "
        "ORDER BY aperture, row_lo, column_lo"
    )
    rows = rows_of(lake, query, asked, image=image, **parameters)
    return Drawing(growth_plot(rows, caption=f"{image}."), {"growth": rows}, (f"shown: {image}",))


def _newest(lake: Lake, asked: Request) -> str:
    chosen, parameters = asked.of_exposures().where()
    query = f"SELECT imagename FROM focus WHERE {chosen} ORDER BY mjd DESC, imagename LIMIT 1"
    return str(rows_of(lake, query, asked, **parameters)["imagename"][0].as_py())


def focus(lake: Lake, asked: Request) -> Drawing:
    """The sharpness of exposures against time."""
    from cte_lake.plots.shapes import focus_plot

    asked = asked.defaulting(lake, filetype=("flc",)).of_exposures()
    chosen, parameters = asked.where()
    rows = rows_of(lake, f"SELECT * FROM focus WHERE {chosen} ORDER BY mjd, imagename", asked, **parameters)
    return Drawing(focus_plot(rows), {"focus": rows}, (f"shown: {asked}",))
