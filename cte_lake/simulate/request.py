"""From what a user asks for to programs: dates, proposals, errors of the headers' coordinates."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cte_lake.errors import UsageError
from cte_lake.simulate.geometry import CHIP_COLUMNS, PIXEL_DEGREES
from cte_lake.simulate.program import (
    PROPOSALS,
    TARGETS,
    Program,
    WCSError,
    nominal_program,
    program_180,
    with_calibrations,
    with_wcs_errors,
    without,
)
from cte_lake.simulate.stars import THROUGHPUT

#: First and last date (MJD) over which epochs are spread, and the days a proposal lasts.
FIRST_EPOCH, LAST_EPOCH, PROPOSAL_DAYS = 55500.0, 57601.3, 360.0
#: What pointings there are; motion of a field in a GAIA frame, arcsec a year, and where it started, MJD.
POINTINGS, MOTION, MOTION_START = ("exact", "gaia", "old"), 0.0058, 55197.0
#: Errors (arcsec) of old pointings, and the calibration after the plans' own.
OLD_POINTING, NEWER_CALIBRATION = (1.0, 2.0), "3.7.2 (Apr-15-2024)"
#: Smallest shift (px) of a header that is asked to be wrong.
SMALLEST_SHIFT = 0.2


@dataclass(frozen=True)
class Request:
    """What is to be simulated.

    Attributes
    ----------
    targets : tuple of str
        Slugs; 'ngc6583' is the 180-degree set, the others are nominal visits.
    proposal : int, optional
        Default: the proposal of each date.
    epochs : int
        Visits of each nominal target, evenly spread over the monitor's years (or the proposal's).
    dates : tuple of float
        Their dates (MJD) instead.
    flashes : tuple of int
        Post-flash levels, e-/px.
    exptime : float
        Seconds.
    filter : str
        'F502N' or 'F606W'.
    repeats : int
        Pairs per flash level.
    wcs_shift, wcs_rotation : float
        Largest error of the headers' coordinates, px and degrees; 0 for none.
    pointing : str
        What the headers' pointings are, for a visit's exposures alike: 'exact'; 'gaia', in a frame against
        which the field moves (`MOTION` a year since 2010); 'old', off by 1 to 2 arcsec as before GAIA.
    recalibrated : float
        Share of the exposures that a newer calibration has processed.
    missing : int
        Number of missing exposures, each from a different pair.
    seed : int
        Seed of those errors and choices.
    """

    targets: tuple[str, ...] = ("ngc104",)
    proposal: int | None = None
    epochs: int = 1
    dates: tuple[float, ...] = ()
    flashes: tuple[int, ...] = (0,)
    exptime: float = 348.0
    filter: str = "F502N"
    repeats: int = 1
    wcs_shift: float = 0.0
    wcs_rotation: float = 0.0
    pointing: str = "exact"
    recalibrated: float = 0.0
    missing: int = 0
    seed: int = 0


def check_width(width: int) -> int:
    """Return a width of frames that can be made.

    Raises
    ------
    UsageError
        If it is not even or not from 128 to 4096.
    """
    if not 128 <= width <= CHIP_COLUMNS or width % 2:
        raise UsageError(f"A width of {width} columns cannot be made; give an even number from 128 to 4096.")
    return width


def plan_programs(request: Request) -> list[Program]:
    """Plan a program per target.

    Raises
    ------
    UsageError
        If a target, filter, number or date is not one that can be simulated.
    """
    _check(request)
    return [
        _as_archived(_with_errors(_program(request, name), request, k), request, k)
        for k, name in enumerate(dict.fromkeys(request.targets))
    ]


def _check(request: Request) -> None:
    unknown = [name for name in request.targets if name not in TARGETS]
    if unknown or not request.targets:
        named = repr(unknown[0]) if unknown else "none"
        raise UsageError(f"Target {named} cannot be simulated; there are {', '.join(TARGETS)}.")
    if request.filter not in THROUGHPUT:
        raise UsageError(f"Filter {request.filter!r} cannot be simulated; there are {', '.join(THROUGHPUT)}.")
    if request.epochs < 1 or request.repeats < 1:
        raise UsageError("At least one epoch and one pair per flash level are needed.")
    if not request.exptime > 0:
        raise UsageError(
            f"An exposure time of {request.exptime:g} s cannot be simulated; give seconds above 0."
        )
    if request.pointing not in POINTINGS:
        raise UsageError(f"There is no pointing {request.pointing!r}; there are {', '.join(POINTINGS)}.")
    if not 0.0 <= request.recalibrated <= 1.0 or request.missing < 0:
        raise UsageError(
            "The share of recalibrated exposures is 0 to 1, the number of missing ones 0 or more."
        )
    if min(request.flashes, default=0) < 0:
        raise UsageError(f"A post-flash of {min(request.flashes)} e- cannot be simulated; give 0 or more.")


def _program(request: Request, name: str) -> Program:
    if name == "ngc6583":
        return program_180(exptimes=(request.exptime,), filter_name=request.filter)
    return nominal_program(
        TARGETS[name], request.dates or _dates(request), flashes=request.flashes or (0,),
        exptime=request.exptime, filter_name=request.filter, repeats=request.repeats,
        proposal=request.proposal,
    )  # fmt: skip


def _dates(request: Request) -> tuple[float, ...]:
    starts = {number: start for number, _, start in PROPOSALS}
    if request.proposal in starts:
        first = starts[request.proposal] + 10.0
        last = first + PROPOSAL_DAYS
        if request.epochs == 1:
            return (first + PROPOSAL_DAYS / 2,)
    else:
        first, last = FIRST_EPOCH, LAST_EPOCH
        if request.epochs == 1:
            return (last,)
    return tuple(round(float(mjd), 1) for mjd in np.linspace(first, last, request.epochs))


def _as_archived(program: Program, request: Request, index: int) -> Program:
    """Give the exposures the pointings, calibrations and gaps of an archive."""
    rng = np.random.default_rng(np.random.SeedSequence([request.seed, index, 47]))
    errors, newer = {}, {}
    for visit in program.visits:
        common = _pointing_error(request.pointing, visit.exposures[0].mjd, rng)
        for plan in visit.exposures:
            own = plan.wcs_error
            errors[plan.rootname] = replace(own, dx=own.dx + common[0], dy=own.dy + common[1])
            if rng.random() < request.recalibrated:
                newer[plan.rootname] = NEWER_CALIBRATION
    program = with_calibrations(with_wcs_errors(program, errors), newer)
    pairs = program.pairs
    if request.missing > len(pairs):
        raise UsageError(f"{request.missing} exposures cannot be missing of {len(pairs)} pairs.")
    chosen = rng.choice(len(pairs), request.missing, replace=False)
    return without(program, {pairs[k].first if rng.random() < 0.5 else pairs[k].second for k in chosen})


def _pointing_error(pointing: str, mjd: float, rng: np.random.Generator) -> tuple[float, float]:
    """Return how far a visit's headers are off, px along x and y."""
    angle = rng.uniform(0.0, 2.0 * np.pi)
    length = 0.0
    if pointing == "old":
        length = rng.uniform(*OLD_POINTING)
    elif pointing == "gaia":
        length, angle = MOTION * (mjd - MOTION_START) / 365.25, 0.6
    return tuple(length / (PIXEL_DEGREES * 3600.0) * np.array([np.cos(angle), np.sin(angle)]))


def _with_errors(program: Program, request: Request, index: int) -> Program:
    if not request.wcs_shift and not request.wcs_rotation:
        return program
    rng = np.random.default_rng(np.random.SeedSequence([request.seed, index, 31]))
    errors = {}
    for plan in program.exposures:
        shift = rng.uniform(min(SMALLEST_SHIFT, request.wcs_shift), request.wcs_shift)
        angle = rng.uniform(0.0, 2.0 * np.pi)
        errors[plan.rootname] = WCSError(
            dx=float(shift * np.cos(angle)),
            dy=float(shift * np.sin(angle)),
            rotation=float(rng.uniform(-request.wcs_rotation, request.wcs_rotation)),
        )
    return with_wcs_errors(program, errors)
