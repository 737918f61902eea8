"""The chip of each exposure to be measured: by POSTARG2, or from the WCS for a 180-degree set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from cte_lake.config import Config
from cte_lake.errors import Rejected
from cte_lake.filenames import path_from_text
from cte_lake.frames.chips import (
    CHIPS,
    MIN_SHARED_FRACTION,
    Footprint,
    chip_of_field,
    choose_chips_180,
    nearest_chip_of_field,
    needs_wcs,
    no_partner,
    orientation,
    partner_group,
)
from cte_lake.frames.exposure import Exposure, read_exposure
from cte_lake.frames.fitsfile import wcs_of
from cte_lake.lake.read import MasterFile, read_master
from cte_lake.lake.stored import StoredLake
from cte_lake.masters.project import project

if TYPE_CHECKING:
    from cte_lake.pipeline.ingest.items import Candidate


def choose_chips(
    candidates: Sequence[Candidate], config: Config, lake: StoredLake, lake_rows: Sequence[Mapping[str, Any]]
) -> dict[str, int | Rejected]:
    """Choose the chip of each exposure.

    Rows of the lake are partners of a 180-degree set that are not among the candidates.

    Returns
    -------
    dict
        Image name to chip, or to the refusal of an exposure that has none.
    """
    limits = config.chips
    choices: dict[str, int | Rejected] = {}
    rolled = []
    for candidate in candidates:
        if config.targets[candidate.target].pairing == "180":
            rolled.append(candidate)
            continue
        exposure = candidate.exposure
        place = exposure.postarg2, exposure.aperture
        chip = chip_of_field(*place, limits.chip2_max_postarg2, limits.chip1_min_postarg2)
        if chip is None or needs_wcs(exposure.aperture):
            nearest = chip or nearest_chip_of_field(*place, limits.chip1_min_postarg2)
            choices[exposure.imagename] = _confirmed_by_stars(candidate, nearest, config, lake)
        else:
            choices[exposure.imagename] = chip
    return choices | (_choose_by_wcs(rolled, config, lake, lake_rows) if rolled else {})


def _confirmed_by_stars(candidate: Candidate, chip: int, config: Config, lake: StoredLake) -> int | Rejected:
    """Return the chip if the WCS puts the catalog's field there; keywords and WCS must not contradict."""
    try:
        stars = _footprint(candidate.exposure, candidate.target, candidate.master, config, lake).stars
    except Rejected as refusal:
        return refusal
    counts = {number: stars[number].size for number in CHIPS}
    if counts[chip] >= MIN_SHARED_FRACTION * max(counts.values()):
        return chip
    exposure = candidate.exposure
    listed = ", ".join(f"chip {number} holds {count}" for number, count in sorted(counts.items()))
    return Rejected(
        "chip_unclear",
        f"POSTARG2={exposure.postarg2:g} and APERTURE={exposure.aperture or 'blank'} of {exposure.imagename} "
        f"put the field on chip {chip}, but by the WCS {listed} of the master catalog's stars",
        stage="match",
    )


def _choose_by_wcs(
    candidates: Sequence[Candidate], config: Config, lake: StoredLake, lake_rows: Sequence[Mapping[str, Any]]
) -> dict[str, int | Rejected]:
    choices: dict[str, int | Rejected] = {}
    footprints: dict[str, Footprint] = {}
    for candidate in candidates:
        exposure = candidate.exposure
        try:
            footprint = _footprint(exposure, candidate.target, candidate.master, config, lake)
        except Rejected as refusal:
            choices[exposure.imagename] = refusal
        else:
            footprints[exposure.imagename] = footprint
    masters = {candidate.target: candidate.master for candidate in candidates}
    for row in lake_rows:
        master = masters.get(row["target"])
        if master is None or row["imagename"] in footprints or row["withdrawn"]:
            continue
        try:
            partner = read_exposure(path_from_text(row["path"]), config.chips.short_limit)
            footprints[row["imagename"]] = _footprint(partner, row["target"], master, config, lake)
        except Rejected:
            # A partner whose file has gone cannot help to choose; the candidate says if none is left.
            continue
    found = choose_chips_180(footprints.values())
    for candidate in candidates:
        name = candidate.exposure.imagename
        if name not in choices:
            choices[name] = found[name].chip if name in found else no_partner(name)
    return choices


def _footprint(
    exposure: Exposure, target: str, master: MasterFile, config: Config, lake: StoredLake
) -> Footprint:
    ra, dec = _positions(master)
    stars = {}
    roll = 0.0
    for chip in CHIPS:
        wcs = wcs_of(exposure.path, chip, _fitted_cards(exposure.rootname, chip, config, lake))
        stars[chip] = project(wcs, ra, dec, (exposure.naxis2, exposure.naxis1))[0]
        roll = orientation(wcs)
    return Footprint(
        exposure.imagename, partner_group(exposure, target), exposure.visit, exposure.mjd, roll, stars
    )


def _fitted_cards(rootname: str, chip: int, config: Config, lake: StoredLake) -> Mapping[str, Any] | None:
    from cte_lake.pipeline.align.alignment_rows import alignment_for

    solution = alignment_for(lake, rootname) if config.photometry.use_alignment else None
    return solution.cards.get(chip) if solution is not None else None


@cache
def _positions(master: MasterFile) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    table = read_master(master)
    return table.column("ra").to_numpy(), table.column("dec").to_numpy()
