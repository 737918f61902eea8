"""Figures of stars: ratios of a pair, far stars against background, recovery, shapes, one star, one frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from cte_lake.errors import NothingToDo, UsageError
from cte_lake.filenames import path_from_text
from cte_lake.lake.selection import Selection, where
from cte_lake.model.bins import non_overlapping
from cte_lake.report.figures.request import (
    Drawing,
    Request,
    bins_in,
    chosen_bins,
    nothing_for,
    only_bins,
    rows_of,
)
from cte_lake.report.tables import date_text, mode_text
from cte_lake.report.thumbnails import picture
from cte_lake.wording import count_text, target_text

if TYPE_CHECKING:
    from cte_lake.api import Lake

#: Long side of a frame in the figure, px.
_FRAME_SIDE = 1200


def _pair(lake: Lake, asked: Request) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The pair that was named, else the newest one selected."""
    if asked.pair is not None:
        chosen, parameters = where({"pair_id": asked.pair})
    else:
        chosen, parameters = asked.where()
    columns = (
        "pair_id, image_1, image_2, target, proposal, visit, filter, exptime, length, flash, filetype, mjd"
    )
    query = (
        f"SELECT {columns}, NULL::INTEGER AS chip FROM pairs WHERE {chosen} UNION ALL "
        f"SELECT {columns}, chip FROM pairs_180 WHERE {chosen} ORDER BY mjd DESC, filetype DESC, pair_id"
    )
    rows = lake.sql(query, **parameters).rows()
    if not rows:
        what = f"pair {asked.pair}" if asked.pair is not None else f"pairs for {asked}"
        raise NothingToDo(f"the lake has no {what}; `cte-lake sql 'FROM pairs'` lists them")
    newest = f"this is the newest of {len(rows)} pairs, {rows[0]['pair_id']}; --pair names another"
    return rows[0], (newest,) if len(rows) > 1 else ()


def ratio_y(lake: Lake, asked: Request) -> Drawing:
    """Flux ratios of a pair against row."""
    from cte_lake.plots.ratio import ratio_plot

    pair, said = _pair(lake, asked)
    of_pair = {key: pair[key] for key in ("pair_id", "target", "proposal", "flash", "filetype")}
    condition, parameters = where(of_pair | {"estimator": asked.estimator})
    view = f"(aperture := {asked.aperture}) WHERE {condition}"
    stars = rows_of(
        lake,
        "SELECT bin_lo, bin_hi, master_id, distance AS y, ratio, mean_flux, background, kept "
        f"FROM binned_ratios{view} ORDER BY bin_lo, bin_hi, master_id",
        asked,
        **parameters,
    )
    stars = chosen_bins(stars, asked, non_overlapping(bins_in(stars)))
    fits = lake.sql(
        "SELECT c.estimator, c.bin_lo, c.bin_hi, c.n, c.slope, c.slope_err, c.intercept, c.cte_loss, "
        "c.cte_loss_err, s.distance_mean, s.distance_std "
        f"FROM (FROM cte{view}) AS c JOIN (SELECT bin_lo, bin_hi, avg(distance) AS distance_mean, "
        f"stddev_pop(distance) AS distance_std FROM binned_ratios{view} AND kept GROUP BY ALL) AS s "
        "ON s.bin_lo = c.bin_lo AND s.bin_hi = c.bin_hi ORDER BY c.bin_lo, c.bin_hi",
        **parameters,
    ).arrow()
    fits = only_bins(fits, bins_in(stars))
    chip = f", chip {pair['chip']}" if pair["chip"] is not None else ""
    visit = f"{pair['proposal']}/{pair['visit']}"
    title = f"{target_text(pair['target'])}{chip}, {visit}, {date_text(pair['mjd'])}"
    rolled = pair["chip"] is not None
    over, under = (pair[key] for key in (("image_2", "image_1") if rolled else ("image_1", "image_2")))
    caption = (
        f"{over} over {under}: {mode_text(pair)}, {pair['exptime']:g} s, aperture {asked.aperture} px, "
        f"estimator {asked.estimator}, {count_text(stars.num_rows, 'star')}."
    )
    figure = ratio_plot(stars, fits, title, caption, rolled=rolled, unit=asked.unit)
    return Drawing(figure, {"stars": stars, "fits": fits}, said)


