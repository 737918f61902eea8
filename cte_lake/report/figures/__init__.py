"""From a lake to a figure: for each kind, which rows it takes and which plot function draws them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from cte_lake.correction.cautions import cautions
from cte_lake.errors import UsageError
from cte_lake.names import suggestion
from cte_lake.report.figures import losses, model, stars
from cte_lake.report.figures.request import Drawing, Request

if TYPE_CHECKING:
    from cte_lake.api import Lake

#: Kinds of figures: what each shows, in a line, and what makes it.
KINDS: dict[str, tuple[str, Callable[[Lake, Request], Drawing]]] = {
    "ratio-y": ("flux ratios of a pair against row, with the fitted lines", stars.ratio_y),
    "cte-time": ("loss against time", losses.cte_time),
    "cte-flux": ("loss against flux, by epoch, with the model", losses.cte_flux),
    "cte-flash": ("loss against post-flash level", losses.cte_flash),
    "cte-180": ("loss against exposure time per chip, of the 180-degree set", losses.cte_180),
    "cte-180-overlay": ("the 180-degree set over the nominal data, against flux", losses.cte_180_overlay),
    "chips": ("loss of each chip by itself against time, as `cte-lake chips` kept it", losses.chips),
    "model-vs-data": ("losses before and after correction over time", model.model_vs_data),
    "flux-background": ("flux kept by far stars (y > 1750) against background", stars.flux_background),
    "recovery": ("stars of the FLC that the FLT still shows", stars.recovery),
    "displacement": ("how far trails move stars from the amplifiers, against time", stars.displacement),
    "growth": ("light inside a radius over that inside 10 px, along the rows of a frame", stars.growth),
    "focus": ("sharpness of exposures against time", stars.focus),
    "compare": ("the same pairs in two photometry modes or lakes", losses.compare),
    "star": ("all measurements of one master star", stars.star),
    "field": ("a frame with its matched stars", stars.field),
    "overview": ("which visit, flash level and filter is in the lake", losses.overview),
}


#: Kinds that show losses of pairs: of one calibration generation, without charge injection.
OF_LOSSES = frozenset(KINDS) - {
    "ratio-y", "recovery", "growth", "focus", "star", "field", "overview", "chips"
}  # fmt: skip


def require_kind(kind: str) -> None:
    """Make sure that there is a kind of figures.

    Raises
    ------
    UsageError
        If there is none of this name; the message suggests the nearest.
    """
    if kind not in KINDS:
        hint = suggestion(kind, KINDS) or ";"
        raise UsageError(f"no figure is called {kind!r}{hint} there are {', '.join(KINDS)}")


def draw(kind: str, lake: Lake, asked: Request) -> Drawing:
    """Draw a figure from a lake.

    Raises
    ------
    UsageError
        If there is no such kind, or an option that it needs is missing.
    NothingToDo
        If the lake has nothing to draw, or no target or filter of a name.
    """
    require_kind(kind)
    selection = lake.select(asked.selection)
    if kind not in OF_LOSSES:
        return KINDS[kind][1](lake, replace(asked, selection=selection))
    selection = selection.of_losses()
    drawing = KINDS[kind][1](lake, replace(asked, selection=selection))
    left = cautions(lake, selection)
    return replace(drawing, said=(*drawing.said, *left))


__all__ = ["KINDS", "OF_LOSSES", "Drawing", "Request", "draw", "require_kind"]
