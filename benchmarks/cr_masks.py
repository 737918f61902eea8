"""How the defaults of `crmask` were chosen, and what they do on visits that nothing was chosen on.

python benchmarks/cr_masks.py choose            # the grids, on seeds 11 and 14
python benchmarks/cr_masks.py score [--seed N]  # the defaults, by both engines; seed 21 unless told otherwise

Truth: the simulator's hits; pixels that are bad anyway do not count. An event (hit) of over 100 e- is found
if any of its pixels is masked. Purity: share of the masked pixels that are within 1 px of a hit. 'lost': the
share of the stars over 250 e- with a falsely masked pixel within r = 3 px. 'hit': the share of them with an
unmasked pixel of over 50 e- of a hit there. Both cost a star: the one is not measured, the other is measured
wrong. 'cores': the share of the stars over 8,000 e- with a falsely masked pixel within 1 px of the centre.
"""

from __future__ import annotations

import argparse
import itertools
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.ndimage import label, maximum_filter
from visits import WIDTH, new_lake, run_align, run_crmask, scratch, spoil

from cte_lake.config import load_settings
from cte_lake.frames.fitsfile import read_chip
from cte_lake.frames.masks import bad_pixel_mask
from cte_lake.lake.stored import stored
from cte_lake.pipeline.crmask.mask_rows import mask_for
from cte_lake.pipeline.crmask.single import SingleSettings, find_on_one_image, near_stars
from cte_lake.simulate import (
    TARGETS,
    ExposurePlan,
    Program,
    Settings,
    SimulatedExposure,
    StarField,
    make_field,
    nominal_program,
    simulate_exposure,
    simulate_program,
)
from cte_lake.simulate.write import write_exposure

CHOSEN_ON = (11, 14)
SEED = 21
#: Values of the one-image method: sigclip, objlim, and px kept from catalogued stars.
SIGCLIPS, OBJLIMS, RADII = (4.5, 6.0, 8.0), (5.0, 10.0, 20.0), (0.0, 1.0, 1.5, 2.0, 3.0)
#: Settings of AstroDrizzle other than the defaults; the last ones are its own.
DRIZZLES: tuple[dict[str, object], ...] = (
    {},
    {"crmask.snr": [4.0, 3.0]},
    {"crmask.snr": [6.0, 5.0]},
    {"crmask.scale": [1.2, 0.7]},
    {"crmask.scale": [3.0, 2.5]},
    {"crmask.grow": 3},
    {"crmask.blot_interp": "linear"},
    {"crmask.combine_type": "median"},
    {"crmask.snr": [3.5, 3.0], "crmask.scale": [1.2, 0.7]},
)
#: Visits that are scored: target, exposure time, flash levels, pairs a level.
VISITS = (
    ("ngc104", 348.0, (0,), 1),
    ("ngc104", 348.0, (0,), 2),
    ("ngc104", 348.0, (0, 12), 1),
    ("ngc104", 30.0, (0,), 2),
    ("ngc6791", 348.0, (0,), 1),
    ("ngc6791", 348.0, (0, 12), 1),
    ("ngc6791", 348.0, (0, 12), 2),
    ("ngc6791", 60.0, (0,), 2),
    ("ngc6583", 348.0, (0,), 1),
    ("ngc6583", 348.0, (0,), 2),
)
ENGINES: tuple[dict[str, object], ...] = ({"crmask.engine": "drizzle"}, {"crmask.engine": "drizzlepac"})
MEASURES = ("pixels", "events", "purity", "lost", "hit", "cores")
HEADINGS = "pixels>50  events>100  purity    lost     hit   cores"


@dataclass
class Score:
    """Counts (hits, of so many) by measure, added up over chips."""

    counts: dict[str, np.ndarray] = field(default_factory=dict)

    def add(self, mask: np.ndarray, bad: np.ndarray, exposure: SimulatedExposure, chip: int) -> None:
        for key, value in compare(mask, bad, exposure, chip).items():
            self.counts[key] = self.counts.get(key, np.zeros(2)) + value

    def join(self, other: Score) -> None:
        for key, value in other.counts.items():
            self.counts[key] = self.counts.get(key, np.zeros(2)) + value

    def share(self, measure: str) -> float:
        hits, of = self.counts[measure]
        return float(hits / max(of, 1))

    def __str__(self) -> str:
        widths = (9, 11, 7, 7, 7, 7)
        digits = (1, 1, 1, 2, 2, 2)
        return " ".join(
            f"{self.share(name):{width}.{digit}%}"
            for name, width, digit in zip(MEASURES, widths, digits, strict=True)
        )


