"""What is to be observed: exposures, visits and programs of the monitor, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from cte_lake.detector import DETECTOR
from cte_lake.errors import UsageError
from cte_lake.simulate.geometry import CHIP_DITHER, Attitude

Anomaly = Literal["none", "wrong_field", "empty", "guide_star_smear"]

#: Position angle of V3 of the monitor's simulated visits, degrees.
PA_V3 = 110.0
#: Days from the start of one exposure to that of the next in a visit.
EXPOSURE_SPACING = 0.012
#: Longest of the shortest exposures, s.
_SHORTEST = 30.0
#: Start of the 180-degree set, MJD.
_ROLLED_MJD = 56103.2


@dataclass(frozen=True)
class Target:
    """A star field.

    Attributes
    ----------
    name : str
        Slug of the configuration.
    targname : str
        As it stands in the headers.
    ra, dec : float
        Degrees.
    stars : int
        Stars over 250 e- (at 348 s in F502N) on a whole chip.
    first_visit : int
        Number of its first visit in a proposal: no two targets share a root name.
    """

    name: str
    targname: str
    ra: float
    dec: float
    stars: int
    first_visit: int = 1


TARGETS: dict[str, Target] = {
    "ngc104": Target("ngc104", "NGC104", 5.655, -72.0723, 8000),
    "ngc6791": Target("ngc6791", "NGC6791", 290.2208, 37.7717, 2000, 51),
    "ngc6583": Target("ngc6583", "NGC6583", 273.9583, -22.14, 6000),
}

#: Proposals of the monitor: number, first three characters after 'i' of its root names, first MJD.
PROPOSALS: tuple[tuple[int, str, float], ...] = (
    (11924, "bc5", 55105.0),
    (12348, "bhl", 55460.0),
    (12379, "blq", 55500.0),
    (12692, "b92", 55840.0),
    (13083, "c12", 56230.0),
    (13566, "cau", 56640.0),
    (14012, "cq4", 57000.0),
    (14378, "c78", 57360.0),
    (14541, "d55", 57730.0),
)


#: The 180-degree set: its proposal and visits.
_ROLLED_PROPOSAL, _ROLLED_VISITS, _LAST_VISIT = 12692, ("10", "11"), 99


def _side_letters(exptime: float) -> str:
    """Eighth letters of the root names of a pair: exposures of another length have other names."""
    if exptime > DETECTOR.short_limit:
        return "ab"
    return "cd" if exptime > _SHORTEST else "ef"


@dataclass(frozen=True)
class WCSError:
    """What is wrong with the coordinates in a header: shift (px on the detector) and rotation (degrees)."""

    dx: float = 0.0
    dy: float = 0.0
    rotation: float = 0.0


@dataclass(frozen=True)
class ExposurePlan:
    """One exposure.

    Attributes
    ----------
    rootname : str
        Nine characters, ``ipppssoot``.
    proposal : int
        ``PROPOSID``.
    mjd : float
        Start, MJD (UTC).
    exptime : float
        Seconds.
    filter : str
        'F502N' or 'F606W'.
    flash : int
        Post-flash, e-/px.
    postarg1, postarg2 : float
        Dither, arcsec.
    pa_v3 : float
        Degrees.
    chinject : str
        ``CHINJECT``: 'NONE', 'CONT', 'LINE10', 'LINE17', 'LINE25'.
    wcs_error : WCSError
        Error of the header's coordinates; the stars are painted without it.
    anomaly : str
        What went wrong with the exposure: 'none', 'wrong_field' (other stars than the header says),
        'empty' (no star), 'guide_star_smear' (the telescope drifted during the exposure).
    cal_ver : str
        ``CAL_VER``.
    overrides : tuple of (extension, keyword, value)
        Header cards set last, extension 'PRIMARY', 'SCI,1', ...; a value of None deletes the card.
    """

    rootname: str
    target: Target
    proposal: int
    mjd: float
    exptime: float = 348.0
    filter: str = "F502N"
    flash: int = 0
    postarg1: float = 0.0
    postarg2: float = 0.0
    pa_v3: float = PA_V3
    chinject: str = "NONE"
    wcs_error: WCSError = WCSError()
    anomaly: Anomaly = "none"
    cal_ver: str = "3.7.1 (Oct-18-2023)"
    overrides: tuple[tuple[str, str, str | float | int | bool | None], ...] = ()

    @property
    def attitude(self) -> Attitude:
        """True pointing."""
        return Attitude(self.target.ra, self.target.dec, self.pa_v3, self.postarg1, self.postarg2)

    @property
    def header_attitude(self) -> Attitude:
        """Pointing that the header claims."""
        error = self.wcs_error
        return self.attitude.perturbed(error.dx, error.dy, error.rotation)


@dataclass(frozen=True)
class PlannedPair:
    """Root names of two exposures that make a pair.

    Attributes
    ----------
    kind : {'nominal', '180'}
        Chip 2 and chip 1 at one roll, or one chip at two rolls.
    first, second : str
        Chip 2 then chip 1 (nominal), or the earlier and the later visit (180).
    chip : int or None
        The chip of a '180' pair.
    """

    kind: Literal["nominal", "180"]
    first: str
    second: str
    chip: int | None = None


@dataclass(frozen=True)
class Visit:
    """Exposures of one visit, in time order, and the nominal pairs among them."""

    name: str
    exposures: tuple[ExposurePlan, ...]
    pairs: tuple[PlannedPair, ...] = ()


@dataclass(frozen=True)
class Program:
    """Visits of one field that belong together, and the pairs across visits."""

    target: Target
    visits: tuple[Visit, ...]
    pairs_180: tuple[PlannedPair, ...] = ()

    @property
    def exposures(self) -> tuple[ExposurePlan, ...]:
        """All exposures, in order."""
        return tuple(plan for visit in self.visits for plan in visit.exposures)

    @property
    def pairs(self) -> tuple[PlannedPair, ...]:
        """All pairs, nominal ones first."""
        return tuple(pair for visit in self.visits for pair in visit.pairs) + self.pairs_180


def proposal_at(mjd: float) -> tuple[int, str]:
    """Proposal that observed at a date, and the first four characters of its root names."""
    number, code = PROPOSALS[0][0], PROPOSALS[0][1]
    for proposal, letters, start in PROPOSALS:
        if mjd >= start:
            number, code = proposal, letters
    return number, "i" + code


def root_code(proposal: int) -> str:
    """First four characters of a proposal's root names; made from its number if it is not the monitor's."""
    for number, letters, _ in PROPOSALS:
        if number == proposal:
            return "i" + letters
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    code, rest = "", proposal
    while rest:
        rest, digit = divmod(rest, 36)
        code = digits[digit] + code
    return "i" + code[-3:].rjust(3, "0")


def nominal_visit(
    target: Target,
    mjd: float,
    *,
    visit: str = "01",
    proposal: int | None = None,
    flashes: tuple[int, ...] = (0,),
    exptime: float = 348.0,
    filter_name: str = "F502N",
    repeats: int = 1,
) -> Visit:
    """Plan the monitor's visit: per flash level an exposure on chip 2 and one dithered by a chip height.

    Parameters
    ----------
    target : Target
        The cluster.
    mjd : float
        Start of the first exposure.
    visit : str
        Two characters.
    proposal : int, optional
        Default: the proposal of that date.
    flashes : tuple of int
        Post-flash levels, e-/px.
    exptime : float
        Seconds.
    filter_name : str
        'F502N' or 'F606W'.
    repeats : int
        Pairs per flash level; more than one lets cosmic rays be distinguished from stars.
    """
    if len(visit) != 2:
        raise UsageError(f"visit {visit!r} must have two characters, such as 01")
    if len(flashes) * repeats > 26:
        raise UsageError(
            f"a visit holds at most 26 pairs, not {len(flashes) * repeats}; use fewer flash levels or repeats"
        )
    number = proposal_at(mjd)[0] if proposal is None else proposal
    plans: list[ExposurePlan] = []
    pairs: list[PlannedPair] = []
    for k, flash in enumerate(level for level in flashes for _ in range(repeats)):
        letter = "abcdefghijklmnopqrstuvwxyz"[k]
        for second, dither in zip(_side_letters(exptime), (0.0, CHIP_DITHER), strict=True):
            plans.append(
                ExposurePlan(
                    rootname=f"{root_code(number)}{visit}{letter}{second}q",
                    target=target,
                    proposal=number,
                    mjd=round(mjd + EXPOSURE_SPACING * len(plans), 6),
                    exptime=exptime,
                    filter=filter_name,
                    flash=flash,
                    postarg2=dither,
                )
            )
        pairs.append(PlannedPair("nominal", plans[-2].rootname, plans[-1].rootname))
    return Visit(visit, tuple(plans), tuple(pairs))


def nominal_program(
    target: Target, epochs: tuple[float, ...], *, flashes: tuple[int, ...] = (0,), exptime: float = 348.0,
    filter_name: str = "F502N", repeats: int = 1, proposal: int | None = None,
) -> Program:  # fmt: skip
    """Plan one nominal visit per epoch (MJD); visits of one proposal are numbered from the target's first."""
    counts: dict[int, int] = {}
    visits = []
    for mjd in epochs:
        number = proposal_at(mjd)[0] if proposal is None else proposal
        counts[number] = counts.get(number, target.first_visit - 1) + 1
        while number == _ROLLED_PROPOSAL and f"{counts[number]:02d}" in _ROLLED_VISITS:
            counts[number] += 1
        if counts[number] > _LAST_VISIT:
            raise UsageError(
                f"proposal {number} has no room for {len(epochs)} visits of {target.name}; use fewer"
            )
        visits.append(
            nominal_visit(target, mjd, visit=f"{counts[number]:02d}", proposal=number, flashes=flashes,
                          exptime=exptime, filter_name=filter_name, repeats=repeats)
        )  # fmt: skip
    return Program(target, tuple(visits))


