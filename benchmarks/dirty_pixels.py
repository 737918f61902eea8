"""What hot pixels and cosmic rays do to losses: which DQ bits to forgive, which stars to leave out.

    python benchmarks/dirty_pixels.py bits [--seeds N]    DQ bits forgiven: losses against the truth
    python benchmarks/dirty_pixels.py rays [--seeds N]    cosmic rays: no mask, mask, hit stars left out

One pair a seed, 1024 columns of a field twice as dense as NGC 104, flash 0, MJD 57601.3. `bits` has 5% hot
and warm pixels, which calibration took off but for their noise, and no cosmic rays. `rays` has no hot pixel,
and the mask that a perfect `crmask` would make: pixels with over 15 e- of a ray. Figures are mean
(measured - true) / true in percent with the error of the mean, how many stars a bin holds, and the share of
star measurements that is lost to masked pixels (of those that nothing else spoils), in percent. For `rays`
the same against the same frames, noise and all, without the rays: what the rays alone do.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from admission import BINS, DROP, PHOTOMETRY, STARS, WIDTH
from scipy.stats import linregress, sigmaclip

from cte_lake.frames.fitsfile import read_chip
from cte_lake.frames.masks import bad_pixel_mask, saturated_pixels
from cte_lake.frames.pam import area_map_for
from cte_lake.masters.project import project
from cte_lake.masters.read import read_master
from cte_lake.photometry import PixelData, StarMeasurements, measure
from cte_lake.photometry.kernel import core_counts
from cte_lake.simulate import (
    TARGETS,
    Detector,
    Settings,
    nominal_program,
    simulate_exposure,
    simulate_program,
)
from cte_lake.simulate.stars import make_field
from cte_lake.starflags import mask_of

RAY = 15.0
#: Radius, px, about a star in which a hit leaves it out: the aperture's and one more.
NEAR = 4.0
CLEAN, LEFT_OUT = "without rays", "mask, hit stars left out"
FORGIVEN = {"32": 32, "32+64": 96, "16+32": 48, "16+32+64": 112}


@dataclass(frozen=True)
class Measured:
    """A side of a pair: its stars' numbers, rows, photometry and whether a hit is near."""

    ids: np.ndarray
    y: np.ndarray
    stars: StarMeasurements
    hit: np.ndarray


def measured(
    path: Path,
    chip: int,
    master: Path,
    bits: int = 32,
    rays: np.ndarray | None = None,
    charge: np.ndarray | None = None,
) -> Measured:
    """Measure a chip; pixels of `rays` are masked, the `charge` of rays (e-) is taken off first."""
    image = read_chip(path, chip)
    area = area_map_for(image)
    if charge is not None:
        image = replace(image, data=(image.data - charge / area).astype(np.float32))
    mask = bad_pixel_mask(image.dq, image.err, image.data, rays, good_bits=bits)
    pixels = PixelData(image.data * area, image.err * area, mask, saturated_pixels(image.dq))
    catalog = read_master(master)
    index, x, y = project(image.wcs, catalog.ra, catalog.dec, image.data.shape, 0.0)
    hit = np.zeros(x.size, bool)
    if rays is not None:
        nothing = np.zeros(rays.shape, np.uint8)
        hit = core_counts(nothing, rays.astype(np.uint8), x, y, NEAR)[1] > 0
    return Measured(catalog.id[index], y, measure(pixels, x, y, PHOTOMETRY), hit)


def losses(one: Measured, two: Measured, without_hit: bool = False) -> tuple[np.ndarray, np.ndarray, float]:
    """Return loss per 2048 rows and number of stars of each bin, and the share of measurements lost."""
    good = [(side.stars.flags & DROP) == 0 for side in (one, two)]
    if without_hit:
        good = [kept & ~side.hit for kept, side in zip(good, (one, two), strict=True)]
    _, i, j = np.intersect1d(one.ids[good[0]], two.ids[good[1]], return_indices=True)
    chip1, chip2 = (
        (side.stars.flux[:, 1] / (1 - side.stars.masked_light))[kept][k]
        for side, kept, k in ((one, good[0], i), (two, good[1], j))
    )
    y, mean = two.y[good[1]][j], (chip1 + chip2) / 2
    found, count = [], []
    for low, high in BINS:
        inside = (mean > low) & (mean < high)
        ratio = chip1[inside] / chip2[inside]
        _, lowest, highest = sigmaclip(ratio, 4, 4)
        kept = (ratio >= lowest) & (ratio <= highest)
        found.append(linregress(y[inside][kept], ratio[kept]).slope * 1024)
        count.append(int(kept.sum()))
    return np.array(found), np.array(count), float(np.mean([masked_share(side) for side in (one, two)]))


