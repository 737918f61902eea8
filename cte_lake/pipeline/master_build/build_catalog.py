"""Builds a master catalog: chooses exposures, aligns them together, drizzles, detects, numbers, merges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

from cte_lake.config import Settings
from cte_lake.config.sections import MasterBuild
from cte_lake.detector import exposure_length
from cte_lake.errors import CatalogError, NothingToDo
from cte_lake.frames.checks import ASTRODRIZZLE, check_needs
from cte_lake.frames.opening import open_frame
from cte_lake.lake.read import current_master
from cte_lake.lake.selection import Selection
from cte_lake.lake.stored import StoredLake
from cte_lake.lake.write import replacing
from cte_lake.masters.merge import Merged, merge
from cte_lake.masters.table import MasterTable
from cte_lake.pipeline.align.alignment_rows import ALIGNED, alignment_for
from cte_lake.pipeline.copies import write_plain_copy
from cte_lake.pipeline.master_build.detect_stars import Drizzled, Stars, find_stars
from cte_lake.pipeline.master_build.relative import Cards, align_together
from cte_lake.pipeline.master_import import ImportedMaster, lake_catalog, store_master
from cte_lake.pipeline.private import private_folder, run_job, silenced
from cte_lake.pipeline.survey import ExposureFile, survey


@dataclass(frozen=True)
class BuildArguments:
    """Arguments of a master build; `replace` numbers the stars from 1 even if the target has a catalog."""

    lake: StoredLake
    paths: tuple[str, ...]
    target: str
    settings: Settings
    selection: Selection = field(default_factory=Selection)
    image: Path | None = None
    replace: bool = False


@dataclass(frozen=True)
class BuildReport:
    """What was built.

    Attributes
    ----------
    imported : ImportedMaster
        The catalog in the lake.
    filter : str
        Filter of the exposures.
    exposures : tuple of str
        Root names of those that were drizzled.
    refused : dict of str to str
        Exposures that do not fit the others, and why.
    n_found, n_added, n_common : int
        Stars on the image; new ones among them; those the target's catalog had.
    left_out : dict of str to int
        Detections that are not clean stars, by reason.
    depth : float
        Total exposure time, s.
    seconds : float
        Wall time.
    """

    imported: ImportedMaster
    filter: str
    exposures: tuple[str, ...]
    refused: dict[str, str]
    n_found: int
    n_added: int
    n_common: int
    left_out: dict[str, int]
    depth: float
    seconds: float


def build_master(arguments: BuildArguments) -> BuildReport:
    """Make a master catalog of a target from its long exposures, or add a filter to the one it has.

    Raises
    ------
    NothingToDo
        If there are fewer than two long exposures to combine.
    CatalogError
        If no clean star is found, or the stars have nothing in common with the target's catalog.
    """
    started = perf_counter()
    exposures = choose_exposures(arguments)
    cards, refused = _solutions(arguments, exposures)
    used = [exposure for exposure in exposures if exposure.rootname in cards]
    if len(used) < 2:
        returned = "; ".join(f"{name}: {why}" for name, why in refused.items())
        raise NothingToDo(f"fewer than two exposures of {arguments.target} fit together ({returned})")
    name = f"{arguments.target}_{used[0].filter.lower()}"
    with private_folder() as folder:
        image = _drizzle(used, cards, folder, name, arguments.settings.config.master_build)
        if arguments.image is not None:
            _keep(folder / f"{name}_drc_sci.fits", arguments.image)
    stars = find_stars(image, arguments.settings.config.master_build)
    if len(stars) == 0:
        raise CatalogError(f"no clean star was found on the drizzled image of {arguments.target}")
    depth = float(sum(exposure.exptime for exposure in used))
    origin = str(arguments.image.absolute()) if arguments.image else f"{name}_drc.fits"
    origin += f" ({len(used)} exposures, {depth:g} s)"
    epoch = float(np.mean([exposure.mjd for exposure in used]))
    imported, merged = _store(arguments, stars, used[0].filter, origin, epoch)
    return BuildReport(
        imported=imported,
        filter=used[0].filter,
        exposures=tuple(exposure.rootname for exposure in used),
        refused=refused,
        n_found=len(stars),
        n_added=len(stars) if merged is None else int(merged.added.sum()),
        n_common=0 if merged is None else merged.n_common,
        left_out=stars.left_out,
        depth=depth,
        seconds=perf_counter() - started,
    )


def choose_exposures(arguments: BuildArguments) -> list[ExposureFile]:
    """Return the long exposures of one filter to be combined: of the visit with most of them.

    One visit, since its exposures share the telescope's orientation and the stars have not moved; no more
    than ``crmask.max_exposures``, which bounds the memory.

    Raises
    ------
    NothingToDo
        If there are fewer than two.
    """
    config = arguments.settings.config
    found = survey(arguments.paths, arguments.settings, arguments.selection)
    usable = [
        e
        for e in found.exposures
        if e.target == arguments.target
        and exposure_length(e.exptime, config.chips.short_limit) == "l"
        and e.chinject == "NONE"
    ]
    groups = Counter((e.proposal, e.visit, e.filter) for e in usable)
    if not groups or max(groups.values()) < 2:
        raise NothingToDo(
            f"{len(usable)} long exposures of {arguments.target} were found, no two of them of one visit and "
            "filter; two are needed to distinguish cosmic rays from stars"
        )
    most = max(sorted(groups), key=lambda group: groups[group])
    chosen = [e for e in usable if (e.proposal, e.visit, e.filter) == most]
    return sorted(chosen, key=lambda e: e.mjd)[: config.crmask.max_exposures]


def _solutions(
    arguments: BuildArguments, exposures: list[ExposureFile]
) -> tuple[dict[str, Cards | None], dict[str, str]]:
    """Return the WCS of the exposures: fitted to the target's catalog if all are, else to each other."""
    aligned: dict[str, Cards | None] = {}
    for exposure in exposures:
        solution = alignment_for(arguments.lake, exposure.rootname)
        if solution is not None and solution.status == ALIGNED:
            aligned[exposure.rootname] = solution.cards
    if len(aligned) == len(exposures):
        return aligned, {}
    cards, refused = align_together(exposures, arguments.settings.config.align)
    return cards, {name: str(refusal) for name, refusal in refused.items()}