def flux_background(lake: Lake, asked: Request) -> Drawing:
    """Share of the flux that far stars keep against the background."""
    from cte_lake.plots.background import background_plot

    asked = asked.defaulting(lake, length=("l",), filetype=("flt",))
    chosen, parameters = asked.where()
    view = f"flux_background(aperture := {asked.aperture}, generation := 'all')"
    stars = rows_of(
        lake, f"SELECT * FROM {view} WHERE {chosen} ORDER BY bin_lo, pair_id, master_id", asked, **parameters
    )
    stars = chosen_bins(stars, asked, asked.time_bins)
    shown = {key: sorted(set(stars[key].to_pylist())) for key in ("target", "filetype", "filter")}
    of_stars, values = where(shown | {"length": asked.selection.length})
    kinds, more = Selection(chinject=asked.selection.chinject, generation=asked.selection.generation).where()
    means = lake.sql(
        f"SELECT * FROM flux_background_means(aperture := {asked.aperture}, generation := 'all') "
        f"WHERE {of_stars} AND {kinds} ORDER BY bin_lo, background",
        **values,
        **more,
    ).arrow()
    means = only_bins(means, bins_in(stars))
    caption = "Stars more than 1750 rows from the amplifiers, against themselves near the amplifiers."
    return Drawing(
        background_plot(stars, means, caption=caption), {"stars": stars, "means": means}, (f"shown: {asked}",)
    )


def recovery(lake: Lake, asked: Request) -> Drawing:
    """Stars of the FLC that the FLT still shows."""
    from cte_lake.plots.recovery import recovery_plot

    if asked.selection.filetype:
        raise UsageError("recovery compares FLT with FLC; leave --filetype out")
    asked = asked.of_exposures().defaulting(lake, length=("l",), flash=(0,), chinject=("NONE",))
    chosen, parameters = asked.where()
    query = (
        f"SELECT * FROM recovery(aperture := {asked.aperture}) WHERE {chosen} ORDER BY mjd, rootname, bin_lo"
    )
    table = rows_of(lake, query, asked, **parameters)
    table = _with_bars(chosen_bins(table, asked, non_overlapping(bins_in(table))))
    return Drawing(recovery_plot(table), {"recovery": table}, (f"shown: {asked}",))


def _with_bars(table: pa.Table) -> pa.Table:
    """Add the 1-sigma limits of each share (Wilson 1927, within 0 and 1); NULL without a star."""
    found, lost = (table[name].to_numpy() for name in ("n_flt", "n_lost"))
    judged = found + lost
    total = np.maximum(judged, 1)
    half = np.sqrt(found * lost / total + 0.25) / (total + 1)
    middle = (found + 0.5) / (total + 1)
    for name, edge in (("recovered_low", middle - half), ("recovered_high", middle + half)):
        table = table.append_column(name, pa.array(edge, mask=judged == 0))
    return table


def star(lake: Lake, asked: Request) -> Drawing:
    """All measurements of one master star."""
    from cte_lake.plots.star import star_plot

    if asked.star is None:
        raise UsageError("name the star: --star NUMBER, its master_id")
    chosen, parameters = asked.of_exposures().where("master_id = $star")
    query = f"SELECT * FROM star_history(aperture := {asked.aperture}) WHERE {chosen} ORDER BY mjd, imagename"
    table = lake.sql(query, star=asked.star, **parameters).arrow()
    if table.num_rows == 0:
        raise NothingToDo(f"star {asked.star} was measured in no exposure of {asked}")
    targets = sorted(set(table["target"].to_pylist()))
    if len(targets) > 1:
        raise UsageError(f"star {asked.star} is in {', '.join(targets)}; choose one with --target")
    title = f"Star {asked.star} of {target_text(targets[0])}"
    return Drawing(star_plot(table, title), {"history": table})