def masked_share(side: Measured) -> float:
    """Return the share of the measurements without another flag that masked pixels spoil."""
    flags = side.stars.flags & DROP
    masked = flags == mask_of(["masked_core"])
    return float(masked.sum() / (masked | (flags == 0)).sum())


def true_losses(pairs: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Return the injected losses of the bins of the only pair."""
    stated = {(entry["lo"], entry["hi"]): entry["loss"] for entry in pairs[0]["cte_per_2048"]}
    return np.array([stated[bin_] for bin_ in BINS], float)


def one_seed(what: str, seed: int) -> tuple[dict[str, tuple[np.ndarray, np.ndarray, float]], np.ndarray]:
    """Simulate a pair and measure it in each of the ways that are compared."""
    detector = (
        Detector(cosmic_ray_rate=0.0, hot_fraction=0.05) if what == "bits" else Detector(hot_fraction=0.0)
    )
    program = nominal_program(TARGETS["ngc104"], (57601.3,))
    settings = Settings(width=WIDTH, seed=seed, detector=detector)
    with tempfile.TemporaryDirectory() as folder:
        field = make_field(program.exposures, width=WIDTH, stars=STARS, seed=seed)
        done = simulate_program(program, Path(folder), settings, field=field, filetypes=("flt",))
        two, one = done.frames
        if what == "bits":
            ways = {
                name: losses(measured(one, 1, done.master, bits), measured(two, 2, done.master, bits))
                for name, bits in FORGIVEN.items()
            }
            return ways, true_losses(done.pairs)
        rays = [
            simulate_exposure(plan, field, settings, chips=(chip,)).cosmic_rays[chip]
            for plan, chip in zip(program.exposures, (2, 1), strict=True)
        ]
        masks = [charge > RAY for charge in rays]
        clean = (
            measured(one, 1, done.master, charge=rays[1]), measured(two, 2, done.master, charge=rays[0])
        )  # fmt: skip
        bare = losses(measured(one, 1, done.master), measured(two, 2, done.master))
        masked = measured(one, 1, done.master, 32, masks[1]), measured(two, 2, done.master, 32, masks[0])
    spared = replace(clean[0], hit=masked[0].hit), replace(clean[1], hit=masked[1].hit)
    return {
        CLEAN: losses(*clean),
        "no mask": bare,
        "mask": losses(*masked),
        f"{CLEAN}, those stars left out": losses(*spared, without_hit=True),
        LEFT_OUT: losses(*masked, without_hit=True),
    }, true_losses(done.pairs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("bits", "rays"))
    parser.add_argument("--seeds", type=int, default=6)
    given = parser.parse_args()
    errors: dict[str, list[np.ndarray]] = {}
    by_rays: dict[str, list[np.ndarray]] = {}
    counts: dict[str, list[np.ndarray]] = {}
    lost: dict[str, list[float]] = {}
    for seed in range(given.seeds):
        ways, truth = one_seed(given.what, seed)
        for name, (found, count, share) in ways.items():
            errors.setdefault(name, []).append(found / truth - 1)
            if CLEAN in ways and not name.startswith(CLEAN):
                of = ways[f"{CLEAN}, those stars left out" if name == LEFT_OUT else CLEAN]
                by_rays.setdefault(f"{name}, by rays", []).append((found - of[0]) / truth)
            counts.setdefault(name, []).append(count)
            lost.setdefault(name, []).append(share)
    print(f"{'':<40}{'lost, %':>8}" + "".join(f"{f'{low}-{high}':>22}" for low, high in BINS))
    for name, values in errors.items():
        mean, spread = np.mean(values, axis=0), np.std(values, axis=0, ddof=1) / np.sqrt(len(values))
        cells = zip(mean, spread, np.mean(counts[name], axis=0), strict=True)
        head = f"{name:<40}{100 * np.mean(lost[name]):8.1f}"
        print(head + "".join(f"{100 * m:+7.1f} ±{100 * e:4.1f} n={n:6.0f}" for m, e, n in cells))
    for name, values in by_rays.items():
        mean, spread = np.mean(values, axis=0), np.std(values, axis=0, ddof=1) / np.sqrt(len(values))
        cells_of = zip(mean, spread, strict=True)
        print(f"{name:<48}" + "".join(f"{f'{100 * m:+.2f} ±{100 * e:.2f}':>22}" for m, e in cells_of))


if __name__ == "__main__":
    main()
