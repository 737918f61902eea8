"""Speed of the engine beside photutils and IRAF: one frame, one process, CPU seconds.

    python benchmarks/photometry_speed.py [--stars 10000 30000] [--photutils-stars 1000]

14 radii to 40 px, mask, errors and the 2-sigma clipped median of the annulus 10-20 px. photutils does the
same in three ways: as its documentation shows it, with its ApertureStats for the sky; with one `to_mask`
cut-out per radius; and as our engine with `--engine photutils`. Its cost is proportional to the stars, so it
measures the first `--photutils-stars` of them. IRAF measures without mask and errors, which it does not know.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from astropy.stats import SigmaClip
from photutils.aperture import ApertureStats, CircularAnnulus, CircularAperture

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.iraf_phot import IRAFCL, run_phot
from cte_lake.photometry import PixelData, measure, settings_for
from cte_lake.radii import RADII

Array = npt.NDArray[np.float64]


def make_frame(n_stars: int, shape: tuple[int, int] = (2051, 4096)) -> tuple[PixelData, Array, Array]:
    """Return a noisy frame with Gaussian stars at random places and 1.6% of its pixels masked."""
    rng = np.random.default_rng(n_stars)
    ny, nx = shape
    x, y = rng.uniform(2, nx - 3, n_stars), rng.uniform(2, ny - 3, n_stars)
    flux = 10.0 ** rng.uniform(2.4, 4.5, n_stars)
    image = np.full(shape, 15.0)
    for cx, cy, f in zip(x, y, flux, strict=True):
        i, j = round(cx), round(cy)
        part = np.s_[max(0, j - 6) : min(ny, j + 7), max(0, i - 6) : min(nx, i + 7)]
        rows, columns = np.mgrid[part]
        image[part] += f / 4.54 * np.exp(-((columns - cx) ** 2 + (rows - cy) ** 2) / 1.445)
    data = (rng.poisson(image) + rng.normal(0, 3, shape)).astype(np.float32)
    mask = rng.uniform(size=shape) < 0.016
    return PixelData(data, np.sqrt(image + 9.0).astype(np.float32), mask), x, y


def photutils_plain(frame: PixelData, x: Array, y: Array) -> Array:
    """Measure as photutils' documentation shows it."""
    places = np.column_stack([x, y])
    sky = ApertureStats(
        frame.data,
        CircularAnnulus(places, 10.0, 20.0),
        mask=frame.mask,
        sigma_clip=SigmaClip(sigma=2.0, maxiters=5),
        sum_method="center",
    ).median
    out = np.empty((x.size, len(RADII)))
    for k, radius in enumerate(RADII):
        aperture = CircularAperture(places, radius)
        sums, _ = aperture.do_photometry(frame.data, error=frame.error, mask=frame.mask, method="exact")
        area = aperture.area_overlap(frame.data, mask=frame.mask, method="exact")
        out[:, k] = sums - sky * area
    return out


def photutils_cutouts(frame: PixelData, x: Array, y: Array) -> Array:
    """Measure with each aperture's weights applied once to data, variance and area together."""
    assert frame.error is not None and frame.mask is not None  # noqa: PT018 - make_frame gives both
    good = ~frame.mask
    stack = np.stack([np.where(good, frame.data, 0.0), np.where(good, frame.error, 0.0) ** 2, good])
    places = np.column_stack([x, y])
    sky = ApertureStats(
        frame.data,
        CircularAnnulus(places, 10.0, 20.0),
        mask=frame.mask,
        sigma_clip=SigmaClip(sigma=2.0, maxiters=5),
        sum_method="center",
    ).median
    out = np.empty((x.size, len(RADII)))
    for k, radius in enumerate(RADII):
        for star, weights in enumerate(CircularAperture(places, radius).to_mask(method="exact")):
            large, small = weights.get_overlap_slices(frame.data.shape)
            sums = np.tensordot(stack[(slice(None), *large)], weights.data[small], axes=2)
            out[star, k] = sums[0] - sky[star] * sums[2]
    return out


def cpu_seconds(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


def line(name: str, n: int, seconds: float, ours: float) -> None:
    print(f"{name:<44} {n:>7} {seconds:>9.2f} {1e6 * seconds / n:>10.1f} {seconds / n / ours:>9.1f}")


def peak_megabytes(frame: PixelData, x: Array, y: Array) -> float:
    """Return what a measurement holds at its peak beside the frame that it is given."""
    tracemalloc.start()
    measure(frame, x, y, settings_for("standard"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 2**20


def run(n_stars: int, n_photutils: int) -> None:
    frame, x, y = make_frame(n_stars)
    few = slice(0, min(n_photutils, n_stars))
    standard = settings_for("standard")
    measure(frame, x[:10], y[:10], standard)
    seconds = min(cpu_seconds(lambda: measure(frame, x, y, standard)) for _ in range(3))
    ours = seconds / n_stars
    title = f"one frame of {n_stars} stars"
    print(f"\n{title:<44} {'stars':>7} {'CPU s':>9} {'us/star':>10} {'x ours':>9}")
    line("engine, mode standard", n_stars, seconds, ours)
    moved = settings_for("standard", centring="on")
    line("engine, standard with centring", n_stars, cpu_seconds(lambda: measure(frame, x, y, moved)), ours)
    print(f"{'':<44} peak memory {peak_megabytes(frame, x, y):.0f} MB beside the frame")
    iraf = settings_for("iraf")
    measure(frame, x[:10], y[:10], iraf)
    line("engine, mode iraf", n_stars, cpu_seconds(lambda: measure(frame, x, y, iraf)), ours)
    judge = settings_for("standard", engine="photutils")
    for name, work in (
        ("photutils, as documented", lambda: photutils_plain(frame, x[few], y[few])),
        ("photutils, one cut-out a radius", lambda: photutils_cutouts(frame, x[few], y[few])),
        ("photutils sums with our sky (--engine)", lambda: measure(frame, x[few], y[few], judge)),
    ):
        line(name, x[few].size, cpu_seconds(work), ours)
    if IRAFCL is None:
        print("IRAF phot: irafcl is not installed")
        return
    with tempfile.TemporaryDirectory() as folder:
        table = run_phot(frame.data, x, y, RADII, Path(folder))
    line("IRAF phot (its centroid and sky, cache=yes)", n_stars, table.seconds, ours)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stars", type=int, nargs="+", default=[10_000, 30_000])
    parser.add_argument("--photutils-stars", type=int, default=1000)
    chosen = parser.parse_args()
    for n_stars in chosen.stars:
        run(n_stars, chosen.photutils_stars)


if __name__ == "__main__":
    main()
