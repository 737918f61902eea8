"""The ratio plot of a pair's page: SVG paths for the template, small enough for hundreds of pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cte_lake.arrays import FloatArray
from cte_lake.detector import DETECTOR
from cte_lake.model.estimators import ratio_on_line
from cte_lake.model.loss_unit import PERCENT
from cte_lake.wording import bin_text, count_text, power_text

WIDTH, HEIGHT = 340, 232
LEFT, RIGHT, TOP, BOTTOM = 58, 6, 42, 40
#: Unit of the stars' paths; the template scales them by it.
DOT_UNIT = 0.2
#: The same for the template: size of a panel, and edges of the place for its stars.
SIZE = {
    "width": WIDTH, "height": HEIGHT, "unit": DOT_UNIT, "left": LEFT, "right": WIDTH - RIGHT, "top": TOP,
    "bottom": HEIGHT - BOTTOM,
}  # fmt: skip

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Panel:
    """One flux bin of a ratio plot; all strings are SVG path data or plain text.

    Attributes
    ----------
    index : int
        Number of the bin, for its colour.
    title, note, slope, clipped : str
        The bin; the loss measured in it, the slope, and how many stars were clipped.
    dots, out, line, band : str
        Paths of the stars kept, the stars clipped, the fitted line and its 1-sigma band.
    one : float
        Height of ratio 1.
    ticks : list of (float, str)
        Height and text of the marks on the y axis.
    """

    index: int
    title: str
    note: str
    slope: str
    clipped: str
    dots: str
    out: str
    line: str
    band: str
    one: float
    ticks: list[tuple[float, str]]

    @property
    def frame(self) -> str:
        """Path of the two axes."""
        return f"M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}"

    @property
    def rows(self) -> list[tuple[float, str]]:
        """Place and text of the marks on the x axis."""
        return [(round(_x(float(row)), 1), str(row)) for row in (0, DETECTOR.middle_row, DETECTOR.loss_rows)]


def ratio_panels(stars: Mapping[str, Any], bins: Sequence[Row]) -> list[Panel]:
    """Lay out the ratio plot of a pair.

    Parameters
    ----------
    stars : mapping of str to array_like
        bin_lo, bin_hi, y (px), ratio and kept (bool) of the stars to draw.
    bins : sequence of mapping
        The slopes of the pair, one row a flux bin: bin_lo, bin_hi, slope, slope_err (1/px), intercept,
        distance_mean, distance_std (px; of the stars kept), n, cte_loss, cte_loss_err, estimator.
    """
    # matplotlib comes with it, which takes as long as a report without news.
    from cte_lake.plots.axes import limits

    y, ratio = (np.asarray(stars[name], dtype=np.float64) for name in ("y", "ratio"))
    kept = np.asarray(stars["kept"], dtype=bool)
    low_bin, high_bin = (np.asarray(stars[name], dtype=np.float64) for name in ("bin_lo", "bin_hi"))
    seen = ratio[kept & np.isfinite(ratio)]
    scale = limits(np.percentile(seen, [1, 99]) if seen.size else [0.9, 1.1], include=(1.0,), smallest=0.1)
    panels = []
    for index, row in enumerate(bins):
        here = (low_bin == row["bin_lo"]) & (high_bin == row["bin_hi"]) & np.isfinite(ratio)
        panels.append(
            Panel(
                index=index,
                title=bin_text(row["bin_lo"], row["bin_hi"]),
                note=_note(row),
                slope=_slope(row),
                clipped=_clipped(row),
                # What lies beyond the axis is drawn at its edge: no star is hidden.
                dots=_dots(y[here & kept], np.clip(ratio[here & kept], *scale), scale),
                out=_dots(y[here & ~kept], np.clip(ratio[here & ~kept], *scale), scale),
                line=_line(row, scale, (0.0,)),
                band=_line(row, scale, (-1.0, 1.0)),
                one=round(float(_y(np.array(1.0), scale)), 1),
                ticks=_ticks(scale),
            )
        )
    return panels


def _note(row: Row) -> str:
    if row["cte_loss"] is None:
        return f"no slope from {count_text(row['n'] or 0, 'star')}"
    loss = PERCENT.text(row["cte_loss"], row["cte_loss_err"])
    return f"{loss} {PERCENT.symbol}, {count_text(row['n'], 'star')}"


def _slope(row: Row) -> str:
    if row["slope"] is None or row["slope_err"] is None:
        return ""
    of = "ln ratio: " if row["estimator"] == "log_ratio" else ""
    return f"{of}{power_text(row['slope'], row['slope_err'])} /px"


def _clipped(row: Row) -> str:
    return f"{left_out:,} clipped" if (left_out := (row.get("n_in_bin") or 0) - (row["n"] or 0)) > 0 else ""


def _x(row: Any) -> Any:
    return LEFT + (row + 20) / (DETECTOR.rows + 40) * (WIDTH - LEFT - RIGHT)


def _y(ratio: Any, scale: tuple[float, float]) -> Any:
    return HEIGHT - BOTTOM - (ratio - scale[0]) / (scale[1] - scale[0]) * (HEIGHT - BOTTOM - TOP)


def _dots(y: FloatArray, ratio: FloatArray, scale: tuple[float, float]) -> str:
    # A line of no length with round ends is a dot: one path holds all stars of a bin. Steps from one star to
    # the next in whole units are a third shorter than places, and hundreds of pages are made of them.
    order = np.argsort(y, kind="stable")
    places = np.stack([_x(y[order]), _y(ratio[order], scale)], axis=1)
    whole = np.round(places / DOT_UNIT).astype(int)
    steps = np.diff(whole, axis=0, prepend=np.zeros((1, 2), dtype=int))
    return "".join(f"m{across}{'' if down < 0 else ' '}{down}h0" for across, down in steps.tolist())


def _line(row: Row, scale: tuple[float, float], sides: tuple[float, ...]) -> str:
    if row["slope"] is None or row["intercept"] is None:
        return ""
    straight = sides == (0.0,) and row["estimator"] != "log_ratio"
    at = np.array([0.0, float(DETECTOR.top)]) if straight else np.linspace(0.0, DETECTOR.top, 9)
    fit = row["intercept"] + row["slope"] * at
    error = np.zeros(at.size)
    if sides != (0.0,):
        if row["slope_err"] is None or not row["distance_std"]:
            return ""
        error = row["slope_err"] * np.hypot(row["distance_std"], at - row["distance_mean"])
    edges = (ratio_on_line(row["estimator"], fit + side * error) for side in sides)
    ends = [np.clip(_y(edge, scale), TOP, HEIGHT - BOTTOM) for edge in edges]
    along, across = _x(at).tolist(), ends[0].tolist()
    if len(sides) == 2:
        along, across = along + along[::-1], across + ends[1].tolist()[::-1]
    steps = "L".join(f"{px:.1f} {py:.1f}" for px, py in zip(along, across, strict=True))
    return f"M{steps}" + ("Z" if len(sides) == 2 else "")


def _ticks(scale: tuple[float, float]) -> list[tuple[float, str]]:
    span = scale[1] - scale[0]
    step = next(s for s in (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 1e9) if span / s <= 5)
    values = np.arange(np.ceil(scale[0] / step), np.floor(scale[1] / step) + 1) * step
    return [(round(float(_y(value, scale)), 1), f"{value:.2f}") for value in values]
