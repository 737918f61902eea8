"""What a worker does with the exposures of one field: copy, drizzle, supplement, keep. Twice is once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from cte_lake import __version__
from cte_lake.arrays import BoolArray
from cte_lake.config.sections import Crmask
from cte_lake.errors import Rejected
from cte_lake.frames.checks import ASTRODRIZZLE, check_needs
from cte_lake.frames.fitsfile import read_chip
from cte_lake.frames.masks import bad_pixel_mask
from cte_lake.frames.opening import EXTVER_OF_CHIP, open_frame
from cte_lake.lake.read import MasterFile, read_master
from cte_lake.lake.stored import StoredLake
from cte_lake.masters.project import project
from cte_lake.pipeline.align.alignment_rows import ALIGNED, WcsSolution, alignment_for
from cte_lake.pipeline.carry_out import refusal_of
from cte_lake.pipeline.copies import write_plain_copy
from cte_lake.pipeline.crmask.comparison import hits_of, set_aside
from cte_lake.pipeline.crmask.fields import Pointing, group_by_field, in_turns, pointing_of, seen_by_others
from cte_lake.pipeline.crmask.mask_rows import CRMask, write_mask
from cte_lake.pipeline.crmask.single import SingleSettings, find_on_one_image
from cte_lake.pipeline.private import private_folder, run_job
from cte_lake.pipeline.survey import ExposureFile

#: Small dithers leave a chip's outermost rows and columns unseen by others: no reason for a second method.
_UNSEEN_EDGE = 0.05

DRIZZLE, SINGLE, MIXED = "drizzle", "single", "mixed"
DRIZZLEPAC = "drizzlepac"

#: Masks and skies by chip, by root name.
Found = dict[str, tuple[dict[int, BoolArray], dict[int, float]]]
_Read = TypeVar("_Read")


@dataclass(frozen=True)
class CrmaskTask:
    """The exposures of a visit in one filter and length; small enough to be sent to a worker.

    Attributes
    ----------
    exposures : tuple of ExposureFile
        All of the visit.
    apart : frozenset of str
        Root names whose WCS must not be mixed with the others': each is masked on its own image.
    master : MasterFile or None
        The target's catalog, whose stars are protected on single images.
    settings, settings_hash, key
        How, and what the outcome is filed under.
    """

    lake: StoredLake
    exposures: tuple[ExposureFile, ...]
    apart: frozenset[str]
    master: MasterFile | None
    settings: Crmask
    settings_hash: str
    key: str


@dataclass
class Outcome:
    """What became of the exposures of a task.

    Attributes
    ----------
    masked : list of dict
        Per exposure: rootname, method, n_exposures, fraction of both chips.
    refused : dict of str to Rejected
        By path.
    seconds, peak_mb : list of float
        What AstroDrizzle's processes took.
    """

    masked: list[dict[str, Any]] = field(default_factory=list)
    refused: dict[str, Rejected] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    peak_mb: list[float] = field(default_factory=list)


def mask_visit(task: CrmaskTask) -> Outcome:
    """Mask the cosmic rays of a visit's exposures and keep the masks; a bad file does not stop the others."""
    outcome = Outcome()
    solutions: dict[str, WcsSolution | None] = {}
    pointings = []
    for exposure in task.exposures:
        try:
            solutions[exposure.rootname] = alignment_for(task.lake, exposure.rootname)
            check_cards(Path(exposure.path))
            pointings.append(pointing_of(exposure, _cards(solutions[exposure.rootname])))
        except Rejected as refusal:
            outcome.refused[exposure.path] = refusal
    together = [pointing for pointing in pointings if pointing.exposure.rootname not in task.apart]
    groups = group_by_field(together, task.settings.min_overlap)
    groups += [[pointing] for pointing in pointings if pointing.exposure.rootname in task.apart]
    for group in groups:
        for run in in_turns(group, task.settings.max_exposures):
            mask_or_refuse(task, run, solutions, outcome)
    return outcome


class _OneRefusedError(Exception):
    """One exposure of a group cannot be read; the others can be masked without it."""

    def __init__(self, pointing: Pointing, refusal: Rejected) -> None:
        super().__init__(str(refusal))
        self.pointing = pointing
        self.refusal = refusal


def mask_or_refuse(
    task: CrmaskTask, group: list[Pointing], solutions: Mapping[str, WcsSolution | None], outcome: Outcome
) -> None:
    """Mask exposures of a field; one that cannot be read is refused, and the others are masked without it."""
    try:
        _mask_group(task, group, solutions, outcome)
    except _OneRefusedError as one:
        outcome.refused[one.pointing.exposure.path] = one.refusal
        mask_or_refuse(task, [other for other in group if other is not one.pointing], solutions, outcome)
    except Exception as error:
        for pointing in group:
            path = pointing.exposure.path
            outcome.refused[path] = refusal_of(Path(path), error, "crmask")


def check_cards(path: Path) -> None:
    """Make sure that a file has all that AstroDrizzle asks for, or raise `Rejected`."""
    with open_frame(path, headers_only=True) as hdus:
        check_needs(hdus, path.name, ASTRODRIZZLE)


def _cards(solution: WcsSolution | None) -> Mapping[int, Mapping[str, Any]] | None:
    return solution.cards if solution is not None and solution.status == ALIGNED else None


