"""CTE loss against post-flash level, one panel a flux bin."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from cte_lake.model.tables import column, has, numbers
from cte_lake.plots.axes import limits, reference
from cte_lake.plots.series import Series, basis, bins_of, draw_points, epoch_years, in_bin, losses, split
from cte_lake.plots.style import MOST_IN_LEGEND, date_bar, finish, marker, panels, sequence, styled, y_label
from cte_lake.plots.words import ELECTRONS, LOSS_LABEL, bin_text, sentence, word


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
    if len(years := sorted(set(epoch_years(table).tolist()))) > MOST_IN_LEGEND:
        date_bar(figure, axes[:, 0], years)
    summary = sentence([shared, basis(table), "bars: 1 sigma"])
    return finish(
        figure, title or "CTE loss against post-flash level", f"{summary}. {caption}".strip(), axes[0, 0]
    )


def _series(table: Any) -> list[Series]:
    """Epochs by colour, FLT and FLC by filled and open markers; more keys where they vary."""
    names = [key for key in ("target", "filter", "length") if has(table, (key,))]
    varying = [key for key in names if len(set(column(table, key).tolist())) > 1]
    year = epoch_years(table)
    years = sorted(set(year.tolist()))
    shades = dict(zip(years, sequence(len(years)), strict=True))
    columns = [year.tolist(), *(column(table, key).tolist() for key in varying)]
    filetype = column(table, "filetype") if has(table, ("filetype",)) else np.full(year.size, "flt")
    both = len(set(filetype.tolist())) > 1
    rows = list(zip(*columns, strict=True))
    result = []
    for number, row in enumerate(sorted(set(rows))):
        is_row = np.array([other == row for other in rows], dtype=bool)
        for kind in sorted(set(filetype[is_row].tolist()), reverse=True):
            words = [word(key, value) for key, value in zip(varying, row[1:], strict=True)]
            label = sentence([f"{row[0]:.2f}", *words, kind.upper() if both else ""])
            if len(years) > MOST_IN_LEGEND:
                # The colour bar shows the epochs; one of each file type stands for the rest.
                label = kind.upper() if both and number == 0 else "_"
            index = is_row & (filetype == kind)
            result.append(Series(label, index, shades[row[0]], marker(number), kind != "flc"))
    return result
