"""Two measurements of the same frames against each other: two lakes, or two photometry modes of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from cte_lake.api import Lake, open_lake
from cte_lake.config import Settings, load_settings
from cte_lake.errors import NothingToDo, UsageError
from cte_lake.lake.schemas import radius_suffix
from cte_lake.lake.selection import Selection
from cte_lake.lake.stored import StoredLake, find_lake, stored
from cte_lake.photometry.modes import MODES
from cte_lake.resources import data_dir
from cte_lake.starflags import mask_of
from cte_lake.views.functions import bind_detector

_STARS = """
    SELECT imagename, master_id, x, y, {flux} AS flux, sky, flags
    FROM phot
    WHERE list_contains($images, imagename)
"""
_SLOPES = """
    SELECT pair_id, image_1, image_2, bin_lo, bin_hi, estimator, n, cte_loss, cte_loss_err
    FROM cte(aperture := {aperture})
    WHERE estimator = $estimator AND list_contains($images, image_1) AND list_contains($images, image_2)
"""


_GENERATIONS = """
    SELECT DISTINCT generation_of(filetype, cal_ver, cte_name, cte_ver, pctetab) AS generation
    FROM stored_exposures
    WHERE mode = $mode
    ORDER BY generation
"""


@dataclass(frozen=True)
class Side:
    """One of the two measurements: a lake, a photometry mode, and perhaps a calibration generation."""

    lake: StoredLake
    mode: str
    generation: str = ""

    def __str__(self) -> str:
        if self.generation:
            return f"{self.lake.name}:{self.generation}"
        return f"{self.lake.name}:{self.mode}"


@dataclass(frozen=True)
class Comparison:
    """What two measurements say of the same frames.

    Attributes
    ----------
    stars : pyarrow.Table
        A row a star and exposure that both measured (``sql/compare/stars.sql``).
    slopes : pyarrow.Table
        A row a pair and flux bin that both measured (``sql/compare/slopes.sql``).
    bins : pyarrow.Table
        A row a flux bin: medians and scatters (``sql/compare/bins.sql``).
    """

    stars: pa.Table
    slopes: pa.Table
    bins: pa.Table


def parse_side(text: str, default: str | None) -> Side:
    """Read ``LAKE``, ``MODE`` or ``LAKE:MODE``; a mode alone is one of the default lake's.

    Raises
    ------
    UsageError
        If it is neither a lake nor a mode.
    LakeError
        If a mode is given and no lake is found.
    """
    if text in MODES:
        return Side(find_lake(default), text)
    folder, colon, mode = text.rpartition(":")
    if not colon or mode not in MODES:
        folder, mode = text, ""
    if not stored(folder).exists():
        raise UsageError(
            f"{text!r} is neither a lake nor a photometry mode ({', '.join(MODES)}), nor LAKE:MODE"
        )
    root = find_lake(folder)
    return Side(root, mode or load_settings(root).config.photometry.mode)


def generation_sides(first: str, second: str, lake: StoredLake, mode: str | None = None) -> tuple[Side, Side]:
    """Return the two sides of a comparison of calibration generations in one lake, by names or beginnings.

    Exposures that were recalibrated count in both: their earlier rows stay in a lake until a vacuum.

    Raises
    ------
    UsageError
        If the lake has no such generation, or several of that beginning.
    """
    mode = mode or load_settings(lake).config.photometry.mode
    with open_lake(lake, mode) as opened:
        known = [str(row["generation"]) for row in opened.sql(_GENERATIONS, mode=mode).rows()]
    sides = []
    for name in (first, second):
        found = [one for one in known if one == name] or [one for one in known if one.startswith(name)]
        if len(found) != 1:
            raise UsageError(
                f"{name!r} is {'the beginning of several' if found else 'none'} of the lake's calibration "
                f"generations: {', '.join(known) or 'there is none'}"
            )
        sides.append(Side(lake, mode, found[0]))
    return sides[0], sides[1]


def compare(
    first: Side,
    second: Side,
    selection: Selection | None = None,
    aperture: int | None = None,
    estimator: str | None = None,
) -> Comparison:
    """Compare two measurements star by star and slope by slope.

    Parameters
    ----------
    first, second : Side
        The two measurements: lake and photometry mode.
    selection : Selection, optional
        Which exposures; by default all.
    aperture : int, optional
        Aperture radius, px; by default that of the first lake's configuration.
    estimator : str, optional
        Estimator of the slopes; by default that of the first lake's configuration.

    Raises
    ------
    NothingToDo
        If no exposure is in both.
    """
    settings = load_settings(first.lake)
    measure = settings.config.measure
    radius, chosen = aperture or measure.aperture, estimator or measure.estimator
    with (
        open_lake(first.lake, first.mode, settings=settings, generation=first.generation or None) as one,
        open_lake(second.lake, second.mode, settings=settings, generation=second.generation or None) as two,
        duckdb.connect() as connection,
    ):
        chosen_exposures = one.select(selection or Selection())
        images = _common_images(one, two, chosen_exposures)
        if not images:
            raise NothingToDo(_nothing_common(one, chosen_exposures, first, second))
        for number, lake in enumerate((one, two), start=1):
            stars = lake.sql(_STARS.format(flux=f"flux_{radius_suffix(radius)}"), images=images)
            slopes = lake.sql(_SLOPES.format(aperture=radius), images=images, estimator=chosen)
            connection.register(f"star_{number}", stars.arrow())
            connection.register(f"slope_{number}", slopes.arrow())
        stars, slopes = _query(connection, "stars"), _query(connection, "slopes")
        _register(connection, stars, slopes, settings)
        return Comparison(stars, slopes, _query(connection, "bins"))


def _nothing_common(one: Lake, selection: Selection, first: Side, second: Side) -> str:
    rows = one.exposures().rows()
    if selection and not any(selection.matches(row) for row in rows):
        return f"{selection.nothing_among(rows)} in {first}"
    return f"no exposure is measured both in {first} and in {second}"


def _common_images(one: Lake, two: Lake, selection: Selection) -> list[str]:
    rows = one.exposures().rows()
    chosen = {row["imagename"] for row in rows if selection.matches(row)}
    return sorted(chosen & {row["imagename"] for row in two.exposures().rows()})


def _query(connection: duckdb.DuckDBPyConnection, name: str) -> pa.Table:
    text = (data_dir("sql") / "compare" / f"{name}.sql").read_text(encoding="utf-8")
    return connection.sql(text).to_arrow_table()


def _register(
    connection: duckdb.DuckDBPyConnection, stars: pa.Table, slopes: pa.Table, settings: Settings
) -> None:
    bind_detector(connection)
    measure = settings.config.measure
    bins: list[dict[str, Any]] = [{"bin_lo": low, "bin_hi": high} for low, high in measure.flux_bins]
    connection.register("star_pairs", stars)
    connection.register("slope_pairs", slopes)
    connection.register("flux_bins", pa.Table.from_pylist(bins))
    flags = pa.array([mask_of(measure.drop_flags)], pa.int32())
    connection.register("settings", pa.table({"drop_flags": flags}))
