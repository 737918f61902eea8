"""The shapes of stars: growth curves along the rows, and one number for the sharpness of an exposure."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from cte_lake.model.tables import column, has, numbers
from cte_lake.plots.axes import limits, reference, time_axis
from cte_lake.plots.series import KEYS, bins_of, draw_points, in_bin, split
from cte_lake.plots.style import finish, panels, styled, y_label
from cte_lake.wording import bin_text, count_text, sentence, year_of


@styled
def growth_plot(table: Any, title: str = "", caption: str = "") -> Figure:
    """Draw the light inside a radius over that inside 10 px along the rows, one panel a radius.

    Parameters
    ----------
    table : table or mapping
        Rows of the view ``growth``: aperture (px), chip, row_lo, row_hi (px), growth, growth_err, n and any
        of target, filter, length, flash, filetype, imagename; places with the same rows are drawn beside each
        other.
    title, caption
        As of `cte_lake.plots.style.styled`.
    """
    apertures = sorted(set(numbers(table, "aperture").tolist()))
    count = max(len(apertures), 1)
    figure, axes = panels(count, 1, height=0.9 + 1.9 * count, sharex=True)
    parts = split(table, KEYS, but=("aperture",))
    value, error = numbers(table, "growth"), numbers(table, "growth_err")
    middle = 0.5 * (numbers(table, "row_lo") + numbers(table, "row_hi"))
    if has(table, ("column_lo",)):
        middle = middle + 40.0 * (numbers(table, "column_lo") / 1024.0 - 1.5)
    for one, aperture in zip(axes[:, 0], apertures, strict=False):
        here = (numbers(table, "aperture") == aperture) & np.isfinite(value)
        for series in parts.series:
            chosen = here & series.index
            draw_points(one, middle[chosen], value[chosen], error[chosen], series, size=0.8)
        one.set_ylim(*limits(value[here], error[here], smallest=0.01))
        one.set_title(f"Inside {aperture:g} px")
    axes[-1, 0].set_xlabel("Row on the chip (px)")
    y_label(figure, "Light inside the radius / inside 10 px (1)")
    stars = _stars(table, numbers(table, "aperture") == apertures[0] if apertures else None)
    summary = f"{sentence([parts.shared, stars])}; bars: 1 sigma of the median. {caption}".strip()
    return finish(figure, title or "Growth curves", summary, axes[0, 0])


@styled
def focus_plot(table: Any, title: str = "", caption: str = "") -> Figure:
    """Draw the sharpness of exposures against time.

    Parameters
    ----------
    table : table or mapping
        Rows of the view ``focus``: mjd, chip, focus, focus_err, n and any of target, filter, length,
        filetype.
    title, caption
        As of `cte_lake.plots.style.styled`.
    """
    figure, axes = panels(1, 1, height=3.6)
    parts = split(table, ("target", "filter", "length", "filetype", "chip"))
    value, error, year = numbers(table, "focus"), numbers(table, "focus_err"), year_of(numbers(table, "mjd"))
    one = axes[0, 0]
    for series in parts.series:
        chosen = series.index & np.isfinite(value)
        draw_points(one, year[chosen], value[chosen], error[chosen], series)
    one.set_ylim(*limits(value, error, smallest=0.02))
    time_axis(axes[:, 0], numbers(table, "mjd"))
    y_label(figure, "Light inside 2 px / inside 10 px (1)")
    exposures = count_text(len(value), "exposure")
    summary = f"{sentence([parts.shared, exposures, _stars(table)])}; larger is sharper. {caption}".strip()
    return finish(figure, title or "Focus", summary, one)


def _stars(table: Any, chosen: Any = None) -> str:
    n = numbers(table, "n") if chosen is None else numbers(table, "n")[chosen]
    return count_text(float(np.nansum(n)), "bright star")


_AGAINST = {"bright": "against the pair's brightest stars", "flc": "FLT less FLC of the same stars"}


@styled
def shift_plot(table: Any, title: str = "", caption: str = "") -> Figure:
    """Draw the displacement of stars against time, one panel a flux bin.

    Parameters
    ----------
    table : table or mapping
        Rows of the view ``displacement``: against, mjd, bin_lo, bin_hi (electrons), displacement and
        displacement_err (px per 2048 rows), n and any of target, filter, length, flash, filetype, chip.
    title, caption
        As of `cte_lake.plots.style.styled`.
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
