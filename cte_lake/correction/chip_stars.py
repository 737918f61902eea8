"""The stars of a lake's exposures as the solution of the chips' losses takes them: stars by exposures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cte_lake.detector import DETECTOR
from cte_lake.errors import NothingToDo
from cte_lake.lake.selection import where
from cte_lake.model.chips.losses import LeftOut
from cte_lake.model.chips.rows import MARGIN, Exposures, Setting, StarRows, turns

if TYPE_CHECKING:
    from cte_lake.api import Lake

#: Exposures whose stars are read in one query.
_BATCH = 100
#: Stars times exposures of a group; groups follow from the stars alone, so that their sums are added in one
#: order whoever makes them.
_GROUP = 1_500_000
#: Stars that decide the sense of the rows.
_SENSE = 2000


@dataclass(eq=False)
class _Part:
    """Usable measurements of some exposures: of equal lengths, and the number of all measurements."""

    exposure: NDArray[np.int16]
    star: NDArray[Any]
    flux: NDArray[np.float32]
    noise: NDArray[np.float32]
    distance: NDArray[np.float32]
    of: int


def read_stars(
    lake: Lake, rows: list[dict[str, Any]], aperture: int, bins: Sequence[tuple[float, float]]
) -> tuple[Exposures, list[StarRows], LeftOut]:
    """Read the stars of exposures.

    Parameters
    ----------
    lake : Lake
        The open lake.
    rows : list of dict
        Rows of the view ``chip_exposures``.
    aperture : int
        Radius, px.
    bins : sequence of (float, float)
        Flux bins that do not overlap, electrons.

    Returns
    -------
    Exposures
        Sorted by their settings.
    list of StarRows
        Groups of stars, from faint to bright.
    LeftOut
        How many measurements do not count.

    Raises
    ------
    NothingToDo
        If none counts.
    """
    exposures, order = Exposures.sorted_by_setting(
        [row["imagename"] for row in rows],
        [Setting(row["chip"], row["epoch"], row["flash"]) for row in rows],
        np.array([row["exptime"] for row in rows]),
        np.array([row["mjd"] for row in rows]),
        np.array([row["background"] for row in rows]),
        bins,
    )
    parts = list(_parts(lake, [rows[k] for k in order], aperture))
    measured, usable = sum(part.of for part in parts), sum(part.star.size for part in parts)
    if not usable:
        raise NothingToDo(
            "no star of the selected exposures counts: all have a flag that excludes, or no flux"
        )
    place, kept = _near_the_bins(parts, exposures)
    dense = [np.full((kept, len(exposures)), np.nan, dtype=np.float32) for _ in range(3)]
    while parts:
        part = parts.pop()
        star = place[part.star]
        chosen = star >= 0
        for array, values in zip(dense, (part.flux, part.noise, part.distance), strict=True):
            array[star[chosen], part.exposure[chosen]] = values[chosen]
    whole = StarRows(*dense)
    exposures = replace(exposures, turn=turns(whole.part(kept // 2, kept // 2 + _SENSE), exposures))
    size = max(1, _GROUP // len(exposures))
    groups = [whole.part(start, start + size) for start in range(0, kept, size)]
    return exposures, groups, LeftOut(measured, measured - usable)


def _parts(lake: Lake, rows: list[dict[str, Any]], aperture: int) -> Iterator[_Part]:
    """Yield the measurements of some exposures at a time."""
    for folder, batch in _batches(rows):
        chosen = {"number": batch, "imagename": [rows[k]["imagename"] for k in batch]}
        lake.register("chosen_exposures", pa.table(chosen))
        condition, values = where(folder, "s")
        table = lake.sql(
            "SELECT c.number::SMALLINT AS number, s.master_id, s.distance::FLOAT AS distance, "
            "s.flux::FLOAT AS flux, s.noise::FLOAT AS noise, s.usable "
            f"FROM chip_stars(aperture := {int(aperture)}) AS s "
            f"INNER JOIN chosen_exposures AS c ON c.imagename = s.imagename WHERE {condition}",
            **values,
        ).arrow()
        usable = table.column("usable").to_numpy()
        names = ("number", "master_id", "flux", "noise", "distance")
        number, star, flux, noise, distance = (table.column(name).to_numpy()[usable] for name in names)
        yield _Part(number, star, flux, noise, distance / np.float32(DETECTOR.loss_rows), table.num_rows)


def _batches(rows: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], list[int]]]:
    """Part exposures by the lake's folders; only a single value of a folder keeps other files unread."""
    for folder, members in _by(range(len(rows)), rows, ("target", "filetype", "proposal")):
        smaller = [(folder, members)]
        if len(members) > _BATCH:
            smaller = [(folder | flash, few) for flash, few in _by(members, rows, ("flash",))]
        for within, few in smaller:
            for start in range(0, len(few), _BATCH):
                yield within, few[start : start + _BATCH]


def _by(
    members: Sequence[int], rows: list[dict[str, Any]], keys: tuple[str, ...]
) -> list[tuple[dict[str, Any], list[int]]]:
    found: dict[tuple[Any, ...], list[int]] = {}
    for k in members:
        found.setdefault(tuple(rows[k][key] for key in keys), []).append(k)
    return [(dict(zip(keys, values, strict=True)), found[values]) for values in sorted(found)]


def _near_the_bins(parts: list[_Part], exposures: Exposures) -> tuple[NDArray[np.intp], int]:
    """Number the stars from faint to bright; -1 for those far from all bins or seen once.

    In the parts a star's number in the catalog gives way to its index in what is returned.
    """
    known = np.unique(np.concatenate([np.unique(part.star) for part in parts]))
    count, light, time = np.zeros(known.size), np.zeros(known.size), np.zeros(known.size)
    length = np.exp(exposures.zero)
    for part in parts:
        part.star = np.searchsorted(known, part.star).astype(np.int32)
        count += np.bincount(part.star, minlength=known.size)
        light += np.bincount(part.star, part.flux, known.size)
        time += np.bincount(part.star, length[part.exposure], known.size)
    light = light / np.where(time > 0, time, 1.0)
    low, high = exposures.bins[0][0] * MARGIN[0], exposures.bins[-1][1] * MARGIN[1]
    counts = (count > 1) & (light > low) & (light < high)
    # A stable order, of equal fluxes by the star's number: groups are the same every time.
    order = np.argsort(np.where(counts, light, np.inf), kind="stable")
    kept = int(counts.sum())
    place = np.full(known.size, -1)
    place[order[:kept]] = np.arange(kept)
    return place, kept
