"""Evidence for the default photometry: bias and scatter of fluxes and of CTE slopes, beside the real IRAF.

    python benchmarks/photometry_evidence.py [--pairs 10] [--seed 1]

Simulated pairs of F502N exposures (348 s, FLT) with cosmic rays, hot pixels and bad columns, crowded and
sparse, at three epochs. Each method measures the same frames at the same catalog positions, which are off by
2 mas a star and 0.1 px an exposure. One process; about ten minutes of CPU with the defaults.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_dilation
from scipy.spatial import KDTree
from scipy.stats import linregress, sigmaclip

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.iraf_phot import IRAFCL, run_phot
from cte_lake.photometry import PhotometrySettings, PixelData, measure, settings_for
from cte_lake.photometry.flags import mask_of
from cte_lake.simulate import Settings, make_field, simulate_exposure
from cte_lake.simulate.exposure import SimulatedExposure
from cte_lake.simulate.geometry import CHIP_ROWS, pixel_area
from cte_lake.simulate.program import TARGETS, nominal_visit
from cte_lake.simulate.truth import FLUX_BINS, pair_truth

Array = npt.NDArray[np.float64]

EPOCHS = (55466.0, 57601.0, 60000.0)
FIELDS = {"crowded": ("ngc104", 24_000, 512), "sparse": ("ngc6791", 2_000, 1024)}
"""Target, stars over 250 e- on a whole chip, columns of the frames."""
CATALOG_SCATTER = 0.05
POINTING_SCATTER = 0.1
"""Errors of the positions, px: 2 mas of the catalog, and what alignment leaves of the pointing."""
CR_FLOOR, CR_CERTAIN, CR_FOUND = 50.0, 100.0, (0.97, 0.995)
"""A cosmic-ray mask like the pipeline's: 97% of the pixels over 50 e-, 99.5% over 100 e-, grown by 1 px."""
ISOLATED = 5.0
"""Fluxes are told of stars without another of the catalog within so many px; slopes of all."""
DROPPED = ("core_off_chip", "masked_core", "saturated", "no_sky", "neighbour", "not_measured")
MIN_AREA = 0.9
"""Stars left out, as `measure.drop_flags` and `measure.min_area` have it: by flag, and with less of the
aperture good. IRAF knows neither, so that all its stars are used."""
NEIGHBOURS_KEPT = tuple(name for name in DROPPED if name != "neighbour")
FLUX_COLUMNS = ((250, 500), (1000, 2000), (4000, 8000))


@dataclass(frozen=True, eq=False)
class Frame:
    """One chip of one exposure, its catalog positions, and the fluxes left in r = 3 px after readout."""

    pixels: PixelData
    cosmic_rays: npt.NDArray[np.bool_]
    id: npt.NDArray[np.int64]
    x: Array
    y: Array
    flux: Array


@dataclass(frozen=True)
class Method:
    """How to measure: our settings and masks, or IRAF's sky algorithm."""

    name: str
    settings: PhotometrySettings | None = None
    mask: str = "dq+cr"
    iraf_sky: str = ""
    dropped: tuple[str, ...] = DROPPED


def methods() -> list[Method]:
    """Return every method of the table of fluxes."""

    def standard(**overrides: Any) -> PhotometrySettings:
        return settings_for("standard", radii=(3.0,), **overrides)

    listed = [
        Method("standard", standard()),
        Method("standard, no CR mask", standard(), "dq"),
        Method("standard, no mask", standard(), "none"),
        Method("iraf (ours)", settings_for("iraf", radii=(3.0,)), "none", dropped=("core_off_chip",)),
        Method("photutils2017", settings_for("photutils2017", radii=(3.0,)), dropped=NEIGHBOURS_KEPT),
        Method("standard, centring on", standard(centring="window")),
        Method("standard, centring iraf", standard(centring="iraf")),
        Method("standard, neighbours kept", standard(), dropped=NEIGHBOURS_KEPT),
        Method("standard, core 1.5 px", standard(core_radius=1.5)),
        Method("standard, core 3 px", standard(core_radius=3.0)),
        *(
            Method(f"sky {name}{words}", standard(**sky), mask)
            for name, sky in SKIES.items()
            for words, mask in (("", "dq+cr"), (", no CR mask", "dq"))
            if mask == "dq+cr" or name in CR_SKIES
        ),
    ]
    if IRAFCL is not None:
        listed.insert(3, Method("IRAF phot", iraf_sky="centroid"))
    return listed


SKIES: dict[str, dict[str, Any]] = {
    "mean, no clip": {"sky_method": "mean", "clip_sigma": 0.0},
    "mean, 2 sigma": {"sky_method": "mean", "clip_sigma": 2.0},
    "median, no clip": {"sky_method": "median", "clip_sigma": 0.0},
    "median, 3 sigma": {"sky_method": "median", "clip_sigma": 3.0},
    "median, 2 sigma": {"sky_method": "median", "clip_sigma": 2.0},
    "mode, 2 sigma": {"sky_method": "mode", "clip_sigma": 2.0},
    "iraf_centroid": {"sky_method": "iraf_centroid", "clip_sigma": 3.0, "clip_steps": 10},
}