def _mask_group(
    task: CrmaskTask, group: list[Pointing], solutions: Mapping[str, WcsSolution | None], outcome: Outcome
) -> None:
    drizzled: Found = {}
    if len(group) > 1:
        compare = _by_drizzlepac if task.settings.engine == DRIZZLEPAC else _here
        drizzled = compare(task.settings, group, solutions, outcome)
    for pointing in group:
        rootname = pointing.exposure.rootname
        arrays, sky = drizzled.get(rootname, ({}, {}))
        others = [other for other in group if other is not pointing]
        methods = set()
        for chip in (2, 1):
            seen = seen_by_others(pointing, chip, others)
            methods |= {DRIZZLE} if seen.any() else set()
            if seen.mean() < 1 - _UNSEEN_EDGE:
                methods.add(SINGLE)
                alone = _single(task, pointing, chip, solutions[rootname])
                arrays[chip] = np.where(seen, arrays.get(chip, False), alone)
        method = methods.pop() if len(methods) == 1 else MIXED
        mask = CRMask(rootname, method, arrays, sky)
        row = pointing.exposure.identity() | {
            "n_exposures": len(group),
            "settings_hash": task.settings_hash,
            "software": __version__,
        }
        write_mask(task.lake, task.key, mask, row)
        fraction = float(np.mean([array.mean() for array in arrays.values()]))
        outcome.masked.append(
            {"rootname": rootname, "method": method, "n_exposures": len(group), "fraction": fraction}
        )


def _each(
    group: list[Pointing], solutions: Mapping[str, WcsSolution | None], read: Callable[..., _Read]
) -> dict[str, _Read]:
    """Read exposures by their root names; one that cannot be read stops it and is told."""
    found = {}
    for pointing in group:
        rootname = pointing.exposure.rootname
        try:
            found[rootname] = read(pointing.exposure, _cards(solutions[rootname]))
        except Rejected as refusal:
            raise _OneRefusedError(pointing, refusal) from None
    return found


def _here(
    settings: Crmask, group: list[Pointing], solutions: Mapping[str, WcsSolution | None], _: Outcome
) -> Found:
    with private_folder() as folder:
        read = partial(set_aside, good_bits=settings.good_bits, folder=folder)
        return hits_of(settings, _each(group, solutions, read))


def _by_drizzlepac(
    settings: Crmask, group: list[Pointing], solutions: Mapping[str, WcsSolution | None], outcome: Outcome
) -> Found:
    with private_folder() as folder:
        names = _each(group, solutions, partial(_copy, folder=folder))
        measured = run_job(
            "crmask",
            {"files": sorted(names.values()), "options": drizzle_options(settings)},
            folder,
            "crmask",
        )
        outcome.seconds.append(measured["seconds"] + measured["import_seconds"])
        outcome.peak_mb.append(measured["peak_mb"])
        found = {}
        for rootname, name in names.items():
            sky = {chip: measured["sky"][name][str(extver)] for chip, extver in EXTVER_OF_CHIP.items()}
            found[rootname] = (_read_masks(folder, rootname), sky)
    return found


def drizzle_options(settings: Crmask) -> dict[str, Any]:
    """Return the configured part of AstroDrizzle's parameters."""
    return {
        "combine_type": settings.combine_type,
        "driz_cr_snr": " ".join(map(str, settings.snr)),
        "driz_cr_scale": " ".join(map(str, settings.scale)),
        "driz_cr_grow": settings.grow,
        "blot_interp": settings.blot_interp,
        "sky_bits": settings.good_bits,
        "driz_sep_bits": settings.good_bits,
    }


def _copy(exposure: ExposureFile, cards: Mapping[int, Mapping[str, Any]] | None, folder: Path) -> str:
    """Write a plain copy of the six extensions, with the aligned WCS, into the private folder."""
    name = f"{exposure.rootname}_flc.fits"
    write_plain_copy(Path(exposure.path), folder / name, cards)
    return name


def _read_masks(folder: Path, rootname: str) -> dict[int, BoolArray]:
    masks = {}
    for chip, extver in EXTVER_OF_CHIP.items():
        path = folder / f"{rootname}_sci{extver}_crmask.fits"
        if not path.is_file():
            raise Rejected(
                "no_mask", f"AstroDrizzle wrote no mask for chip {chip} of {rootname}", stage="crmask"
            )
        # drizzlepac's masks are 1 where the pixel is good.
        masks[chip] = np.asarray(fits.getdata(path)) == 0
    return masks


def _single(
    task: CrmaskTask, pointing: Pointing, chip: int, solution: WcsSolution | None
) -> NDArray[np.bool_]:
    cards = _cards(solution)
    image = read_chip(pointing.exposure.path, chip, None if cards is None else cards[chip])
    x = y = np.empty(0)
    if task.master is not None:
        stars = read_master(task.master)
        ra, dec = (np.asarray(stars.column(name)) for name in ("ra", "dec"))
        _, x, y = project(image.wcs, ra, dec, image.data.shape, margin=3.0)
    bad = bad_pixel_mask(image.dq, image.err, image.data)
    stated = task.settings.single
    settings = SingleSettings(stated.sigclip, stated.sigfrac, stated.objlim, stated.protect_radius)
    return find_on_one_image(image.data, bad, x, y, settings)