def _drizzle(
    exposures: list[ExposureFile],
    cards: Mapping[str, Cards | None],
    folder: Path,
    name: str,
    settings: MasterBuild,
) -> Drizzled:
    files = []
    for exposure in exposures:
        files.append(f"{exposure.rootname}_flc.fits")
        path = Path(exposure.path)
        with open_frame(path, headers_only=True) as hdus:
            check_needs(hdus, path.name, replace(ASTRODRIZZLE, stage="master"))
        write_plain_copy(path, folder / files[-1], cards[exposure.rootname])
    returned = run_job(
        "combine", {"files": files, "output": name, "options": options(settings)}, folder, "master"
    )
    with fits.open(folder / returned["science"]) as hdus, silenced():
        science, wcs = np.asarray(hdus[0].data, np.float32), WCS(hdus[0].header)
    weight = np.asarray(fits.getdata(folder / returned["weight"]), np.float32)
    return Drizzled(science, weight, wcs, max(exposure.exptime for exposure in exposures))


def options(settings: MasterBuild) -> dict[str, Any]:
    """Return the configured part of AstroDrizzle's parameters."""
    return {
        "combine_type": "minmed",
        "driz_cr_snr": "5.0 4.0",
        "driz_cr_scale": "2.0 1.5",
        "driz_sep_bits": "16,64",
        "sky_bits": "16,64",
        "final_bits": "16,64",
        "final_scale": settings.pixel_scale,
        "final_pixfrac": settings.pixfrac,
        "final_wht_type": "EXP",
        "final_units": "cps",
    }


def _keep(image: Path, place: Path) -> None:
    with replacing(place) as temporary:
        temporary.write_bytes(image.read_bytes())


def _store(
    arguments: BuildArguments, stars: Stars, filter_: str, origin: str, epoch: float
) -> tuple[ImportedMaster, Merged | None]:
    found = MasterTable(
        np.arange(1, len(stars) + 1),
        stars.x,
        stars.y,
        stars.ra,
        stars.dec,
        {"flux": stars.flux, "depth": stars.depth, "epoch": np.full(len(stars), epoch)},
    )
    present = None if arguments.replace else current_master(arguments.lake, arguments.target)
    if present is None:
        return store_master(arguments.lake, found, arguments.target, origin, [filter_] * len(found)), None
    older, filters_there, origins = lake_catalog(present)
    merged = merge(older, found, arguments.settings.config.master_build.merge_radius)
    n_added = int(merged.added.sum())
    filters = [*filters_there, *[filter_] * n_added]
    origin_of = [*origins, *[origin] * n_added]
    return store_master(arguments.lake, merged.table, arguments.target, origin_of, filters), merged