CR_SKIES = ("mean, no clip", "median, no clip", "median, 3 sigma", "median, 2 sigma")
"""Skies that are also told without a cosmic-ray mask."""
SLOPE_METHODS = 11
"""How many of the methods, from the first, go into the table of slopes."""


def make_frame(exposure: SimulatedExposure, chip: int, width: int, rng: np.random.Generator) -> Frame:
    """Apply the pixel area map, make the masks and put errors on the positions."""
    simulated, stars = exposure.chips["flt", chip], exposure.stars[chip]
    area = pixel_area(chip, width)
    charge = exposure.cosmic_rays[chip]
    found = rng.uniform(size=charge.shape) < np.where(charge > CR_CERTAIN, CR_FOUND[1], CR_FOUND[0])
    rays = binary_dilation((charge > CR_FLOOR) & found)
    shift = rng.normal(0.0, POINTING_SCATTER, 2)
    order = np.argsort(stars.id)
    on = (np.abs(stars.x - (width - 1) / 2) < width / 2) & (
        np.abs(stars.y - (CHIP_ROWS - 1) / 2) < CHIP_ROWS / 2
    )
    order = order[on[order]]
    return Frame(
        pixels=PixelData(simulated.sci * area, simulated.err * area, (simulated.dq & ~32) != 0),
        cosmic_rays=rays,
        id=stars.id[order],
        x=stars.x[order] + shift[0],
        y=stars.y[order] + shift[1],
        flux=(stars.flux * (1.0 - stars.lost))[order],
    )


def simulate_pairs(kind: str, n_pairs: int, seed: int) -> Iterator[tuple[float, Frame, Frame, Array]]:
    """Yield epoch, frames on chip 2 and chip 1, true loss per flux bin; each pair has its own field."""
    target, stars, width = FIELDS[kind]
    for epoch in EPOCHS:
        for k in range(n_pairs):
            own = 1000 * seed + 100 * EPOCHS.index(epoch) + k
            rng = np.random.default_rng([own, len(kind)])
            visit = nominal_visit(TARGETS[target], epoch)
            field = make_field(visit.exposures, width=width, stars=round(stars * width / 4096), seed=own)
            settings = Settings(width=width, seed=own)
            first, second = (
                simulate_exposure(plan, field, settings, chips=(chip,))
                for plan, chip in zip(visit.exposures, (2, 1), strict=True)
            )
            truth = pair_truth(visit.pairs[0], first, second, width=width)
            error = rng.normal(0.0, CATALOG_SCATTER, (2, field.id.max() + 1))
            frames = [
                replace(frame, x=frame.x + error[0, frame.id], y=frame.y + error[1, frame.id])
                for frame in (make_frame(first, 2, width, rng), make_frame(second, 1, width, rng))
            ]
            losses = np.array([np.nan if b["loss"] is None else b["loss"] for b in truth["cte_per_2048"]])
            yield epoch, frames[0], frames[1], losses


def isolated(frame: Frame) -> npt.NDArray[np.bool_]:
    """Return which stars have no other of the catalog within `ISOLATED` px."""
    places = np.column_stack([frame.x, frame.y])
    nearest, _ = KDTree(places).query(places, k=2)
    return nearest[:, 1] > ISOLATED


def fluxes(method: Method, frame: Frame) -> Array:
    """Return the r = 3 px fluxes, NaN where the method drops the star."""
    if method.settings is None:
        with tempfile.TemporaryDirectory() as folder:
            table = run_phot(frame.pixels.data, frame.x, frame.y, (3.0,), Path(folder), sky=method.iraf_sky)
        return np.where(table.area[:, 0] > 0, table.flux[:, 0], np.nan)
    mask = {"none": None, "dq": frame.pixels.mask, "dq+cr": frame.pixels.mask | frame.cosmic_rays}[
        method.mask
    ]
    got = measure(replace(frame.pixels, mask=mask), frame.x, frame.y, method.settings)
    left_out = (got.flags & mask_of(list(method.dropped))) != 0
    if method.mask != "none":
        left_out |= got.area[:, 0] < MIN_AREA * np.pi * 9.0
    return np.where(left_out, np.nan, got.flux[:, 0])


def losses_of(first: Frame, second: Frame, flux_2: Array, flux_1: Array) -> tuple[Array, Array]:
    """Return loss per 2048 rows and its standard error per flux bin, as the monitor measures them."""
    _, in_2, in_1 = np.intersect1d(first.id, second.id, return_indices=True)
    a, b, y = flux_2[in_2], flux_1[in_1], first.y[in_2]
    mean = (a + b) / 2.0
    out = np.full((2, len(FLUX_BINS)), np.nan)
    for k, (low, high) in enumerate(FLUX_BINS):
        inside = (mean > low) & (mean < high)
        if inside.sum() < 5:
            continue
        ratio = b[inside] / a[inside]
        _, lowest, highest = sigmaclip(ratio, 4.0, 4.0)
        kept = (ratio >= lowest) & (ratio <= highest)
        fit = linregress(y[inside][kept], ratio[kept])
        out[:, k] = fit.slope * 1024.0, fit.stderr * 1024.0
    return out[0], out[1]


