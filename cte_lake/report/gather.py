"""What the report takes from a lake: rows, as plain mappings. The only module of the report that asks it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cte_lake.lake.versions import newest_rows

if TYPE_CHECKING:
    from cte_lake.api import Lake
    from cte_lake.config import Config

Row = Mapping[str, Any]
Rows = Sequence[Row]
#: Estimator that coefficients are fitted to, the alarm judges and published values are of, by default.
FITTED = "log_ratio"


@dataclass(frozen=True)
class Gathered:
    """Rows of a lake, all of one photometry mode and aperture radius.

    Attributes
    ----------
    exposures, pairs, rejects, alignment, epochs : list of mapping
        Rows of the views; `pairs` are those of both kinds.
    losses : list of mapping
        Rows of ``cte`` of the configured estimator; `with_stars` adds distance_mean and distance_std.
    fitted : list of mapping
        Rows of ``cte`` of pairs of chips by the estimator that coefficients, alarm and published values are
        of.
    crmasks : list of mapping
        Rows of ``crmasks``.
    flash_pairs : frozenset
        Pairs of epochs with more than one flash level.
    stars : mapping
        Columns of the stars to draw by pair: bin_lo, bin_hi, y, ratio, kept.
    field_stars : mapping
        Columns x, y of the brightest matched stars by image name.
    time_bins : list of tuple
        Flux bins of the loss-against-time figure.
    """

    exposures: Rows
    pairs: Rows
    losses: Rows
    fitted: Rows
    epochs: Rows
    rejects: Rows
    alignment: Rows
    crmasks: Rows
    flash_pairs: frozenset[Any]
    time_bins: Sequence[tuple[float, float]]
    stars: Mapping[Any, Mapping[str, Any]]
    field_stars: Mapping[str, Mapping[str, Any]]

    @property
    def compared(self) -> list[Row]:
        """Losses that are shown together: of the newest calibration generation, without charge injection."""
        return shown_together(self.losses)

    @cached_property
    def losses_of(self) -> dict[Any, list[Row]]:
        """Losses by pair, faintest bin first."""
        found: dict[Any, list[Row]] = defaultdict(list)
        for row in sorted(self.losses, key=lambda row: (row["bin_lo"], row["bin_hi"])):
            found[row["pair_id"]].append(row)
        return dict(found)


def shown_together(rows: Rows) -> list[Row]:
    """Rows of the newest calibration generation, without charge injection."""
    return [row for row in rows if row.get("newest", True) and row.get("chinject", "NONE") == "NONE"]


_SEVERAL_FLASHES = (
    "several_flashes(c.flash, c.target, c.filter, c.length, c.filetype, c.chinject, c.generation, c.epoch, "
    "c.pairing, c.estimator)"
)


def bookkeeping(lake: Lake) -> dict[str, Rows]:
    """What is known without reading any photometry: exposures, pairs, epochs, rejects, alignment."""
    return {
        **{name: lake.own(name).rows() for name in ("exposures", "pairs", "epochs", "rejects")},
        "alignment": products(lake, "alignment"),
    }


def products(lake: Lake, name: str) -> Rows:
    """Return the newest rows of the alignments or the masks."""
    # Not by the view, which opens every file.
    return sorted(newest_rows(lake.stored, name), key=lambda row: (row["mjd"], row["imagename"]))


def gather(lake: Lake, config: Config, known: Mapping[str, Rows]) -> Gathered:
    """Take from a lake what the report shows, at the configured aperture and estimator.

    `known` is what `bookkeeping` found.
    """
    measure, view = config.measure, f"(aperture := {config.measure.aperture})"
    losses = lake.sql(
        f"SELECT c.*, {_SEVERAL_FLASHES} AS several_flashes FROM cte{view} AS c"
        " WHERE c.estimator = $estimator ORDER BY c.pair_id, c.bin_lo, c.bin_hi",
        estimator=measure.estimator,
    ).rows()
    return Gathered(
        **known,
        losses=losses,
        fitted=_fitted(lake, view, losses, measure.estimator),
        crmasks=products(lake, "crmasks"),
        flash_pairs=frozenset(row["pair_id"] for row in losses if row["several_flashes"]),
        time_bins=[(low, high) for low, high in measure.time_bins],
        stars={},
        field_stars={},
    )


def with_stars(lake: Lake, config: Config, gathered: Gathered, pairs: Rows) -> Gathered:
    """Return what was gathered with the stars to draw on the pages of some pairs, and their moments.

    This is what a report reads of the photometry.
    """
    view = f"(aperture := {config.measure.aperture})"
    wanted = {row["pair_id"] for row in pairs}
    losses = [dict(row) for row in gathered.losses if row["pair_id"] in wanted]
    drawn = _drawn_stars(lake, view, losses, config.report.stars_per_bin)
    for row in losses:
        shape = drawn.get((row["pair_id"], row["bin_lo"], row["bin_hi"]), {})
        row |= {name: shape.get(name) for name in ("distance_mean", "distance_std")}
    images = sorted({row[key] for row in pairs for key in ("image_1", "image_2")})
    found = _field_stars(lake, view, config.report.circles, images)
    return replace(gathered, losses=losses, stars=_by_pair(drawn), field_stars=found)


def _fitted(lake: Lake, view: str, losses: Rows, estimator: str) -> Rows:
    if estimator == FITTED:
        return [row for row in losses if row["pairing"] == "chips" and row["cte_loss"] is not None]
    query = (
        f"FROM cte{view} WHERE pairing = 'chips' AND estimator = $estimator AND cte_loss IS NOT NULL"
        " ORDER BY pair_id, bin_lo, bin_hi"
    )
    return lake.sql(query, estimator=FITTED).rows()


def _drawn_stars(lake: Lake, view: str, losses: list[dict[str, Any]], most: int) -> dict[Any, Row]:
    """Stars to draw by pair and bin, a sample of the many, and the moments of their rows.

    The limits of the clip come with the losses: measuring them again would be another pass over everything.
    (What divides a hash is of its type: a remainder of 128 bits would take as long as all the rest.)
    """
    keys = (
        "pair_id", "bin_lo", "bin_hi", "estimator", "slope", "intercept", "clip_lo", "clip_hi", "n_in_bin",
    )  # fmt: skip
    bins = [{key: row[key] for key in keys} for row in losses if row["clip_lo"] is not None]
    if not bins:
        # An empty list has no columns to join by.
        return {}
    distance = "line_distance(b.estimator, r.distance, r.row_offset)"
    kept = f"within_clip(b.estimator, r.ratio, {distance}, b.slope, b.intercept, b.clip_lo, b.clip_hi)"
    query = f"""
        WITH bins AS (SELECT unnest($bins, recursive := true))
        SELECT
            r.pair_id, b.bin_lo, b.bin_hi,
            avg({distance}) FILTER ({kept}) AS distance_mean,
            stddev_pop({distance}) FILTER ({kept}) AS distance_std,
            list({{
                'y': ({distance})::FLOAT,
                'ratio': r.ratio::FLOAT,
                'kept': {kept}
            }}) FILTER (hash(r.master_id) % greatest(1, b.n_in_bin // $most)::UBIGINT = 0) AS stars
        FROM ratios{view} AS r
        INNER JOIN bins AS b ON b.pair_id = r.pair_id
        WHERE in_flux_bin(b.estimator, r.flux_1, r.flux_2, b.bin_lo, b.bin_hi)
        GROUP BY r.pair_id, b.bin_lo, b.bin_hi
    """
    rows = lake.sql(query, bins=bins, most=most).rows()
    return {(row["pair_id"], row["bin_lo"], row["bin_hi"]): row for row in rows}


def _by_pair(drawn: Mapping[Any, Row]) -> dict[Any, dict[str, list[Any]]]:
    found: dict[Any, dict[str, list[Any]]] = {}
    for (pair, low, high), row in drawn.items():
        columns = found.setdefault(pair, {name: [] for name in ("bin_lo", "bin_hi", "y", "ratio", "kept")})
        for star in row["stars"] or ():
            for name, value in ({"bin_lo": low, "bin_hi": high} | star).items():
                columns[name].append(value)
    return found


def _field_stars(lake: Lake, view: str, most: int, images: Sequence[str]) -> dict[str, Row]:
    """Places of the brightest stars of images."""
    if most == 0 or not images:
        return {}
    query = f"""
        SELECT imagename, arg_max({{'x': x::FLOAT, 'y': y::FLOAT}}, flux, {most}) AS stars
        FROM star_history{view} WHERE flux IS NOT NULL AND imagename IN (SELECT unnest($images))
        GROUP BY imagename
    """
    return {
        row["imagename"]: {name: [star[name] for star in row["stars"]] for name in ("x", "y")}
        for row in lake.sql(query, images=images).rows()
    }
