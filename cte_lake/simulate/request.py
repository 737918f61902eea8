"""From what a user asks for to programs: dates, proposals, errors of the headers' coordinates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cte_lake.errors import UsageError
from cte_lake.simulate.geometry import CHIP_COLUMNS
from cte_lake.simulate.program import (
    PROPOSALS,
    TARGETS,
    Program,
    WCSError,
    nominal_program,
    program_180,
    with_wcs_errors,
)
from cte_lake.simulate.stars import THROUGHPUT

#: First and last date (MJD) over which epochs are spread, and the days a proposal lasts.
FIRST_EPOCH, LAST_EPOCH, PROPOSAL_DAYS = 55500.0, 57601.3, 360.0
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
    seed : int
        Seed of those errors.
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
        _with_errors(_program(request, name), request, k)
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
