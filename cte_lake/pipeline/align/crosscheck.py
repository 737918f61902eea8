"""TweakReg beside our own alignment: a second opinion on the solutions in the lake."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

from cte_lake.config.sections import Align
from cte_lake.detector import exposure_length
from cte_lake.errors import NothingToDo, Rejected
from cte_lake.frames.fitsfile import wcs_of
from cte_lake.frames.opening import EXTVER_OF_CHIP, open_frame
from cte_lake.lake.read import MasterFile, current_master, read_master
from cte_lake.pipeline.align.align_task import find_sources
from cte_lake.pipeline.align.alignment_rows import ALIGNED, WcsSolution, alignment_for
from cte_lake.pipeline.align.detect import Sources
from cte_lake.pipeline.align.fit import grid_of
from cte_lake.pipeline.carry_out import StageArguments
from cte_lake.pipeline.copies import write_plain_copy
from cte_lake.pipeline.private import private_folder, run_job
from cte_lake.pipeline.survey import ExposureFile, survey

#: Solutions that differ by more anywhere on the detector, px, do not agree.
LARGEST_DIFFERENCE = 0.1
#: TweakReg's memory grows with the product of both lists; its histogram needs whole pixels and a wide match.
_BRIGHTEST = 1500
_SEARCH_RADIUS = 8
_TOLERANCE = 2.0
_CATALOG = "reference.txt"


def cross_check(arguments: StageArguments) -> list[dict[str, Any]]:
    """Align the selected exposures by TweakReg, on copies, and compare with the lake's solutions.

    TweakReg writes a WCS even where it matched nothing; its result counts only as a difference.

    Returns
    -------
    list of dict
        Per aligned exposure: rootname, difference_px (largest distance of the two solutions on the detector,
        NULL without a second solution), agrees, and the problem if there is one.

    Raises
    ------
    NothingToDo
        If none of the selected exposures is aligned in the lake.
    """
    rows = []
    for exposure in survey(arguments.paths, arguments.settings, arguments.selection).exposures:
        solution = alignment_for(arguments.lake, exposure.rootname)
        master = current_master(arguments.lake, exposure.target)
        if solution is None or solution.status != ALIGNED or master is None:
            continue
        rows.append(_compare(exposure, solution, master, arguments))
    if not rows:
        raise NothingToDo("none of the selected exposures is aligned in the lake; run `cte-lake align` first")
    return rows


def _compare(
    exposure: ExposureFile, solution: WcsSolution, master: MasterFile, arguments: StageArguments
) -> dict[str, Any]:
    config = arguments.settings.config
    length = exposure_length(exposure.exptime, config.chips.short_limit)
    row: dict[str, Any] = {
        "rootname": exposure.rootname, "difference_px": None, "agrees": False, "problem": "",
    }  # fmt: skip
    try:
        sources = find_sources(exposure, length, config.align)
        other = _by_tweakreg(exposure, sources, master, config.align)
    except Rejected as refusal:
        return row | {"problem": str(refusal)}
    difference = _difference(Path(exposure.path), solution.cards, other)
    return row | {"difference_px": difference, "agrees": difference <= LARGEST_DIFFERENCE}


def _by_tweakreg(
    exposure: ExposureFile, sources: Mapping[int, Sources], master: MasterFile, settings: Align
) -> dict[int, WCS]:
    table = read_master(master)
    ra, dec = (np.asarray(table.column(name)) for name in ("ra", "dec"))
    name = f"{exposure.rootname}_flc.fits"
    with private_folder() as folder:
        write_plain_copy(Path(exposure.path), folder / name, None)
        near = _near_field(folder / name, ra, dec)
        np.savetxt(folder / _CATALOG, np.column_stack([ra[near], dec[near]]), fmt="%.10f")
        catalogs = []
        for chip, extver in EXTVER_OF_CHIP.items():
            found = sources[chip]
            brightest = slice(0, _BRIGHTEST)
            catalogs.append(f"chip{extver}.txt")
            # TweakReg counts pixels from 1.
            np.savetxt(folder / catalogs[-1], np.column_stack([found.x, found.y])[brightest] + 1, fmt="%.4f")
        (folder / "catalogs.txt").write_text(f"{name} {' '.join(catalogs)}\n", encoding="utf-8")
        run_job(
            "tweakreg", {"name": name, "catalog": _CATALOG, "options": options(settings)}, folder, "align"
        )
        with fits.open(folder / name) as hdus:
            if str(hdus["SCI", EXTVER_OF_CHIP[2]].header.get("WCSNAME", "")) != "CROSSCHECK":
                raise Rejected("tweakreg_failed", "TweakReg found no solution", stage="align")
            # While the file is open: the lookup tables are part of a WCS.
            return {c: wcs_of(hdus["SCI", v].header, c, hdus=hdus) for c, v in EXTVER_OF_CHIP.items()}


def options(settings: Align) -> dict[str, Any]:
    """Return the part of TweakReg's parameters that follows from the configuration."""
    return {
        "catfile": "catalogs.txt",
        "xcol": 1,
        "ycol": 2,
        "xyunits": "pixels",
        "conv_width": settings.tweakreg_conv_width,
        "searchrad": _SEARCH_RADIUS,
        "searchunits": "pixels",
        "tolerance": _TOLERANCE,
        "separation": 0.0,
        "use2dhist": True,
        "minobj": 5,
        "fitgeometry": settings.fit if settings.fit != "shift" else "shift",
        "nclip": 5,
        "sigma": 3.0,
        "enforce_user_order": True,
    }


def _near_field(path: Path, ra: Any, dec: Any) -> Any:
    with open_frame(path) as hdus:
        corners = np.vstack(
            [wcs_of(hdus["SCI", v].header, c, hdus=hdus).calc_footprint() for c, v in EXTVER_OF_CHIP.items()]
        )
    margin = 20 * 0.04 / 3600
    scale = np.cos(np.radians(corners[:, 1].mean()))
    low, high = corners.min(axis=0), corners.max(axis=0)
    inside = (dec > low[1] - margin) & (dec < high[1] + margin)
    return inside & (ra > low[0] - margin / scale) & (ra < high[0] + margin / scale)


def _difference(path: Path, cards: Mapping[int, Mapping[str, Any]], other: Mapping[int, WCS]) -> float:
    """Return the largest distance on the detector, px, between where two solutions put the same sky."""
    largest = 0.0
    for chip in (2, 1):
        ours = wcs_of(path, chip, cards[chip])
        x, y = grid_of(ours)
        back = other[chip].all_world2pix(np.column_stack(ours.all_pix2world(x, y, 0)), 0)
        largest = max(largest, float(np.hypot(back[:, 0] - x, back[:, 1] - y).max()))
    return largest