def compare(
    mask: np.ndarray, bad: np.ndarray, exposure: SimulatedExposure, chip: int
) -> dict[str, np.ndarray]:
    """Count a mask's right and wrong pixels, hits and stars on a chip."""
    rays, stars = exposure.cosmic_rays[chip], exposure.stars[chip]
    hits, n = label(rays > 0, structure=np.ones((3, 3)))
    charge = np.bincount(hits.ravel(), rays.ravel())
    found = np.zeros(n + 1, bool)
    found[np.unique(hits[mask | bad])] = True
    strong = charge > 100
    strong[0] = False
    near_hit = maximum_filter(rays > 0, 3)
    false, missed = mask & ~near_hit & ~bad, (rays > 50) & ~mask & ~bad
    x, y = np.rint(stars.x).astype(int), np.rint(stars.y).astype(int)
    inside = (x > 3) & (x < mask.shape[1] - 4) & (y > 3) & (y < mask.shape[0] - 4) & (stars.flux > 250)
    x, y, bright = x[inside], y[inside], stars.flux[inside] > 8000
    dy, dx = np.mgrid[-3:4, -3:4]
    aperture = np.hypot(dx, dy) <= 3
    places = y[:, None, None] + dy, x[:, None, None] + dx
    pixels = (rays > 50) & ~bad
    core = false[places][bright][:, 2:5, 2:5].any(axis=(1, 2))
    pairs = {
        "pixels": (mask[pixels].sum(), pixels.sum()),
        "events": (found[strong].sum(), strong.sum()),
        "purity": ((mask & near_hit).sum(), mask.sum()),
        "lost": ((false[places] & aperture).any(axis=(1, 2)).sum(), len(x)),
        "hit": ((missed[places] & aperture).any(axis=(1, 2)).sum(), len(x)),
        "cores": (core.sum(), bright.sum()),
    }
    return {key: np.array(value, float) for key, value in pairs.items()}


def images(
    plan: ExposurePlan, stars: StarField, seed: int
) -> tuple[SimulatedExposure, dict[int, tuple[np.ndarray, np.ndarray]]]:
    """Simulate an exposure; return it, and the data and bad pixels of both chips of its FLC, as read back."""
    exposure = simulate_exposure(plan, stars, Settings(width=WIDTH, seed=seed))
    read = {}
    with scratch() as folder:
        (path,) = write_exposure(exposure, folder, filetypes=("flc",))
        for chip in (2, 1):
            image = read_chip(path, chip)
            read[chip] = image.data, bad_pixel_mask(image.dq, image.err, image.data)
    return exposure, read


def choose_single() -> None:
    """Print the grid of the one-image method, and the best that spares the cores of stars."""
    scores: dict[tuple[float, float, float], Score] = {}
    for seed, name in itertools.product(CHOSEN_ON, ("ngc104", "ngc6791")):
        program = nominal_program(TARGETS[name], (57601.3,))
        stars = make_field(program.exposures, width=WIDTH, seed=seed)
        exposure, read = images(program.exposures[0], stars, seed)
        for sigclip, objlim, chip in itertools.product(SIGCLIPS, OBJLIMS, (2, 1)):
            data, bad = read[chip]
            truth = exposure.stars[chip]
            free = find_on_one_image(data, bad, truth.x, truth.y, SingleSettings(sigclip, 0.3, objlim, 0.0))
            for radius in RADII:
                mask = free & ~near_stars(data.shape, truth.x, truth.y, radius)
                scores.setdefault((sigclip, objlim, radius), Score()).add(mask, bad, exposure, chip)
    print("one image: sigclip objlim  radius  " + HEADINGS)
    for (sigclip, objlim, radius), score in scores.items():
        print(f"{sigclip:18} {objlim:6} {radius:7}  {score}")
    sparing = {key: score for key, score in scores.items() if score.share("cores") <= 0.005}
    best = min(sparing, key=lambda key: scores[key].share("lost") + scores[key].share("hit"))
    print(f"fewest stars lost or hit, with at most 0.5% of the cores masked: {best}")


