"""The 180-degree set: CTE loss against exposure time per chip, alone and over the nominal data."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from cte_lake.model.tables import column, has, numbers
from cte_lake.plots.axes import limits, reference
from cte_lake.plots.series import Series, basis, bins_of, draw_points, in_bin, losses, split
from cte_lake.plots.style import INK, colour, finish, panels, styled
from cte_lake.plots.words import LOSS_LABEL, bin_text, sentence

#: Least range of the axis of exposure times, s.
_LEAST_SPAN = 20.0
_NOMINAL = Series("", np.zeros(0, bool), "#8a939c", "D")


@styled
def rolled_plot(table: Any, nominal: Any | None = None, title: str = "", caption: str = "") -> Figure:
    """Draw the loss of each chip against exposure time.

    Parameters
    ----------
    table : table or mapping
        Losses of the 180-degree pairs: exptime (s), chip, bin_lo, bin_hi, cte_loss, cte_loss_err (fraction
        per 2048 rows, positive for a loss on both chips), n; flash, filetype, filter where there are any.
    nominal : table or mapping, optional
        The same of pairs with one exposure on either chip, drawn in grey behind.
    title, caption : str, optional
        Title; what else a reader must know.

    Returns
    -------
    Figure
    """
    bins = bins_of(table)
    columns = min(max(len(bins), 1), 3)
    rows = -(-max(len(bins), 1) // columns)
    figure, axes = panels(
        rows, columns, height=0.6 + 3.3 * rows, sharex=True, width=10.0 if columns > 2 else 8.0
    )
    tables = [table] if nominal is None else [table, nominal]
    exptime = np.concatenate([numbers(one, "exptime") for one in tables])
    span = max(float(np.ptp(exptime)), _LEAST_SPAN) if exptime.size else _LEAST_SPAN
    for one, flux_bin in zip(axes.flat, bins, strict=False):
        seen = [_draw(one, part, flux_bin, span, part is not table) for part in reversed(tables)]
        reference(one, 0.0)
        values, errors = (np.concatenate(parts) for parts in zip(*seen, strict=True))
        one.set_ylim(*limits(values, errors, include=(0.0,), smallest=1.0))
        one.set_title(bin_text(*flux_bin))
    for spare in axes.flat[len(bins) :]:
        spare.set_axis_off()
    axes[0, 0].set_xlim(*limits(exptime, smallest=_LEAST_SPAN, margin=0.2))
    for one in axes[-1]:
        one.set_xlabel("Exposure time (s)")
    for one in axes[:, 0]:
        one.set_ylabel(LOSS_LABEL)
    summary = sentence([split(table).shared, basis(table), "bars: 1 sigma", "side by side: of one time"])
    if nominal is not None:
        summary += f"; grey: {sentence([split(nominal).shared, basis(nominal)])}"
    return finish(
        figure, title or "CTE loss from the 180-degree set", f"{summary}. {caption}".strip(), axes.flat[0], 6
    )


def _draw(axes: Any, table: Any, flux_bin: tuple[float, float], span: float, behind: bool) -> tuple[Any, Any]:
    here = in_bin(table, flux_bin)
    exptime, (loss, error) = numbers(table, "exptime"), losses(table)
    for series in _nominal(table) if behind else _chips(table):
        chosen = here & series.index
        # Chips and file types of one exposure time stand side by side, not on each other.
        aside = {"o": -1.0, "s": 1.0}.get(series.marker, 0.0) + (0.0 if series.filled else 0.2)
        draw_points(axes, exptime[chosen] + 0.055 * span * aside, loss[chosen], error[chosen], series)
    return loss[here], error[here]


def _chips(table: Any) -> list[Series]:
    chip = numbers(table, "chip")
    filetype = column(table, "filetype") if has(table, ("filetype",)) else np.full(chip.size, "flt")
    both = len(set(filetype.tolist())) > 1
    looks = {1.0: (colour(0), "o"), 2.0: (colour(1), "s")}
    result = []
    for number in sorted(set(chip.tolist())):
        for kind in sorted(set(filetype.tolist()), reverse=True):
            shade, shape = looks.get(number, (INK, "^"))
            label = f"chip {number:.0f}" + (f", {kind.upper()}" if both else "")
            result.append(Series(label, (chip == number) & (filetype == kind), shade, shape, kind != "flc"))
    return result


def _nominal(table: Any) -> list[Series]:
    filetype = (
        column(table, "filetype") if has(table, ("filetype",)) else np.full(numbers(table, "n").size, "flt")
    )
    both = len(set(filetype.tolist())) > 1
    return [
        Series(
            "nominal" + (f", {kind.upper()}" if both else ""),
            filetype == kind,
            _NOMINAL.colour,
            _NOMINAL.marker,
            kind != "flc",
        )
        for kind in sorted(set(filetype.tolist()), reverse=True)
    ]
