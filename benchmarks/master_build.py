"""What `master build` finds on simulated visits, with the default settings and no catalog to start from.

python benchmarks/master_build.py [--seed N] [--width COLUMNS]

Complete is the share of the true stars that the catalog has within 1 px (40 mas). The true stars are those on
two exposures or more by the true pointing, 5 px from the chips' edges; bad pixels are not left out. Twice:
of all of them, and of those that the rules for crowding and glare, applied to the truth, would keep. False is
a star of the catalog without a true one within 2 px, however faint. Positions are compared after shift,
rotation and scale, which a catalog made from one header cannot know; the truth has no scatter of its own.
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy.spatial import cKDTree
from visits import WIDTH, scratch, spoil

from cte_lake.config import load_settings
from cte_lake.detector import DETECTOR, SIGMA_PER_MAD
from cte_lake.lake.create import create_lake
from cte_lake.lake.read import current_master, read_master
from cte_lake.lake.stored import stored
from cte_lake.pipeline.align.match import match_nearest, refine, search_offset
from cte_lake.pipeline.master_build.build_catalog import BuildArguments, BuildReport, build_master
from cte_lake.pipeline.master_build.detect_stars import beside_a_brighter
from cte_lake.simulate import (
    TARGETS,
    Program,
    Settings,
    StarField,
    make_field,
    nominal_program,
    simulate_program,
)
from cte_lake.simulate.psf import encircled_energy
from cte_lake.simulate.stars import sky_to_pixel

#: The rules were set on seed 31 (NGC 104 and NGC 6791, two pairs each).
SEED = 32
EXPTIME = 348.0
#: Pixel in which distances are told, arcsec: that of the drizzled image.
PIXEL = 0.04
BINS = (250, 500, 1000, 2000, 4000, 8000, 32000)
_EDGE = 5.0


def exposures_on(field: StarField, program: Program, width: int) -> np.ndarray:
    """Count the exposures on which each star lies, by the true pointing."""
    seen = np.zeros(len(field.id), int)
    for plan in program.exposures:
        for chip in (2, 1):
            x, y = sky_to_pixel(chip, plan.attitude, width, field.ra, field.dec)
            inside = (x > _EDGE) & (x < width - 1 - _EDGE) & (y > _EDGE) & (y < DETECTOR.rows - 1 - _EDGE)
            seen += inside
    return seen


def build(
    target: str, seed: int, width: int, repeats: int
) -> tuple[BuildReport, np.ndarray, StarField, np.ndarray]:
    """Simulate a visit and build its catalog; return the report, its stars, the field, exposures a star."""
    program = spoil(
        nominal_program(TARGETS[target], (57601.3,), repeats=repeats), np.random.default_rng(seed)
    )
    field = make_field(program.exposures, width=width, seed=seed)
    with scratch() as folder:
        settings = Settings(width=width, seed=seed)
        simulate_program(program, folder / "sim", settings, field=field, filetypes=("flc",))
        lake = folder / "lake"
        create_lake(stored(lake))
        report = build_master(
            BuildArguments(
                stored(lake), (str(folder / "sim/data"),), target, load_settings(None, environment={})
            )
        )
        master = current_master(stored(lake), target)
        assert master is not None
        table = read_master(master)
        sky = np.column_stack([table.column(name).to_numpy() for name in ("ra", "dec")])
    return report, sky, field, exposures_on(field, program, width)


def compare(sky: np.ndarray, field: StarField, seen: np.ndarray) -> None:
    """Print completeness by flux, false stars and the scatter of the positions."""
    flux = field.rate * EXPTIME * encircled_energy(3.0, "F502N")
    scale = np.array([np.cos(np.radians(field.dec.mean())), 1.0]) * 3600 / PIXEL
    middle = np.array([field.ra.mean(), field.dec.mean()])
    true = (np.column_stack([field.ra, field.dec]) - middle) * scale
    found = (sky - middle) * scale
    bright = true[flux > 1000]
    offset = refine(found, bright, search_offset(found[:1500], bright, 12.0, 0.1)[0], 0.7)
    found = offset(found)
    i, j = match_nearest(found, true, 1.0)
    has = np.zeros(len(true), bool)
    has[j] = True
    rules = load_settings(None, environment={}).config.master_build
    x, y = true.T
    spoiled = beside_a_brighter(x, y, flux, rules.crowding_radius / PIXEL, rules.crowding_ratio)
    spoiled |= beside_a_brighter(x, y, flux, rules.glare_radius / PIXEL, rules.glare_ratio)
    print("  flux, e-       true stars  complete   of them kept by the rules  complete")
    for low, high in zip(BINS, (*BINS[1:], np.inf), strict=True):
        wanted = (seen >= 2) & (flux >= low) & (flux < high)
        clean = wanted & ~spoiled
        print(
            f"  {low:>6} to {high:<6g} {wanted.sum():8} {has[wanted].mean():9.1%} {clean.sum():19} "
            f"{has[clean].mean():16.1%}"
        )
    false = cKDTree(true).query(found)[0] > 2
    print(f"  false: {false.sum()} of {len(found)}")
    residual = (true[j] - found[i]) * PIXEL * 1000
    for least, most in ((2, 2), (3, 99)):
        of = (seen[j] >= least) & (seen[j] <= most) & (flux[j] > 500)
        if of.any():
            mas = SIGMA_PER_MAD * np.median(np.abs(residual[of] - np.median(residual[of], axis=0)))
            words = "2 exposures" if most == 2 else "3 or more"
            print(f"  positions over 500 e-, {words}: {mas:.1f} mas an axis ({of.sum()} stars)")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--width", type=int, default=WIDTH)
    parser.add_argument("--repeats", type=int, default=2, help="pairs of the visit")
    stated = parser.parse_args()
    for target in ("ngc104", "ngc6791"):
        report, sky, field, seen = build(target, stated.seed, stated.width, stated.repeats)
        left_out = ", ".join(f"{n} {reason}" for reason, n in sorted(report.left_out.items()))
        print(
            f"{target}, seed {stated.seed}, {stated.width} columns, {len(report.exposures)} exposures: "
            f"{report.n_found} stars in {report.seconds:.0f} s; left out: {left_out}"
        )
        compare(sky, field, seen)


if __name__ == "__main__":
    main()