def choose_drizzle() -> None:
    """Print AstroDrizzle's settings on two visits a seed, one-image masks where only one exposure looked."""
    print(f"AstroDrizzle{'':46} " + HEADINGS)
    scores = [Score() for _ in DRIZZLES]
    for seed, name in itertools.product(CHOSEN_ON, ("ngc104", "ngc6791")):
        program = nominal_program(TARGETS[name], (57601.3,), repeats=2)
        variants = tuple(ENGINES[1] | flags for flags in DRIZZLES)
        for score, found in zip(scores, masked(program, seed, variants), strict=True):
            score.join(found[0])
    for flags, score in zip(DRIZZLES, scores, strict=True):
        told = ", ".join(f"{key.removeprefix('crmask.')} {value}" for key, value in flags.items())
        print(f"{told or 'the defaults':58} {score}")


def masked(
    program: Program, seed: int, variants: tuple[dict[str, object], ...] = ({},)
) -> list[tuple[Score, str]]:
    """Simulate a visit, align it, mask it by each variant of the settings; return scores and methods."""
    program = spoil(program, np.random.default_rng(seed))
    name = program.target.name
    stars = make_field(program.exposures, width=WIDTH, seed=seed)
    settings = Settings(width=WIDTH, seed=seed)
    results = []
    with scratch() as folder:
        out = simulate_program(program, folder / "sim", settings, field=stars, filetypes=("flc",))
        data = folder / "sim/data"
        lake = new_lake(folder, out.master, name)
        run_align(lake, data)
        for flags in variants:
            report = run_crmask(lake, data, flags=flags)
            methods = "+".join(sorted({told["method"] for told in report.masked}))
            results.append((_score(lake, data, program, stars, settings), methods))
    return results


def _score(lake: Path, data: Path, program: Program, stars: StarField, settings: Settings) -> Score:
    score = Score()
    for plan in program.exposures:
        exposure = simulate_exposure(plan, stars, settings)
        mask = mask_for(stored(lake), plan.rootname)
        if mask is None:
            raise RuntimeError(f"{plan.rootname} has no mask")
        for chip in (2, 1):
            image = read_chip(data / f"{plan.rootname}_flc.fits", chip)
            score.add(mask.array(chip), bad_pixel_mask(image.dq, image.err, image.data), exposure, chip)
    return score


def score_defaults(seed: int) -> None:
    """Print what the default settings do on each of the visits, by both engines, and on all together."""
    print(f"seed {seed}\ntarget   time  flash    pairs  method         exp  engine      {HEADINGS}")
    together = [Score() for _ in ENGINES]
    for name, exptime, flashes, repeats in VISITS:
        program = nominal_program(
            TARGETS[name], (57601.3,), flashes=flashes, repeats=repeats, exptime=exptime
        )
        levels = "+".join(map(str, flashes))
        visit = f"{name:8} {exptime:4g}  {levels:8} {repeats:4}"
        for flags, whole, (score, method) in zip(
            ENGINES, together, masked(program, seed, ENGINES), strict=True
        ):
            whole.join(score)
            engine = flags["crmask.engine"]
            print(f"{visit}   {method:13} {len(program.exposures):4}  {engine:11} {score}", flush=True)
    for flags, score in zip(ENGINES, together, strict=True):
        counts = ", ".join(f"{key} {int(hits)} of {int(of)}" for key, (hits, of) in score.counts.items())
        print(f"all, {flags['crmask.engine']}: {counts}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=("choose", "score"))
    parser.add_argument("--seed", type=int, default=SEED)
    stated = parser.parse_args()
    if stated.what == "choose":
        single = load_settings(None, environment={}).config.crmask.single
        print(f"defaults of the one-image method: {single.sigclip}, {single.objlim}, {single.protect_radius}")
        choose_single()
        choose_drizzle()
    else:
        score_defaults(stated.seed)


if __name__ == "__main__":
    main()