def program_180(*, exptimes: tuple[float, ...] = (348.0,), filter_name: str = "F502N") -> Program:
    """Plan the 180-degree set of proposal 12692: visits 10 and 11, the second rolled by half a turn.

    The target lies on the centre of chip 2 in one exposure of a visit and of chip 1 in the other, so a star
    at row y of a chip in visit 10 is at about row 2050 - y of the same chip in visit 11.
    """
    field = TARGETS["ngc6583"]
    visits: list[Visit] = []
    pairs: list[PlannedPair] = []
    for k, name in enumerate(_ROLLED_VISITS):
        plans: list[ExposurePlan] = []
        for j, exptime in enumerate(exptimes):
            for second, chip, dither in (("a", 2, -CHIP_DITHER / 2), ("b", 1, CHIP_DITHER / 2)):
                plan = ExposurePlan(
                    rootname=f"{root_code(12692)}{name}{'abcdefghijklm'[j]}{second}q",
                    target=field, proposal=12692, exptime=exptime, filter=filter_name, postarg2=dither,
                    mjd=round(_ROLLED_MJD + 0.4 * k + 0.02 * len(plans), 6),
                    pa_v3=(PA_V3 + 180.0 * k) % 360.0,
                )  # fmt: skip
                plans.append(plan)
                if k == 0:
                    partner = plan.rootname.replace(f"{root_code(12692)}10", f"{root_code(12692)}11")
                    pairs.append(PlannedPair("180", plan.rootname, partner, chip))
        visits.append(Visit(name, tuple(plans)))
    return Program(field, tuple(visits), tuple(pairs))


