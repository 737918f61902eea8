"""Figures of losses: against time, flux, flash level and exposure time; two measurements compared."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from cte_lake.errors import NothingToDo, UsageError
from cte_lake.lake.selection import Selection
from cte_lake.model.bins import non_overlapping
from cte_lake.report.curves import flux_curves, other_estimator, time_curves, with_model
from cte_lake.report.figures.request import Drawing, Request, bins_in, chosen_bins, nothing_for, rows_of

if TYPE_CHECKING:
    from cte_lake.api import Lake


#: What the plain figures show unless another choice is made: no post-flash, not corrected.
PLAIN: dict[str, tuple[Any, ...]] = {"flash": (0,), "filetype": ("flt",)}


#: What rows of one row of flash levels share.
_OF_FLASH = (
    "target", "filter", "length", "filetype", "chinject", "generation", "epoch", "pairing", "estimator",
)  # fmt: skip
#: Target of the nominal data that the 180-degree set is compared with (ISR WFC3 2016-17).
NOMINAL = "ngc104"
#: What nominal pairs share with the 180-degree set.
_ALIKE = ("proposal", "filter", "flash", "filetype", "length")


def _losses(lake: Lake, view: str, asked: Request, *also: str) -> pa.Table:
    chosen, parameters = asked.where("estimator = $estimator", "cte_loss IS NOT NULL", *also)
    every = "" if view == "cte" else ", generation := 'all'"
    source = f"{view}(aperture := {asked.aperture}{every})"
    query = f"SELECT * FROM {source} WHERE {chosen} ORDER BY mjd, pair_id, bin_lo, bin_hi"
    return rows_of(lake, query, asked, estimator=asked.estimator, **parameters)


def _of_either_pairing(lake: Lake, view: str, asked: Request) -> pa.Table:
    """Losses of pairs with an exposure on either chip; of the 180-degree set if a target has no other."""
    try:
        return _losses(lake, view, asked, "pairing = 'chips'")
    except NothingToDo:
        if not asked.selection.target:
            raise
        found = lake.sql(
            f"SELECT count(*) AS n FROM {view}(aperture := {asked.aperture}) "
            "WHERE pairing = '180' AND list_contains($targets, target)",
            targets=list(asked.selection.target),
        ).rows()
        if not found[0]["n"]:
            raise
    return _losses(lake, view, asked, "pairing = '180'")


def all_losses(lake: Lake, asked: Request) -> pa.Table:
    """The selected losses of all pairs and bins, by the estimator asked for; empty where there are none."""
    try:
        return _losses(lake, "cte", asked)
    except NothingToDo:
        return lake.sql("SELECT * FROM cte WHERE false").arrow()


def of_several_flashes(losses: pa.Table) -> pa.Table:
    """Keep rows of epochs that were observed at more than one post-flash level, as ``cte_vs_flash`` does."""
    rows = losses.to_pylist()
    levels: dict[tuple[Any, ...], set[int]] = {}
    for row in rows:
        levels.setdefault(tuple(row[key] for key in _OF_FLASH), set()).add(row["flash"])
    return losses.filter([len(levels[tuple(row[key] for key in _OF_FLASH)]) > 1 for row in rows])


def cte_time(lake: Lake, asked: Request) -> Drawing:
    """Loss against time, a panel a flux bin."""
    asked = asked.defaulting(lake, **PLAIN)
    view = "cte" if asked.bins else "cte_vs_time"
    return time_drawing(_of_either_pairing(lake, view, asked), asked)


def cte_flux(lake: Lake, asked: Request) -> Drawing:
    """Loss against flux, a colour an epoch."""
    asked = asked.defaulting(lake, length=("l",), **PLAIN)
    return flux_drawing(_of_either_pairing(lake, "cte_vs_flux", asked), asked)


def cte_flash(lake: Lake, asked: Request) -> Drawing:
    """Loss against post-flash level."""
    asked = asked.defaulting(lake, length=("l",))
    view = "cte" if asked.bins else "cte_vs_flash"
    return flash_drawing(_of_either_pairing(lake, view, asked), asked)


def cte_180(lake: Lake, asked: Request) -> Drawing:
    """Loss against exposure time per chip, of the 180-degree set."""
    return rolled_drawing(_losses(lake, "cte", asked, "pairing = '180'"), asked)


def time_drawing(losses: pa.Table, asked: Request) -> Drawing:
    """Loss against time of the selected rows of ``cte``."""
    from cte_lake.plots.time import time_plot

    asked = asked.defaulting(losses, **PLAIN)
    table = with_model(asked.coefficients, chosen_bins(asked.rows(losses), asked, asked.time_bins))
    curves = time_curves(asked.coefficients, table)
    tables = {"losses": table} | ({"curves": curves} if curves is not None else {})
    caption = other_estimator(asked.coefficients, curves, asked.estimator)
    return Drawing(time_plot(table, curves, caption=caption, unit=asked.unit), tables, (f"shown: {asked}",))


def flux_drawing(losses: pa.Table, asked: Request) -> Drawing:
    """Loss against flux of the selected rows of ``cte``."""
    from cte_lake.plots.flux import flux_plot

    asked = asked.defaulting(losses, length=("l",), **PLAIN)
    table = asked.rows(losses)
    table = with_model(asked.coefficients, chosen_bins(table, asked, non_overlapping(bins_in(table))))
    curves = flux_curves(asked.coefficients, table)
    tables = {"losses": table} | ({"curves": curves} if curves is not None else {})
    caption = other_estimator(asked.coefficients, curves, asked.estimator)
    return Drawing(flux_plot(table, curves, caption=caption, unit=asked.unit), tables, (f"shown: {asked}",))


def flash_drawing(losses: pa.Table, asked: Request) -> Drawing:
    """Loss against post-flash level of the selected rows of ``cte``."""
    from cte_lake.plots.flash import flash_plot

    asked = asked.defaulting(losses, length=("l",))
    table = chosen_bins(asked.rows(losses), asked, asked.time_bins)
    return Drawing(flash_plot(table, unit=asked.unit), {"losses": table}, (f"shown: {asked}",))


def rolled_drawing(losses: pa.Table, asked: Request) -> Drawing:
    """Loss against exposure time per chip of the selected rows of ``cte``."""
    from cte_lake.plots.rolled import rolled_plot

    table = chosen_bins(asked.rows(losses), asked, asked.time_bins)
    return Drawing(rolled_plot(table, unit=asked.unit), {"losses": table})


def cte_180_overlay(lake: Lake, asked: Request) -> Drawing:
    """The 180-degree set over nominal pairs of the same proposals, against flux."""
    rolled = _losses(lake, "cte", asked, "pairing = '180'")
    chosen, proposals = asked.selection, sorted(set(rolled["proposal"].to_pylist()))
    alike = Selection(
        chinject=chosen.chinject, generation=chosen.generation, proposal=tuple(map(int, proposals))
    )
    try:
        nominal = _losses(lake, "cte", replace(asked, selection=alike), "pairing = 'chips'")
    except NothingToDo:
        nominal = rolled.slice(0, 0)
    return overlay_drawing(rolled, nominal, asked)


def overlay_drawing(rolled: pa.Table, of_chips: pa.Table, asked: Request) -> Drawing:
    """The 180-degree losses, selected rows of ``cte``, over those of nominal pairs, against flux.

    Nominal pairs are those of the same proposals, file types, filters, flash levels and lengths; of `NOMINAL`
    where it was observed there, else of any target.

    Raises
    ------
    NothingToDo
        If there is no nominal pair.
    """
    from cte_lake.plots.rolled import overlay_plot

    table = asked.rows(rolled)
    table = chosen_bins(table, asked, non_overlapping(bins_in(table)))
    alike = {tuple(row[key] for key in _ALIKE) for row in table.to_pylist()}
    same = [tuple(row[key] for key in _ALIKE) in alike for row in of_chips.to_pylist()]
    nominal = of_chips.filter(pa.array(same, pa.bool_()))
    if nominal.num_rows == 0:
        listed = ", ".join(str(value) for value in sorted(set(table["proposal"].to_pylist())))
        raise NothingToDo(
            f"the lake has no nominal pairs of proposal {listed} like the 180-degree set; "
            "`cte-lake plot cte-180` draws that set alone"
        )
    of_cluster = nominal.filter([target == NOMINAL for target in nominal["target"].to_pylist()])
    nominal = chosen_bins(of_cluster if of_cluster.num_rows else nominal, asked, bins_in(table))
    figure = overlay_plot(table, nominal, unit=asked.unit)
    return Drawing(figure, {"losses": table, "nominal": nominal})


def overview(lake: Lake, asked: Request) -> Drawing:
    """What is in the lake."""
    from cte_lake.plots.overview import overview_plot

    if asked.selection.filetype:
        raise UsageError("the overview shows both file types; leave --filetype out")
    chosen, parameters = asked.of_exposures().where()
    table = rows_of(
        lake,
        f"SELECT * FROM coverage WHERE n_exposures > 0 AND {chosen} ORDER BY target, mjd, flash",
        asked,
        **parameters,
    )
    return Drawing(overview_plot(table), {"coverage": table})


_PAIR_AND_BIN = ("image_1", "image_2", "bin_lo", "bin_hi")
_SHARED = (
    "pair_id", "target", "proposal", "visit", "filter", "length", "flash", "filetype", "mjd", "estimator",
    "aperture",
)  # fmt: skip


def compare(lake: Lake, asked: Request) -> Drawing:
    """The same pairs in two photometry modes or two lakes.

    Raises
    ------
    NothingToDo
        If no pair and flux bin is in both.
    UsageError
        If nothing was named to compare with.
    """
    from cte_lake.plots.compare import compare_plot

    if asked.other is None:
        raise UsageError("name what to compare with: --with-mode MODE, or --with LAKE")
    first, second = (_by_images(_losses(one, "cte_vs_flux", asked)) for one in (lake, asked.other))
    bins = asked.bins or tuple(asked.time_bins)
    rows: list[dict[str, Any]] = []
    for key in sorted(first.keys() & second.keys()):
        if key[2:] not in set(bins):
            continue
        one, two = first[key], second[key]
        row = {name: one[name] for name in _SHARED}
        row |= dict(zip(_PAIR_AND_BIN, key, strict=True))
        for number, side in ((1, one), (2, two)):
            row |= {f"{name}_{number}": side[name] for name in ("cte_loss", "cte_loss_err", "n")}
        rows.append(row)
    if not rows:
        raise NothingToDo(f"no pair and flux bin of {asked} was measured in both")
    table = pa.Table.from_pylist(rows)
    differences = np.subtract(table["cte_loss_2"].to_numpy(), table["cte_loss_1"].to_numpy())
    said = f"median difference of the losses: {100 * float(np.median(differences)):+.3f} %"
    return Drawing(compare_plot(table, *asked.names, unit=asked.unit), {"losses": table}, (said,))


def _by_images(table: pa.Table) -> dict[tuple[str, str, float, float], dict[str, Any]]:
    return {tuple(row[key] for key in _PAIR_AND_BIN): row for row in table.to_pylist()}


def chips(lake: Lake, asked: Request) -> Drawing:
    """Loss of each chip against time, a panel a flux bin.

    Raises
    ------
    NothingToDo
        If no losses of the selection are kept.
    UsageError
        If a proposal or visit is asked for: a solution is of all exposures.
    """
    from cte_lake.plots.time import chips_plot

    asked = asked.of_exposures().defaulting(lake, length=("l",), **PLAIN)
    if asked.selection.proposal or asked.selection.visit:
        raise UsageError("losses of chips are of all proposals and visits together; leave these out")
    chosen, parameters = asked.where("aperture = $aperture", "loss IS NOT NULL")
    query = (
        f"SELECT * FROM chips WHERE {chosen} "
        # Of several calibration generations the one that was solved last.
        "QUALIFY generation = first(generation) OVER ("
        "PARTITION BY target, filter, length, filetype, chinject ORDER BY solved_at DESC) "
        "ORDER BY mjd, chip, bin_lo"
    )
    table = lake.sql(query, aperture=asked.aperture, **parameters).arrow()
    if table.num_rows == 0:
        otherwise = f"no losses of chips are kept for {asked}; `cte-lake chips` solves for them"
        raise NothingToDo(nothing_for(lake, asked, otherwise))
    table = chosen_bins(table, asked, sorted({(r["bin_lo"], r["bin_hi"]) for r in table.to_pylist()}))
    return Drawing(chips_plot(table, unit=asked.unit), {"losses": table}, (f"shown: {asked}",))