@dataclass
class Tally:
    """What one method gave over all pairs of a field."""

    ratios: dict[tuple[int, int], list[Array]]
    residuals: list[Array]
    kept: list[float]


def flux_text(tally: Tally) -> str:
    """Return bias and scatter (half of the central 68%) of the fluxes in per cent, per column."""
    parts = []
    for column in FLUX_COLUMNS:
        ratio = np.concatenate(tally.ratios[column])
        low, middle, high = np.nanpercentile(ratio, [15.87, 50.0, 84.13])
        parts.append(f"{100 * (middle - 1):+7.2f} {50 * (high - low):6.2f}")
    return " | ".join(parts)


def slope_text(residuals: Array) -> str:
    """Return mean +- its error (scatter) of the losses' residuals in per cent, per flux bin."""
    scatter = np.nanstd(residuals, axis=0, ddof=1)
    error = scatter / np.sqrt(np.isfinite(residuals).sum(axis=0))
    return " | ".join(
        f"{100 * m:+.2f} +- {100 * e:.2f} ({100 * s:.2f})"
        for m, e, s in zip(np.nanmean(residuals, axis=0), error, scatter, strict=True)
    )


def print_tables(kind: str, listed: list[Method], tallies: dict[str, Tally]) -> None:
    """Print the table of fluxes and the table of slopes of a field."""
    n = len(tallies[listed[0].name].residuals)
    print(f"\n### {kind}: r = 3 px flux of isolated stars, bias and scatter in per cent ({n} pairs)\n")
    print("| method | stars kept | " + " | ".join(f"{lo}-{hi} e-" for lo, hi in FLUX_COLUMNS) + " |")
    print("|---" * (2 + len(FLUX_COLUMNS)) + "|")
    for method in listed:
        tally = tallies[method.name]
        print(f"| {method.name} | {100 * np.mean(tally.kept):.0f}% | {flux_text(tally)} |")
    print(
        f"\n### {kind}: loss per 2048 rows less truth, in per cent: mean +- its error (scatter of a pair)\n"
    )
    print("| method | " + " | ".join(f"{lo}-{hi}" for lo, hi in FLUX_BINS) + " |")
    print("|---" + "|---" * len(FLUX_BINS) + "|")
    for method in listed[:SLOPE_METHODS]:
        print(f"| {method.name} | {slope_text(np.array(tallies[method.name].residuals))} |")


def print_verdict(kind: str, tallies: dict[str, Tally]) -> None:
    """Print in how many flux bins `standard` meets what is asked of it."""
    ours = np.array(tallies["standard"].residuals)
    error = np.nanstd(ours, axis=0, ddof=1) / np.sqrt(np.isfinite(ours).sum(axis=0))
    off = np.abs(np.nanmean(ours, axis=0)) / error
    print(
        f"\n{kind}, standard: bias within 1 standard error in {(off <= 1).sum()} of {off.size} bins,", end=" "
    )
    print(f"within 2 in {(off <= 2).sum()}, at most {off.max():.1f};", end=" ")
    if "IRAF phot" in tallies:
        theirs = np.nanstd(np.array(tallies["IRAF phot"].residuals), axis=0, ddof=1)
        ratio = np.nanstd(ours, axis=0, ddof=1) / theirs
        print(f"scatter over IRAF's {', '.join(f'{value:.2f}' for value in ratio)}.")


def run(kind: str, n_pairs: int, seed: int) -> None:
    """Simulate, measure and print one field."""
    listed = methods()
    tallies = {method.name: Tally(defaultdict(list), [], []) for method in listed}
    for _, first, second, truth in simulate_pairs(kind, n_pairs, seed):
        for method in listed:
            tally = tallies[method.name]
            flux_2, flux_1 = fluxes(method, first), fluxes(method, second)
            tally.residuals.append(losses_of(first, second, flux_2, flux_1)[0] - truth)
            for frame, flux in ((first, flux_2), (second, flux_1)):
                tally.kept.append(float(np.isfinite(flux).mean()))
                alone = isolated(frame)
                for low, high in FLUX_COLUMNS:
                    inside = alone & (frame.flux > low) & (frame.flux < high)
                    tally.ratios[low, high].append(flux[inside] / frame.flux[inside])
    print_tables(kind, listed, tallies)
    print_verdict(kind, tallies)


def main() -> None:
    """Run both fields."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=10, help="pairs per field and epoch")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fields", nargs="+", choices=FIELDS, default=list(FIELDS))
    chosen = parser.parse_args()
    for kind in chosen.fields:
        run(kind, chosen.pairs, chosen.seed)


if __name__ == "__main__":
    main()
