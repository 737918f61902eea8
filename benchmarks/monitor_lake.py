"""A monitor of 2009 to 2026 as photometry: clusters, flash levels, missing partners, recalibrations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b

import numpy as np

from benchmarks.simulated_photometry import (
    ChipStars,
    SimulatedPhotometry,
    draw_stars,
    simulate_pair_photometry,
)
from cte_lake.simulate.exposure import Settings
from cte_lake.simulate.program import TARGETS, Visit, nominal_visit, proposal_at

#: First exposures with post-flash (proposal 13083), MJD.
FIRST_FLASH = 56230.0
#: From here on the exposures are those of the program of Cycle 31, MJD.
_CYCLE_31 = 60200.0
#: Post-flash levels by target, e-/px.
FLASHES: dict[str, tuple[int, ...]] = {"ngc104": (0, 6, 12, 33, 55, 91), "ngc6791": (0, 12)}


@dataclass(frozen=True)
class Calibration:
    """A state of the calibration pipeline: its header facts, and the share of the loss that its FLCs keep."""

    cal_ver: str
    cte_ver: str
    pctetab: str
    flc_fraction: float


FIRST = Calibration("3.5.2 (May-26-2020)", "1.2", "iref$zcv2057mi_cte.fits", 0.5)
SECOND = Calibration("3.7.1 (Oct-18-2023)", "2.0", "iref$54l1347ei_cte.fits", 0.35)
RECALIBRATED = Calibration("3.8.0 (Sep-15-2026)", "3.0", "iref$54l1347ei_cte.fits", 0.3)


@dataclass(frozen=True)
class Monitor:
    """What is simulated.

    Attributes
    ----------
    start, stop, cadence : float
        Dates of the first and the last visits (MJD) and the days between them.
    change : float
        Date of the exposures from which on FLCs are of the second calibration, MJD.
    never_came : tuple of (str, int)
        Target and number (from 0) of the visits that never came.
    missing : tuple of (str, int, int)
        Target, number of the visit, and flash level of the pairs whose exposure on chip 1 is missing.
    stars : int
        Stars a chip.
    flashes : mapping of str to tuple of int
        Post-flash levels by target, e-/px, from `FIRST_FLASH` on.
    settings : Settings
        Law, detector and seed.
    """

    start: float = 55105.0
    stop: float = 61200.0
    cadence: float = 365.25
    change: float = 58500.0
    never_came: tuple[tuple[str, int], ...] = (("ngc104", 9),)
    missing: tuple[tuple[str, int, int], ...] = (("ngc104", 5, 12), ("ngc104", 12, 0), ("ngc6791", 8, 0))
    stars: int = 1500
    flashes: Mapping[str, tuple[int, ...]] = field(default_factory=lambda: FLASHES)
    settings: Settings = field(default_factory=Settings)

    def visits(self) -> Iterator[tuple[str, int, Visit]]:
        """Yield target, number and visit of all that were observed, those that never came left out."""
        for shift, (target, flashes) in enumerate(self.flashes.items()):
            for number, mjd in enumerate(np.arange(self.start, self.stop, self.cadence)):
                if (target, number) in self.never_came:
                    continue
                first = float(mjd) + 9.0 * shift
                yield target, number, nominal_visit(
                    TARGETS[target], first, visit=f"{number + 1 + 50 * shift:02d}",
                    proposal=17674 if mjd >= _CYCLE_31 else proposal_at(first)[0],
                    flashes=flashes if mjd >= FIRST_FLASH else (0,),
                )  # fmt: skip

    def star_field(self, target: str) -> ChipStars:
        """Return the stars of a target."""
        return draw_stars(TARGETS[target], self.stars, seed=self.settings.seed + len(target))

    def images(self, target: str, recalibrated: bool = False) -> Iterator[SimulatedPhotometry]:
        """Yield the images of a target: as first calibrated, or all as recalibrated since, revision 2.

        Parameters
        ----------
        target : {'ngc104', 'ngc6791'}
            The cluster.
        recalibrated : bool, optional
            Whether the archive has made all files anew.
        """
        stars = self.star_field(target)
        for name, number, visit in self.visits():
            if name != target:
                continue
            plans = {plan.rootname: plan for plan in visit.exposures}
            for pair in visit.pairs:
                first, second = plans[pair.first], plans[pair.second]
                state = FIRST if first.mjd < self.change else SECOND
                state = RECALIBRATED if recalibrated else state
                alone = (target, number, first.flash) in self.missing
                settings = replace(
                    self.settings,
                    detector=replace(self.settings.detector, flc_fraction=state.flc_fraction),
                )
                for image in simulate_pair_photometry(first, second, stars, settings):
                    if not (alone and image.record["chip"] == 1):
                        yield _calibrated(image, state, revision=1 + recalibrated)


def _calibrated(image: SimulatedPhotometry, state: Calibration, revision: int) -> SimulatedPhotometry:
    key = blake2b(f"{image.record['phot_key']} {state}".encode(), digest_size=12).hexdigest()
    facts = {"cal_ver": state.cal_ver, "phot_key": key, "revision": revision}
    if image.record["filetype"] == "flc":
        facts |= {"cte_name": "pixelCTE", "cte_ver": state.cte_ver, "pctetab": state.pctetab}
    columns = image.columns | {"phot_key": np.full(len(image.true_flux), key)}
    return replace(image, record=image.record | facts, columns=columns)
