"""What the gate of `align` has to tell apart: its numbers for good, bad and subtly wrong solutions.

python benchmarks/align_gate.py [--seed N]

Good: exposures with WCS errors of 0.2 to 3 px and up to 0.05 degrees. Bad: another field, no star, a trailed
frame (30 px; and drifts of 1 to 4 px, to see where it begins). Wrong: a catalog that is 25 px away from where
the search may look, so that the fullest false offset is fitted; and good solutions pushed off afterwards.
A dense catalog has further stars at random places, as many as a catalog of 60,000 stars on a full frame.
Each line gives how many are refused and, for each number of the gate, the smallest and the largest; 'ratio'
is the share of matched sources over that at displaced positions.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from msgspec.structs import asdict
from tweakwcs import FITSWCSCorrector
from visits import WIDTH, scratch, spoil

from cte_lake.config import load_settings
from cte_lake.errors import Rejected
from cte_lake.frames.opening import open_frame
from cte_lake.lake.selection import Selection
from cte_lake.masters.read import read_master
from cte_lake.pipeline.align.align_task import find_sources, search_settings
from cte_lake.pipeline.align.detect import Sources
from cte_lake.pipeline.align.fit import fit_wcs, open_wcs, tangent_plane
from cte_lake.pipeline.align.gate import check
from cte_lake.pipeline.align.quality import Quality, judge
from cte_lake.pipeline.survey import survey
from cte_lake.simulate import TARGETS, Program, Settings, nominal_program, simulate_program, with_anomalies
from cte_lake.simulate import exposure as simulated_exposure
from cte_lake.simulate.program import Anomaly

SEED = 22
SETTINGS = load_settings(None, environment={})
ALIGN = SETTINGS.config.align
EPOCHS = (57401.3, 57441.3, 57481.3)
DENSE = 60_000
#: Arcsec a pixel, for catalogs that are put elsewhere.
PIXEL = 0.04


@dataclass(frozen=True)
class Prepared:
    """An exposure with its sources and its header's WCS."""

    wcs: dict[int, Any]
    sources: dict[int, Sources]
    ra: np.ndarray
    dec: np.ndarray


@dataclass
class Case:
    """One solution: what it is, its numbers (None: no WCS could be fitted), and why it was refused."""

    kind: str
    quality: Quality | None
    reason: str


def prepare(program: Program, seed: int, folder: Path) -> Iterator[Prepared]:
    """Simulate a program and find the stars of each exposure."""
    out = simulate_program(program, folder, Settings(width=WIDTH, seed=seed), filetypes=("flc",))
    stars = read_master(out.master)
    for exposure in survey((str(folder / "data"),), SETTINGS, Selection()).exposures:
        length = "s" if exposure.exptime <= SETTINGS.config.chips.short_limit else "l"
        with open_frame(Path(exposure.path)) as hdus:
            yield Prepared(
                open_wcs(hdus, Path(exposure.path).name),
                find_sources(exposure, length, ALIGN),
                stars.ra,
                stars.dec,
            )


def solve(kind: str, one: Prepared, off_sky: float = 0.0) -> tuple[Case, dict[int, Any] | None]:
    """Fit, judge and check an exposure, its catalog put `off_sky` px away in declination."""
    dec = one.dec + off_sky * PIXEL / 3600
    if not any(len(found) for found in one.sources.values()):
        return Case(kind, None, "no_sources"), None
    try:
        after, _ = fit_wcs(one.wcs, one.sources, one.ra, dec, search_settings(ALIGN))
    except Rejected as refusal:
        return Case(kind, None, refusal.reason), None
    return judged(kind, one, after, dec), after


def judged(kind: str, one: Prepared, after: dict[int, Any], dec: np.ndarray) -> Case:
    """Judge a solution and ask the gate."""
    quality, _ = judge(one.wcs, after, one.sources, one.ra, dec, search_settings(ALIGN))
    try:
        check(quality, ALIGN.gate)
    except Rejected as refusal:
        return Case(kind, quality, refusal.reason)
    return Case(kind, quality, "")


def pushed(after: dict[int, Any], shift: float, degrees: float, chips: tuple[int, ...]) -> dict[int, Any]:
    """Push a solution off by a shift (px, along the diagonal) and a rotation about the detector's middle."""
    plane = tangent_plane(after)
    angle = np.radians(degrees)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = dict(after)
    for chip in chips:
        corrector = FITSWCSCorrector(after[chip].deepcopy())
        corrector.set_correction(matrix, np.full(2, shift / np.sqrt(2)), ref_tpwcs=plane.corrector)
        moved[chip] = corrector.wcs
    return moved


