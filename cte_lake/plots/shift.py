"""How far charge that is released late moves stars, against time."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from cte_lake.model.tables import column, has, numbers
from cte_lake.plots.axes import limits, reference, time_axis
from cte_lake.plots.series import KEYS, bins_of, draw_points, in_bin, split
from cte_lake.plots.style import finish, panels, styled, y_label
from cte_lake.plots.words import bin_text, count_text, sentence, year_of

_AGAINST = {"bright": "against the pair's brightest stars", "flc": "FLT less FLC of the same stars"}


@styled
def shift_plot(table: Any, title: str = "", caption: str = "") -> Figure:
    """Draw the displacement of stars against time, one panel a flux bin.

    Parameters
    ----------
    table : table or mapping
        Rows of the view ``displacement``: against, mjd, bin_lo, bin_hi (electrons), displacement and
        displacement_err (px per 2048 rows), n and any of target, filter, length, flash, filetype, chip.
    title, caption : str, optional
        Title; what else a reader must know.

    Returns
    -------
    Figure
    """
    bins = bins_of(table)
    count = max(len(bins), 1)
    figure, axes = panels(count, 1, height=0.9 + 1.7 * count, sharex=True)
    kinds = sorted(set(column(table, "against").tolist()))
    # Pairs of chips have no chip: beside those of one chip they would be in no series.
    mixed = has(table, ("chip",)) and np.isnan(numbers(table, "chip")).any()
    parts = split(table, (*KEYS, "against") if len(kinds) > 1 else KEYS, but=("chip",) if mixed else ())
    value, error, year = (
        numbers(table, "displacement"), numbers(table, "displacement_err"), year_of(numbers(table, "mjd"))
    )  # fmt: skip
    for one, flux_bin in zip(axes[:, 0], bins, strict=False):
        here = in_bin(table, flux_bin) & np.isfinite(value)
        for series in parts.series:
            chosen = here & series.index
            draw_points(one, year[chosen], value[chosen], error[chosen], series)
        reference(one, 0.0)
        one.set_ylim(*limits(value[here], error[here], include=(0.0,), smallest=0.02))
        stars = count_text(float(np.nansum(numbers(table, "n")[here])), "star")
        one.set_title(sentence([bin_text(*flux_bin), stars]))
    time_axis(axes[:, 0], numbers(table, "mjd"))
    y_label(figure, "Shift away from the amplifiers (px per 2048 rows)")
    summary = (
        f"{sentence([parts.shared, *(_AGAINST[kind] for kind in kinds)])}; bars: 1 sigma. {caption}".strip()
    )
    return finish(figure, title or "Shift of the stars", summary, axes[0, 0])