def field(lake: Lake, asked: Request) -> Drawing:
    """A frame with its matched stars."""
    from cte_lake.plots.field import field_plot

    where, parameters = asked.of_exposures().where()
    asked_image = _pair(lake, asked)[0]["image_2"] if asked.pair is not None else asked.image
    if asked_image:
        where, parameters = "imagename = $image", {"image": asked_image}
    exposures = lake.sql(
        f"SELECT * FROM exposures WHERE {where} ORDER BY mjd DESC, imagename", **parameters
    ).rows()
    if not exposures:
        raise NothingToDo(f"the lake has no image {asked_image or f'for {asked}'}")
    exposure = exposures[0]
    shown = picture(path_from_text(exposure["path"]), exposure["chip"], _FRAME_SIDE)
    view = f"star_history(aperture := {asked.aperture})"
    keys = ("imagename", "target", "proposal", "flash", "filetype")
    condition = " AND ".join(f"{key} = ${key}" for key in keys)
    stars = lake.sql(
        f"SELECT master_id, x, y, flux FROM {view} WHERE {condition} "
        "ORDER BY flux DESC NULLS LAST, master_id",
        **{key: exposure[key] for key in keys},
    ).arrow()
    title = f"{exposure['imagename']}, chip {exposure['chip']}"
    where_and_when = f"{target_text(exposure['target'])}, {date_text(exposure['mjd'])}"
    caption = f"{where_and_when}, {mode_text(exposure)}, {exposure['exptime']:g} s."
    figure = field_plot(shown.pixels, stars, exposure["chip"], shown.step, title, caption)
    said = (
        ()
        if asked_image or len(exposures) == 1
        else (f"this is the newest of {len(exposures)} images; --image names another",)
    )
    return Drawing(figure, {"stars": stars}, said)


#: Radii of the figure of growth curves, px.
_RADII = (2, 3, 5, 7)
#: Newest exposures among which that figure looks for one with bright stars.
_TRIED = 16


def displacement(lake: Lake, asked: Request) -> Drawing:
    """How far stars are moved, against time."""
    from cte_lake.plots.shapes import shift_plot

    asked = asked.defaulting(lake, length=("l",), flash=(0,))
    chosen, parameters = asked.where("against = 'bright'", "pairing = 'chips'")
    query = f"SELECT * FROM displacement WHERE {chosen} ORDER BY mjd, pair_id, bin_lo"
    rows = rows_of(lake, query, asked, **parameters)
    rows = chosen_bins(rows, asked, bins_in(rows))
    return Drawing(shift_plot(rows), {"displacement": rows}, (f"shown: {asked}",))


def growth(lake: Lake, asked: Request) -> Drawing:
    """Light inside a radius over that inside 10 px along the rows, of one exposure."""
    from cte_lake.plots.shapes import growth_plot

    chosen, parameters = asked.of_exposures().where()
    if asked.image:
        chosen, parameters = f"{chosen} AND imagename = $image", {**parameters, "image": asked.image}
    newest = (
        "SELECT imagename, target, proposal, flash, filetype FROM exposures "
        f"WHERE {chosen} ORDER BY mjd DESC, imagename LIMIT {_TRIED}"
    )
    # One by one: the newest that has such stars is not worth reading the photometry of all.
    for place in lake.sql(newest, **parameters).rows():
        condition, values = where(place)
        query = (
            f"SELECT * FROM growth WHERE {condition} AND aperture IN {_RADII} AND n > 2 "
            "ORDER BY aperture, row_lo, column_lo"
        )
        rows = lake.sql(query, **values).arrow()
        if rows.num_rows:
            image = place["imagename"]
            return Drawing(growth_plot(rows, caption=f"{image}."), {"growth": rows}, (f"shown: {image}",))
    raise NothingToDo(nothing_for(lake, asked, f"nothing to plot for {asked}"))


def focus(lake: Lake, asked: Request) -> Drawing:
    """The sharpness of exposures against time."""
    from cte_lake.plots.shapes import focus_plot

    asked = asked.defaulting(lake, filetype=("flc",)).of_exposures()
    chosen, parameters = asked.where()
    rows = rows_of(lake, f"SELECT * FROM focus WHERE {chosen} ORDER BY mjd, imagename", asked, **parameters)
    return Drawing(focus_plot(rows), {"focus": rows}, (f"shown: {asked}",))
