"""The 180-degree set: its losses per chip against exposure time, and over the nominal data against flux."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cte_lake.model.loss_unit import PERCENT, LossUnit
from cte_lake.model.tables import column, numbers
from cte_lake.plots.axes import limits, log_axis, note, reference
from cte_lake.plots.palette import BEHIND, INK, colour
from cte_lake.plots.series import (
    Series,
    basis,
    bins_of,
    draw_points,
    filetype_samples,
    in_bin,
    known,
    losses,
    of_value,
    sample_of,
    split,
)
from cte_lake.plots.style import finish, panels, styled
from cte_lake.wording import ELECTRONS, bin_text, sentence, target_text, word

#: Least range of the axis of exposure times, s.
_LEAST_SPAN = 20.0
_LOOKS = {1.0: (colour(0), "o"), 2.0: (colour(1), "s")}


@styled
def rolled_plot(table: Any, title: str = "", caption: str = "", unit: LossUnit = PERCENT) -> Figure:
    """Draw the loss of each chip against exposure time.

    Parameters
    ----------
    table : table or mapping
        Losses of the 180-degree pairs: exptime (s), chip, bin_lo, bin_hi, cte_loss, cte_loss_err (fraction
        per 2048 rows, positive for a loss on both chips), n; flash, filetype, filter where there are any.
    title, caption, unit
        As of `cte_lake.plots.style.styled`.
    """
    bins = bins_of(table)
    columns = min(max(len(bins), 1), 3)
    rows = -(-max(len(bins), 1) // columns)
    figure, axes = panels(
        rows, columns, height=0.6 + 3.3 * rows, sharex=True, width=10.0 if columns > 2 else 8.0
    )
    exptime, (loss, error) = numbers(table, "exptime"), losses(table, unit)
    span = max(float(np.ptp(exptime)), _LEAST_SPAN) if exptime.size else _LEAST_SPAN
    for one, flux_bin in zip(axes.flat, bins, strict=False):
        here = in_bin(table, flux_bin)
        for series in _chips(table):
            chosen = here & series.index
            at = exptime[chosen] + 0.055 * span * _aside(series)
            draw_points(one, at, loss[chosen], error[chosen], series)
        reference(one, 0.0)
        one.set_ylim(*limits(loss[here], error[here], include=(0.0,), smallest=unit.least))
        one.set_title(bin_text(*flux_bin))
    for spare in axes.flat[len(bins) :]:
        spare.set_axis_off()
    axes[0, 0].set_xlim(*limits(exptime, smallest=_LEAST_SPAN, margin=0.2))
    for one in axes[-1]:
        one.set_xlabel("Exposure time (s)")
    for one in axes[:, 0]:
        one.set_ylabel(unit.label)
    summary = sentence([split(table, but=("chip",)).shared, basis(table), "bars: 1 sigma"])
    words = f"{summary}. Points side by side are of one exposure time. {caption}".strip()
    return finish(figure, title or "CTE loss from the 180-degree set", words, _legend(table, None))


@styled
def overlay_plot(
    table: Any, nominal: Any, title: str = "", caption: str = "", unit: LossUnit = PERCENT
) -> Figure:
    """Draw the losses of the 180-degree set over those of nominal pairs against flux, a panel a length.

    This is the figure by which ISR WFC3 2016-17 judged the method: a pair of one chip at two rolls has no
    difference of the chips in it, a nominal pair has.

    Parameters
    ----------
    table : table or mapping
        Losses of the 180-degree pairs: mean_flux (electrons), chip, cte_loss, cte_loss_err (fraction per
        2048 rows), n; length, flash, filetype, filter where there are any.
    nominal : table or mapping
        The same of pairs with one exposure on either chip; no chip. Drawn in grey behind.
    title, caption, unit
        As of `cte_lake.plots.style.styled`.
    """
    lengths = known(table, "length")
    figure, axes = panels(
        1, len(lengths), height=4.4, sharex=True, sharey=True, width=8.0 if len(lengths) == 1 else 11.0
    )
    tables = [table, nominal]
    flux = np.concatenate([numbers(one, "mean_flux") for one in tables])
    values = [losses(one, unit) for one in tables]
    loss, error = (np.concatenate(parts) for parts in zip(*values, strict=True))
    for one, length in zip(axes[0], lengths, strict=True):
        behind, before = (of_value(part, "length", length) for part in (nominal, table))
        for series in _kinds(nominal, Series("", behind, BEHIND, "D")):
            _draw_over_flux(one, nominal, series, unit)
        for series in _chips(table):
            _draw_over_flux(one, table, replace(series, index=series.index & before), unit)
        reference(one, 0.0)
        one.set_title(word("length", length) if length else "")
        one.set_xlabel(f"Mean flux ({ELECTRONS})")
        if not behind.any():
            note(one, f"no pair of {_targets(nominal)}")
    low, high = limits(np.log10(flux[flux > 0]), smallest=0.5)
    axes[0, 0].set_xlim(10**low, 10**high)
    axes[0, 0].set_ylim(*limits(loss, error, include=(0.0,), smallest=unit.least))
    for one in axes[0]:
        log_axis(one, few=len(lengths) > 1)
    axes[0, 0].set_ylabel(unit.label)
    rolled, plain = (
        sentence([split(part, but=("chip", "length")).shared, basis(part)]) for part in (table, nominal)
    )
    words = f"180-degree set: {rolled}. Grey: {plain}. Bars: 1 sigma. {caption}".strip()
    return finish(
        figure, title or "The 180-degree set over the nominal data", words, _legend(table, nominal), columns=5
    )


def _draw_over_flux(axes: Axes, table: Any, series: Series, unit: LossUnit) -> None:
    flux, (loss, error) = numbers(table, "mean_flux"), losses(table, unit)
    here = series.index
    # Chips of one flux bin stand side by side, not on each other.
    draw_points(axes, flux[here] * 10 ** (0.012 * _aside(series)), loss[here], error[here], series)


def _aside(series: Series) -> float:
    """How far a chip or file type stands from where it belongs, so that none hides another."""
    return {"o": -1.0, "s": 1.0}.get(series.marker, 0.0) + (0.0 if series.filled else 0.2)


def _legend(table: Any, nominal: Any | None) -> list[Any]:
    plain: dict[str, Series] = {}
    for series in _chips(table):
        plain.setdefault(series.name, replace(series, label=series.name, filled=True))
    entries = [sample_of(series) for series in plain.values()]
    if nominal is not None:
        label = f"{_targets(nominal)}, chip 1 / chip 2"
        entries.append(sample_of(Series(label, np.zeros(0, bool), BEHIND, "D")))
    both = (
        len({kind for part in (table, nominal) if part is not None for kind in known(part, "filetype")}) > 1
    )
    return entries + (filetype_samples() if both else [])


def _targets(table: Any) -> str:
    return ", ".join(target_text(str(target)) for target in known(table, "target")) or "nominal"


def _chips(table: Any) -> list[Series]:
    chip = numbers(table, "chip")
    result = []
    for number in sorted(set(chip.tolist())):
        shade, shape = _LOOKS.get(number, (INK, "^"))
        result += _kinds(table, Series("", chip == number, shade, shape, name=f"chip {number:.0f}"))
    return result


def _kinds(table: Any, look: Series) -> list[Series]:
    """FLT and FLC of a look, filled and open where there are both."""
    if len(known(table, "filetype")) < 2:
        return [look]
    return [
        replace(look, index=look.index & (column(table, "filetype") == kind), filled=kind == "flt")
        for kind in ("flt", "flc")
    ]