def with_wcs_errors(program: Program, errors: dict[str, WCSError]) -> Program:
    """Return the program with the header coordinates of some exposures (by root name) set wrong."""
    return _replan(program, {root: {"wcs_error": error} for root, error in errors.items()})


def with_anomalies(program: Program, anomalies: dict[str, Anomaly]) -> Program:
    """Return the program with something gone wrong in some exposures (by root name)."""
    return _replan(program, {root: {"anomaly": anomaly} for root, anomaly in anomalies.items()})


def with_calibrations(program: Program, versions: dict[str, str]) -> Program:
    """Return the program with another ``CAL_VER`` of some exposures (by root name)."""
    return _replan(program, {root: {"cal_ver": version} for root, version in versions.items()})


def without(program: Program, missing: set[str]) -> Program:
    """Return the program without some exposures (root names), and without the pairs that need them."""

    def whole(pairs: tuple[PlannedPair, ...]) -> tuple[PlannedPair, ...]:
        return tuple(pair for pair in pairs if not {pair.first, pair.second} & missing)

    visits = tuple(
        replace(
            visit,
            exposures=tuple(plan for plan in visit.exposures if plan.rootname not in missing),
            pairs=whole(visit.pairs),
        )
        for visit in program.visits
    )
    return replace(program, visits=visits, pairs_180=whole(program.pairs_180))


def _replan(program: Program, changes: dict[str, dict[str, object]]) -> Program:
    unknown = set(changes) - {plan.rootname for plan in program.exposures}
    if unknown:
        raise UsageError(f"the program has no exposure {sorted(unknown)[0]!r}")
    visits = tuple(
        replace(
            visit,
            exposures=tuple(replace(plan, **changes.get(plan.rootname, {})) for plan in visit.exposures),  # type: ignore[arg-type]
        )
        for visit in program.visits
    )
    return replace(program, visits=visits)
