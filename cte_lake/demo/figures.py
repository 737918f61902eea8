"""The demo's two figures, by the calls of `cte-lake plot`: flux ratio against row, and loss against time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cte_lake.demo.results import BINS

if TYPE_CHECKING:
    from cte_lake.api import Lake

_FILES = {"ratio-y": "ratio_vs_y.png", "cte-time": "loss_vs_time.png"}


def draw_figures(lake: Lake, folder: Path) -> tuple[Path, ...]:
    """Draw the figures of a demo's lake.

    Parameters
    ----------
    lake : Lake
        With pairs of NGC 104.
    folder : Path
        Made if it is not there.

    Returns
    -------
    tuple of Path
        ``ratio_vs_y.png``, ``loss_vs_time.png``.
    """
    from cte_lake.lake.selection import Selection
    from cte_lake.plots.style import save
    from cte_lake.report.figures import draw
    from cte_lake.report.figures.request import Request

    folder.mkdir(parents=True, exist_ok=True)
    measure = lake.settings().config.measure
    selection = Selection(target=("ngc104",), flash=(0,), filetype=("flt",))
    asked = Request(selection, measure.aperture, measure.estimator, bins=BINS)
    for kind, name in _FILES.items():
        figure = draw(kind, lake, asked).figure
        figure.text(0.995, 0.005, "simulated", ha="right", va="bottom", fontsize="small", color="gray")
        save(figure, folder / name)
    return tuple(folder / name for name in _FILES.values())
