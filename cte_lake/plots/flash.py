"""CTE loss against post-flash level, one panel a flux bin."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from cte_lake.model.tables import column, has, numbers
from cte_lake.plots.axes import limits, reference
from cte_lake.plots.series import Series, basis, bins_of, draw_points, in_bin, losses, split
from cte_lake.plots.style import finish, marker, panels, sequence, styled, y_label
from cte_lake.plots.words import ELECTRONS, LOSS_LABEL, bin_text, sentence, word, year_of


@styled
def flash_plot(table: Any, title: str = "", caption: str = "") -> Figure:
    """Draw the loss against the post-flash level, a colour an epoch; FLC with open markers.

    Parameters
    ----------
    table : table or mapping
        Rows of the view ``cte_vs_flash``: flash (electrons per pixel), epoch or mjd, bin_lo, bin_hi,
        cte_loss, cte_loss_err (fraction per 2048 rows), n and any of target, filter, length, filetype.
    title, caption : str, optional
        Title; what else a reader must know.

    Returns
    -------
    Figure
    """
    bins = bins_of(table)
    figure, axes = panels(max(len(bins), 1), 1, height=0.6 + 2.15 * max(len(bins), 1), sharex=True)
    flash = numbers(table, "flash")
    loss, error = losses(table)
    shared = split(table, but=("flash",)).shared
    for one, flux_bin in zip(axes[:, 0], bins, strict=False):
        here = in_bin(table, flux_bin)
        for series in _series(table):
            chosen = here & series.index
            order = np.argsort(flash[chosen], kind="stable")
            x, y, bar = flash[chosen][order], loss[chosen][order], error[chosen][order]
            style = "-" if series.filled else (0, (4, 2))
            one.plot(x, y, color=series.colour, linewidth=1.2, alpha=0.55, linestyle=style, zorder=2)
            draw_points(one, x, y, bar, series)
        reference(one, 0.0)
        one.set_ylim(*limits(loss[here], error[here], include=(0.0,), smallest=1.0))
        one.set_title(bin_text(*flux_bin))
    axes[0, 0].set_xlim(*limits(flash, smallest=10.0))
    axes[-1, 0].set_xlabel(f"Post-flash level ({ELECTRONS}/px)")
    y_label(figure, LOSS_LABEL)
    told = sentence([shared, basis(table), "bars: 1 sigma"])
    return finish(
        figure, title or "CTE loss against post-flash level", f"{told}. {caption}".strip(), axes[0, 0]
    )


def _series(table: Any) -> list[Series]:
    names = [key for key in ("target", "filter", "length") if has(table, (key,))]
    varying = [key for key in names if len(set(column(table, key).tolist())) > 1]
    epoch = column(table, "epoch") if has(table, ("epoch",)) else np.floor(numbers(table, "mjd"))
    rows = [
        tuple(values)
        for values in zip(epoch.tolist(), *(column(table, k).tolist() for k in varying), strict=True)
    ]
    filetype = column(table, "filetype") if has(table, ("filetype",)) else np.full(len(rows), "flt")
    distinct = sorted(set(rows))
    result = []
    for number, (row, shade) in enumerate(zip(distinct, sequence(len(distinct)), strict=True)):
        is_row = np.array([other == row for other in rows], dtype=bool)
        year = f"{float(year_of(numbers(table, 'mjd')[is_row].mean())):.2f}"
        for kind in sorted(set(filetype[is_row].tolist()), reverse=True):
            label = sentence(
                [year, *(word(k, v) for k, v in zip(varying, row[1:], strict=True))]
                + ([kind.upper()] if len(set(filetype.tolist())) > 1 else [])
            )
            result.append(Series(label, is_row & (filetype == kind), shade, marker(number), kind != "flc"))
    return result