#: Name, shift in px, rotation in degrees, chips that are pushed.
PUSHES = (
    ("off by 0.1 px", 0.1, 0.0, (2, 1)),
    ("off by 0.2 px", 0.2, 0.0, (2, 1)),
    ("off by 0.3 px", 0.3, 0.0, (2, 1)),
    ("off by 0.5 px", 0.5, 0.0, (2, 1)),
    ("off by 1 px", 1.0, 0.0, (2, 1)),
    ("off by 5 px", 5.0, 0.0, (2, 1)),
    ("chip 1 off by 0.3 px", 0.3, 0.0, (1,)),
    ("rotated by 0.01 degrees", 0.0, 0.01, (2, 1)),
    ("rotated by 0.03 degrees", 0.0, 0.03, (2, 1)),
)


def dense(one: Prepared, rng: np.random.Generator) -> Prepared:
    """Add stars at random places to the catalog, at the density of `DENSE` stars on a full frame."""
    low = np.array([one.ra.min(), one.dec.min()])
    high = np.array([one.ra.max(), one.dec.max()])
    size = (high - low) * np.array([np.cos(np.radians(low[1])), 1.0]) * 3600 / PIXEL
    n = int(DENSE * size.prod() / (4096 * 4102))
    ra, dec = rng.uniform(low, high, (n, 2)).T
    return replace(one, ra=np.append(one.ra, ra), dec=np.append(one.dec, dec))


def good_and_pushed(seed: int) -> Iterator[Case]:
    rng = np.random.default_rng(seed)
    for name, exptime in (
        ("ngc104", 348.0), ("ngc104", 30.0), ("ngc6791", 348.0), ("ngc6791", 60.0), ("ngc6583", 348.0),
    ):  # fmt: skip
        program = spoil(nominal_program(TARGETS[name], EPOCHS, exptime=exptime), rng)
        with scratch() as folder:
            for one in prepare(program, seed, folder):
                case, after = solve("good", one)
                yield case
                yield solve("false offset fitted", one, off_sky=25.0)[0]
                crowd = dense(one, rng)
                yield solve("good, dense catalog", crowd)[0]
                yield solve("false, dense catalog", crowd, off_sky=25.0)[0]
                if after is None:
                    continue
                for kind, shift, degrees, chips in PUSHES:
                    yield judged(kind, one, pushed(after, shift, degrees, chips), one.dec)


def bad(seed: int) -> Iterator[Case]:
    rng = np.random.default_rng(seed + 1)
    kinds: list[tuple[str, Anomaly, float]] = [
        ("another field", "wrong_field", 0.0),
        ("no star", "empty", 0.0),
    ]
    kinds += [(f"trailed by {drift:g} px", "guide_star_smear", drift) for drift in (1.0, 2.0, 4.0, 30.0)]
    for name in ("ngc104", "ngc6791"):
        program = spoil(nominal_program(TARGETS[name], EPOCHS), rng)
        for kind, anomaly, drift in kinds:
            spoiled = with_anomalies(program, {plan.rootname: anomaly for plan in program.exposures})
            with scratch() as folder, patch.object(simulated_exposure, "SMEAR_PX", drift):
                for one in prepare(spoiled, seed, folder):
                    yield solve(kind, one)[0]


NUMBERS = ("matched", "share", "ratio", "rms", "shift", "rotation", "scale-1", "elongation", "unevenness")


def numbers(quality: Quality) -> list[float]:
    """Return the numbers that the gate looks at."""
    return [
        quality.n_matched,
        quality.match_fraction,
        quality.match_fraction / max(quality.chance_fraction, 1e-3),
        max(quality.rms_x, quality.rms_y),
        float(np.hypot(quality.shift_x, quality.shift_y)),
        abs(quality.rotation),
        abs(quality.scale - 1),
        quality.elongation,
        quality.unevenness,
    ]


def _range(values: np.ndarray) -> str:
    return f"{values.min():.3g} - {values.max():.3g}" if len(values) else "-"


def tell(cases: list[Case]) -> None:
    """Print a line a kind, and the reasons of the refusals."""
    print(f"{'':26}{'n':>4}{'refused':>9}  " + " ".join(f"{name:>15}" for name in NUMBERS))
    for kind in dict.fromkeys(case.kind for case in cases):
        of = [case for case in cases if case.kind == kind]
        refused = Counter(case.reason for case in of if case.reason)
        rows = np.array([numbers(case.quality) for case in of if case.quality is not None])
        ranges = [""] * len(NUMBERS)
        if len(rows):
            ranges = [_range(column[np.isfinite(column)]) for column in rows.T]
        print(f"{kind:26}{len(of):4}{refused.total():9}  " + " ".join(f"{told:>15}" for told in ranges))
        for reason, n in refused.most_common():
            print(f"{'':30}{n:9} {reason}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seed", type=int, default=SEED)
    stated = parser.parse_args()
    tell([*good_and_pushed(stated.seed), *bad(stated.seed)])
    print("limits: " + ", ".join(f"{name} {value:g}" for name, value in asdict(ALIGN.gate).items()))


if __name__ == "__main__":
    main()
