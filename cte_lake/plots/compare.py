"""Two measurements of the same pairs against each other: photometry modes or lakes."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from cte_lake.model.loss_unit import PERCENT, LossUnit
from cte_lake.model.tables import column, has, numbers
from cte_lake.plots.axes import limits, reference
from cte_lake.plots.palette import SOFT, colour, marker
from cte_lake.plots.series import Series, bins_of, draw_points, in_bin, split
from cte_lake.plots.style import finish, panels, pt, styled
from cte_lake.wording import bin_text, count_text, sentence


@styled
def compare_plot(
    table: Any, first: str, second: str, title: str = "", caption: str = "", unit: LossUnit = PERCENT
) -> Figure:
    """Draw losses of a second measurement against a first, and their differences below.

    Parameters
    ----------
    table : table or mapping
        One row a pair and flux bin in both: bin_lo, bin_hi (electrons), cte_loss_1, cte_loss_err_1,
        cte_loss_2, cte_loss_err_2 (fractions per 2048 rows).
    first, second : str
        What the two are, for the axes.
    title, caption, unit
        As of `cte_lake.plots.style.styled`.
    """
    figure, axes = panels(2, 1, height=7.4, sharex=True, height_ratios=(2.2, 1))
    (one, error_1), (two, error_2) = (
        unit.of(numbers(table, f"cte_loss_{k}"), numbers(table, f"cte_loss_err_{k}")) for k in (1, 2)
    )
    # The two rest on the same stars: the difference's error is not the quadratic sum, and is not drawn.
    for number, flux_bin in enumerate(bins_of(table)):
        here = in_bin(table, flux_bin)
        series = Series(bin_text(*flux_bin), here, colour(number), marker(number + number // 7))
        axes[0, 0].errorbar(
            one[here],
            two[here],
            xerr=error_1[here],
            fmt="none",
            ecolor=series.colour,
            elinewidth=pt(1.0),
            alpha=0.7,
        )
        draw_points(axes[0, 0], one[here], two[here], error_2[here], series)
        draw_points(axes[1, 0], one[here], (two - one)[here], np.zeros(int(here.sum())), series)
    span = limits(np.concatenate([one, two]), np.concatenate([error_1, error_2]), smallest=unit.least)
    axes[0, 0].plot(span, span, color=SOFT, linewidth=pt(1.1), linestyle=(0, (4, 3)), zorder=1.5)
    axes[0, 0].set_xlim(*span)
    axes[0, 0].set_ylim(*span)
    axes[1, 0].set_ylim(*limits(two - one, include=(0.0,), smallest=0.2 * unit.least))
    reference(axes[1, 0], 0.0)
    axes[0, 0].set_ylabel(f"CTE loss, {second} ({unit.symbol})")
    axes[1, 0].set_ylabel(f"Difference ({unit.symbol})")
    axes[1, 0].set_xlabel(f"CTE loss per {unit.rows} rows, {first} ({unit.symbol})")
    summary = sentence([split(table).shared, _basis(table, one.size), "bars: 1 sigma, dashed: equal"])
    return finish(figure, title or f"{second} against {first}", f"{summary}. {caption}".strip(), axes[0, 0])


def _basis(table: Any, slopes: int) -> str:
    """From how many pairs and stars, in words."""
    summary = count_text(slopes, "slope") + " measured in both"
    if has(table, ("pair_id",)):
        summary += f", of {count_text(len(set(column(table, 'pair_id').tolist())), 'pair')}"
    if has(table, ("n_1", "n_2")):
        stars = [float(np.nansum(numbers(table, name))) for name in ("n_1", "n_2")]
        summary += f" and {stars[0]:,.0f} and {stars[1]:,.0f} flux ratios of stars"
    return summary
