"""What a wrong position does to losses, and what of it ingest admits.

    python benchmarks/admission.py bias [--seeds N]     change of each bin's loss by the offset, in px
    python benchmarks/admission.py turn [--seeds N]     the same by rotation and scale
    python benchmarks/admission.py apart [--seeds N]    the same, the exposure on chip 1 moved the other way
    ... --recentred                                     each exposure's apertures moved as ingest moves them
    python benchmarks/admission.py along FRAMES         growth of the stars' shift along the rows, by flux
    python benchmarks/admission.py ends FRAMES          a stretch of y alone by the stars at the amplifiers
    python benchmarks/admission.py table                pointing off by so many arcsec: losses, admission

`bias` measures the same pixels at the right places and at places moved alike in both exposures of a pair, so
that noise cancels but for the stars' crossing of bin limits; the figures are means over seeds with their
errors, in percent of the loss. `turn` moves the places by a rotation (x) or a scale (y) about the
middle of the detector, so many px at its far edges. With `--recentred` the apertures then go where ingest
puts them, by the offset that it measures. The limits of [admission] rest on both. `along` takes a target's
folder of reference frames and gives, per 2048 rows, the shift away from the amplifiers of the faint, middle
and bright third of the stars that admission looks at, and what a fit of charge and stretch together makes of
it, charge going as flux to the power -0.5 and -0.3: what depends on the power no such fit can tell. `ends`
takes the same frames, as they are and with y stretched by 0.1 px at the detector's edges: half the difference
of both chips' offsets next to the amplifiers, where no charge moves a star, is the stretch. `table` takes a
pair through the commands with the pointing of its headers moved, once without and once with `align`.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from scipy.stats import linregress, sigmaclip

import cte_lake
from cte_lake.config import load_settings
from cte_lake.frames.exposure import read_exposure
from cte_lake.frames.fitsfile import read_chip
from cte_lake.frames.masks import bad_pixel_mask, saturated_pixels
from cte_lake.frames.pam import area_map_for
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored
from cte_lake.masters.project import project
from cte_lake.masters.read import read_master
from cte_lake.photometry import PixelData, StarMeasurements, measure, settings_for
from cte_lake.photometry.centring import windowed_centroids
from cte_lake.pipeline.align.align_exposures import align
from cte_lake.pipeline.carry_out import StageArguments
from cte_lake.pipeline.dask import WorkerSettings
from cte_lake.pipeline.ingest import IngestArguments, ingest
from cte_lake.pipeline.ingest.position import Position, measure_position
from cte_lake.pipeline.master_import import import_master
from cte_lake.simulate import TARGETS, Detector, Settings, nominal_program, simulate_program
from cte_lake.starflags import mask_of

BINS = ((250, 500), (500, 1000), (1000, 2000), (2000, 4000), (4000, 8000), (8000, 32000))
#: Offsets of the places, px; each is tried along -x, x, -y and y.
OFFSETS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5)
ARCSEC = (0.0, 0.004, 0.01, 0.02, 0.06, 0.1, 0.3, 1.0, 2.5)
TABLE_BINS = ((250, 500), (500, 2000), (8000, 32000))
#: Offsets at the far edge of the detector, px.
TURNS = (0.1, 0.2, 0.3, 0.4, 0.6)
#: Offsets of the places in two exposures of a pair that are moved in opposite directions, px.
APART = (0.06, 0.1, 0.2, 0.3)
ROWS = 2051.0
#: Chip, columns and rows to the shifts in x and y.
Move = Callable[[int, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
DROP = mask_of(
    ["core_off_chip", "masked_core", "saturated", "few_sky_pixels", "no_sky", "neighbour", "not_measured"]
)
PHOTOMETRY = settings_for("standard", radii=[2, 3])
#: A denser field than the monitor's: more stars for the same pixels.
WIDTH, STARS = 1024, 4000


class Side:
    """One exposure of a pair, ready to be measured at moved places."""

    def __init__(self, path: Path, chip: int, master: Path, recentred: bool = False) -> None:
        self.chip, self.recentred = chip, recentred
        image = read_chip(path, chip)
        area = area_map_for(image)
        mask = bad_pixel_mask(image.dq, image.err, image.data)
        self.pixels = PixelData(image.data * area, image.err * area, mask, saturated_pixels(image.dq))
        catalog = read_master(master)
        index, self.x, self.y = project(image.wcs, catalog.ra, catalog.dec, image.data.shape, 0.0)
        self.ids = catalog.id[index]

    def at(self, move: Move) -> StarMeasurements:
        """Measure with every place moved."""
        dx, dy = move(self.chip, self.x, self.y)
        x, y = self.x + dx, self.y + dy
        measured = measure(self.pixels, x, y, PHOTOMETRY)
        if not self.recentred:
            return measured
        _, missed = measure_position(self.pixels, x, y, measured, PHOTOMETRY.radii, self.chip)
        return measure(self.pixels, x + missed[0], y + missed[1], PHOTOMETRY)


def shifted(dx: float, dy: float) -> Move:
    """Move all places by so many px."""
    return lambda _, x, y: (np.full_like(x, dx), np.full_like(y, dy))


def stretched(dx: float, dy: float) -> Move:
    """Turn (dx) and stretch (dy) places about the detector's middle, by so much at its top and bottom."""

    def move(chip: int, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        away, across = (y - ROWS if chip == 2 else y) / ROWS, (x - WIDTH / 2) / ROWS
        return dx * away + dy * across, dy * away - dx * across

    return move


def losses(one: Side, two: Side, move: Move, other: Move) -> np.ndarray:
    """Loss per 2048 rows in each bin, the exposures measured at places moved by `other` and by `move`."""
    fluxes, ids = [], []
    for side, way in ((one, other), (two, move)):
        measured = side.at(way)
        good = (measured.flags & DROP) == 0
        fluxes.append(measured.flux[good, 1] / (1 - measured.masked_light[good]))
        ids.append(side.ids[good])
    _, i, j = np.intersect1d(*ids, return_indices=True)
    chip1, chip2 = fluxes[0][i], fluxes[1][j]
    y = dict(zip(two.ids, two.y, strict=True))
    rows = np.array([y[star] for star in ids[1][j]])
    mean = (chip1 + chip2) / 2
    found = []
    for low, high in BINS:
        inside = (mean > low) & (mean < high)
        ratio = chip1[inside] / chip2[inside]
        _, lowest, highest = sigmaclip(ratio, 4, 4)
        kept = (ratio >= lowest) & (ratio <= highest)
        found.append(linregress(rows[inside][kept], ratio[kept]).slope * 1024)
    return np.array(found)


def bias(
    seeds: int,
    recentred: bool,
    moved_by: Callable[[float, float], Move],
    offsets: Sequence[float],
    other: float = 1.0,
) -> None:
    """Print the change of the losses by the offset, that of the exposure on chip 1 times `other`."""
    changes: dict[tuple[float, str], list[np.ndarray]] = {}
    for seed in range(seeds):
        with tempfile.TemporaryDirectory() as folder:
            detector = Detector(cosmic_ray_rate=0.0, hot_fraction=0.0, trails=True)
            done = simulate_program(
                nominal_program(TARGETS["ngc104"], (57601.3,)),
                Path(folder),
                Settings(width=WIDTH, seed=seed, detector=detector),
                stars=STARS,
                filetypes=("flt",),
            )
            two = Side(done.frames[0], 2, done.master, recentred)
            one = Side(done.frames[1], 1, done.master, recentred)
        right = losses(one, two, shifted(0.0, 0.0), shifted(0.0, 0.0))
        for offset in offsets:
            for name, (dx, dy) in {"-x": (-1, 0), "x": (1, 0), "-y": (0, -1), "y": (0, 1)}.items():
                by_x, by_y = dx * offset, dy * offset
                moved = losses(one, two, moved_by(by_x, by_y), moved_by(other * by_x, other * by_y))
                changes.setdefault((offset, name), []).append(moved / right - 1)
    print("offset (px)   " + "".join(f"{low:>8}-{high:<8}" for low, high in BINS) + "  (% of the loss)")
    for (offset, name), values in changes.items():
        print(f"{offset:5.2f} {name:>2}      " + cells(np.array(values)))
    for offset in offsets:
        together = np.vstack([np.mean([changes[offset, n] for n in ("-x", "x", "-y", "y")], axis=0)])
        print(f"{offset:5.2f} all     " + cells(together))


def along(folder: Path) -> None:
    """Print how the shift of stars grows along the rows, by flux, and what of it could be a stretch."""
    (catalog,) = folder.glob("*_master.cat")
    print(f"{'exposure':<16}{'chip':>4}   thirds by flux (median flux: px)   stretch by either fit, px")
    for path in sorted((folder / "data").glob("*.fits*")):
        chip = 1 if abs(read_exposure(path).postarg2) > 1.0 else 2
        side = Side(path, chip, catalog)
        measured = side.at(shifted(0.0, 0.0))
        flux = np.where(measured.flags & DROP, 0.0, measured.flux[:, 1])
        best = np.argsort(-flux)[:600]
        pixels = side.pixels
        assert pixels.mask is not None
        light = np.where(pixels.mask, 0, pixels.data)
        good = (~pixels.mask).view(np.uint8)
        at_x, at_y = (np.ascontiguousarray(place[best]) for place in (side.x, side.y))
        _, dy, failed, far = windowed_centroids(light, good, at_x, at_y, measured.sky[best], 0.85, 2.0)
        found = ~(failed | far)
        away = -1.0 if chip == 1 else 1.0
        rows = np.abs(at_y - (ROWS if chip == 1 else 0.0))[found] / 2048.0
        shift, flux = away * dy[found], flux[best][found]
        told = [f"{path.name.partition('.')[0]:<16}{chip:>4}  "]
        for third in np.array_split(np.argsort(flux), 3):
            (_, growth), (_, error) = clipped_fit(rows[third, None], shift[third])
            told.append(f"{np.median(flux[third]):6.0f}: {growth:+.3f} ± {error:.3f}")
        for power in (-0.5, -0.3):
            terms = np.column_stack([rows, rows * (flux / 2000.0) ** power])
            (_, stretch, _), (_, error, _) = clipped_fit(terms, shift)
            told.append(f"   {stretch:+.3f} ± {error:.3f}")
        print(" ".join(told), flush=True)


def ends(folder: Path) -> None:
    """Print the offset along y next to the amplifiers on both chips, and the stretch that it makes."""
    (catalog,) = folder.glob("*_master.cat")
    print(f"{'exposure':<16}{'put in':>7}{'chip 2':>9}{'chip 1':>9}   stretch found, px at both edges")
    for path in sorted((folder / "data").glob("*.fits*")):
        sides = [Side(path, chip, catalog) for chip in (2, 1)]
        for stretch in (0.0, 0.1):
            two, one = (position_of(side, stretched(0.0, -stretch)) for side in sides)
            found, error = (one.start_y - two.start_y) / 2, np.hypot(one.start_err, two.start_err) / 2
            print(
                f"{path.name.partition('.')[0]:<16}{stretch:>7.1f}{two.start_y:>+9.3f}{one.start_y:>+9.3f}"
                f"   {found:+.3f} ± {error:.3f}",
                flush=True,
            )


def position_of(side: Side, move: Move) -> Position:
    """Return where the stars of a chip are, against their places moved."""
    dx, dy = move(side.chip, side.x, side.y)
    x, y = side.x + dx, side.y + dy
    measured = measure(side.pixels, x, y, PHOTOMETRY)
    return measure_position(side.pixels, x, y, measured, PHOTOMETRY.radii, side.chip)[0]


def clipped_fit(terms: np.ndarray, shift: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return constant and slopes of a shift by least squares, clipped at three sigma, and their errors."""
    terms = np.column_stack([np.ones(shift.size), terms])
    kept = np.abs(shift - np.median(shift)) < 1.0
    for _ in range(6):
        slopes = np.linalg.lstsq(terms[kept], shift[kept], rcond=None)[0]
        residual = shift - terms @ slopes
        sigma = np.sqrt((residual[kept] ** 2).sum() / (kept.sum() - terms.shape[1]))
        inverse = np.linalg.inv(terms[kept].T @ terms[kept])
        kept = np.abs(residual) < 3.0 * sigma
    return slopes, sigma * np.sqrt(np.diag(inverse))


def table() -> None:
    """Print losses and admission of a pair whose headers point beside it, without and with `align`."""
    program = nominal_program(TARGETS["ngc104"], (57601.3,))
    settings = Settings(width=640, seed=4, detector=Detector(cosmic_ray_rate=0.0, trails=True))
    with tempfile.TemporaryDirectory() as folder:
        done = simulate_program(program, Path(folder), settings, filetypes=("flt",))
        truth = {(each["lo"], each["hi"]): each["loss"] for each in done.pairs[0]["cte_per_2048"]}
        print(f"{'arcsec':>7} {'ingest':<34} {'aligned by':<14}" + "".join(f"{b!s:>24}" for b in TABLE_BINS))
        told = "  ".join(f"{'true':>8} {100 * truth[b]:5.1f}        " for b in TABLE_BINS)
        print(f"{'':>57}{told}")
        moved = 0.0
        for arcsec in ARCSEC:
            for frame in done.frames:
                point_beside(frame, arcsec - moved)
            moved = arcsec
            print(table_row(Path(folder) / f"lake{arcsec:g}", done.frames[0].parent, done.master, arcsec))


def point_beside(path: Path, arcsec: float) -> None:
    """Move the pointing of a frame's headers along declination."""
    with fits.open(path, mode="update") as hdus:
        for version in (1, 2):
            hdus["SCI", version].header["CRVAL2"] += arcsec / 3600.0


def table_row(root: Path, frames: Path, master: Path, arcsec: float) -> str:
    """Ingest frames as they are, again with admission off, and once more aligned."""
    create_lake(stored(root))
    lake = stored(root)
    settings = load_settings(root, environment={})
    import_master(lake, master, "ngc104", settings.config)
    common: dict[str, Any] = {"paths": (str(frames),), "workers": WorkerSettings(0)}
    report = ingest(IngestArguments(lake, settings=settings, **common))
    told = (
        "admitted"
        if not report.rejected
        else "off by " + report.rejected[0]["detail"].split(" lie ")[1].split(";")[0] + ")"
    )
    forced = load_settings(root, {"admission.enabled": False}, environment={})
    ingest(IngestArguments(lake, settings=forced, **common))
    unaligned = measured_losses(root)
    found = align(StageArguments(lake, settings=settings, **common))
    ingest(IngestArguments(lake, settings=settings, **common))
    aligned = measured_losses(root)
    values = "".join(f"{f'{100 * unaligned[b]:.1f} -> {100 * aligned[b]:.1f}':>24}" for b in TABLE_BINS)
    how = ", ".join(sorted({str(each["search"]) for each in found.exposures}))
    return f"{arcsec:7g} {told:<34} {how:<14}{values}"


def measured_losses(root: Path) -> dict[tuple[int, int], float]:
    """Return the loss of each bin of the only pair."""
    with cte_lake.open_lake(root) as lake:
        rows = lake.cte(estimator="mean_flux").rows()
    return {(int(row["bin_lo"]), int(row["bin_hi"])): row["cte_loss"] for row in rows}


def cells(values: np.ndarray) -> str:
    """Write means and their errors over seeds, percent."""
    mean, error = values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(len(values))
    return "".join(f"{100 * m:+8.2f} ±{100 * e:5.2f}  " for m, e in zip(mean, error, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("bias", "turn", "apart", "along", "ends", "table"))
    parser.add_argument("frames", type=Path, nargs="?", help="of `along`, `ends`: shared/frames/ngc104")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--recentred", action="store_true")
    given = parser.parse_args()
    if given.what == "table":
        table()
    elif given.what in {"along", "ends"}:
        if given.frames is None:
            parser.error(f"{given.what} takes a target's folder of reference frames")
        (along if given.what == "along" else ends)(given.frames)
    elif given.what == "turn":
        bias(given.seeds, given.recentred, stretched, TURNS)
    elif given.what == "apart":
        bias(given.seeds, given.recentred, shifted, APART, -1.0)
    else:
        bias(given.seeds, given.recentred, shifted, OFFSETS)


if __name__ == "__main__":
    main()
