"""Simulated photometry without pixels: the rows that an ingest would write, in milliseconds an exposure.

For closure tests with hundreds of realisations and for lakes of thousands of exposures. Each star has its
law's loss and the noise of its aperture; there are no neighbours, cosmic rays or masked pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cte_lake.detector import exposure_length
from cte_lake.digests import digest
from cte_lake.lake.commit import write_photometry
from cte_lake.lake.paths import Partition, exposure_file, master_file
from cte_lake.lake.schemas import dataset, radius_suffix
from cte_lake.lake.stored import StoredLake
from cte_lake.lake.write import conform, write_table
from cte_lake.radii import RADII
from cte_lake.simulate.exposure import LAW_RADIUS, FileType, Settings, background_level
from cte_lake.simulate.geometry import CHIP_COLUMNS, CHIP_ROWS, PIXEL_DEGREES
from cte_lake.simulate.law import readout_distance
from cte_lake.simulate.program import ExposurePlan, PlannedPair, Program, Target
from cte_lake.simulate.psf import encircled_energy
from cte_lake.simulate.stars import REFERENCE_EXPTIME, THROUGHPUT, draw_electrons
from cte_lake.simulate.trail import trail_shift

FloatArray = NDArray[np.float64]

#: Pixels of the sky annulus (10 to 20 px), and the gain in error of its clipped median over a mean.
_ANNULUS_AREA, _MEDIAN_LOSS = np.pi * (20.0**2 - 10.0**2), 1.2533
#: Variance of a windowed centroid: of its own photons (px2 e-), of the pixels' noise (px2 e-).
_CENTROID_OWN, _CENTROID_PIXELS = 0.9, 40.0

#: Faintest and brightest star that is drawn, e- within r = 3 px.
_FLUX_LIMITS = (150.0, 6.0e4)


@dataclass(frozen=True, eq=False)
class ChipStars:
    """Stars on a chip, for photometry without pixels; every array has shape (n,).

    Attributes
    ----------
    id : ndarray of int64
        Numbers in the master catalog.
    x, y : ndarray
        0-based pixels in the first exposure of a pair.
    ra, dec : ndarray
        Degrees; of a flat sky without distortion.
    flux : ndarray
        e- within r = 3 px, before any loss, in 348 s of F502N.
    """

    target: Target
    id: NDArray[np.int64]
    x: FloatArray
    y: FloatArray
    ra: FloatArray
    dec: FloatArray
    flux: FloatArray


@dataclass(frozen=True, eq=False)
class SimulatedPhotometry:
    """One image's share of a lake.

    Attributes
    ----------
    record : dict
        A row of the dataset ``exposures``, all columns that must have a value.
    columns : dict of str to ndarray, shape (n,)
        Columns of the dataset ``phot``.
    true_flux : ndarray, shape (n,)
        e- within r = 3 px before the loss.
    true_loss : ndarray, shape (n,)
        S of each star in this image, fraction per 2048 rows; for the FLC times the part that is left.
    """

    record: dict[str, Any]
    columns: dict[str, Any]
    true_flux: FloatArray
    true_loss: FloatArray


def draw_stars(
    target: Target,
    count: int,
    *,
    seed: int = 0,
) -> ChipStars:
    """Draw stars evenly over a chip, with the luminosity function of the simulated fields."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, count, *target.name.encode()]))
    x, y = rng.uniform(0.0, CHIP_COLUMNS - 1.0, count), rng.uniform(0.0, CHIP_ROWS - 1.0, count)
    dec = target.dec + (y - CHIP_ROWS / 2) * PIXEL_DEGREES
    ra = target.ra - (x - CHIP_COLUMNS / 2) * PIXEL_DEGREES / np.cos(np.deg2rad(target.dec))
    flux = draw_electrons(rng, count, *_FLUX_LIMITS)
    return ChipStars(target, np.arange(1, count + 1, dtype=np.int64), x, y, ra % 360.0, dec, flux)


def simulate_photometry(
    plan: ExposurePlan,
    stars: ChipStars,
    settings: Settings | None = None,
    *,
    chip: int,
    filetype: FileType = "flt",
    flipped: bool = False,
    scatter: float = 0.0,
    radii: Sequence[int] = RADII,
    mode: str = "standard",
) -> SimulatedPhotometry:
    """Simulate the photometry of one image.

    Parameters
    ----------
    plan : ExposurePlan
        The exposure.
    stars : ChipStars
        Stars of the chip.
    settings : Settings, optional
        Law, detector and seed. The FLT and the FLC of an exposure have the same noise.
    chip : int
        Chip on which the stars lie: 2 or 1.
    filetype : {'flt', 'flc'}
        The FLC keeps ``flc_fraction`` of the loss.
    flipped : bool
        The second visit of the 180-degree set: x and y run backwards.
    scatter : float
        Relative scatter of each flux on top of the photons' (flat field, centring).
    radii : sequence of int
        Aperture radii, px.
    mode : str
        Photometry mode named in the record.
    """
    settings = settings or Settings()
    seed = np.random.SeedSequence([settings.seed, crc32(plan.rootname.encode()), chip])
    rng = np.random.default_rng(seed)
    x, y = (CHIP_COLUMNS - 1 - stars.x, CHIP_ROWS - 1 - stars.y) if flipped else (stars.x, stars.y)
    background = background_level(plan, settings.detector)
    true_flux = stars.flux * (plan.exptime / REFERENCE_EXPTIME) * THROUGHPUT.get(plan.filter, 1.0)
    loss = settings.law.loss(plan.mjd, true_flux, background)
    part = settings.detector.flc_fraction if filetype == "flc" else 1.0
    taken = 1.0 - settings.law.survival(loss, readout_distance(chip, y))
    kept = true_flux * (1.0 - part * taken)
    if scatter:
        kept = kept * (1.0 + scatter * rng.standard_normal(kept.size))
    variance = background + settings.detector.read_noise**2
    sky_level = background - settings.detector.dark_rate * plan.exptime - plan.flash
    sky_err = _MEDIAN_LOSS * np.sqrt(variance / _ANNULUS_AREA)
    sky_noise = sky_err * rng.standard_normal(x.size)
    columns = _apertures(rng, kept, variance, sky_level, sky_noise, radii, plan.filter)
    if settings.detector.trails:
        columns |= _centroids(
            np.random.default_rng(seed.spawn(1)[0]), kept, variance, taken * part, chip, plan, settings
        )
    imagename = f"{plan.rootname}_{filetype}.fits"
    key = _key(imagename, settings, mode)
    n = x.size
    columns |= {
        "imagename": np.full(n, imagename), "phot_key": np.full(n, key), "master_id": stars.id,
        "x": x, "y": y, "ra": stars.ra, "dec": stars.dec, "sky": sky_level + sky_noise,
        "sky_err": np.full(n, sky_err), "n_sky": np.full(n, int(_ANNULUS_AREA), dtype=np.int32),
        "flags": np.zeros(n, dtype=np.int32),
    }  # fmt: skip
    record = _record(plan, settings, chip, filetype, mode, key) | {
        "n_stars": n,
        "n_measured": n,
        "sky": sky_level,
    }
    return SimulatedPhotometry(record, columns, true_flux, loss * part)


def simulate_pair_photometry(
    first: ExposurePlan,
    second: ExposurePlan,
    stars: ChipStars,
    settings: Settings | None = None,
    *,
    chip: int | None = None,
    filetypes: Sequence[FileType] = ("flt", "flc"),
    scatter: float = 0.0,
    radii: Sequence[int] = RADII,
) -> list[SimulatedPhotometry]:
    """Simulate a pair: chip 2 and chip 1 of a nominal one, or one chip before and after half a turn.

    ``chip`` is that of a 180-degree pair; the rest is as of `simulate_photometry`.
    """
    chips = (2, 1) if chip is None else (chip, chip)
    return [
        simulate_photometry(
            plan, stars, settings, chip=on, filetype=filetype, flipped=chip is not None and k == 1,
            scatter=scatter, radii=radii,
        )
        for filetype in filetypes
        for k, (plan, on) in enumerate(zip((first, second), chips, strict=True))
    ]  # fmt: skip


def simulate_program_photometry(
    program: Program,
    stars: ChipStars,
    settings: Settings | None = None,
    *,
    filetypes: Sequence[FileType] = ("flt", "flc"),
    scatter: float = 0.0,
    radii: Sequence[int] = RADII,
) -> list[SimulatedPhotometry]:
    """Simulate all pairs of a program; the same stars in each."""
    plans = {plan.rootname: plan for plan in program.exposures}

    def of_pair(pair: PlannedPair) -> list[SimulatedPhotometry]:
        return simulate_pair_photometry(
            plans[pair.first], plans[pair.second], stars, settings, chip=pair.chip, filetypes=filetypes,
            scatter=scatter, radii=radii,
        )  # fmt: skip

    return [image for pair in program.pairs for image in of_pair(pair)]


def _apertures(
    rng: np.random.Generator, kept: FloatArray, variance: float, sky: float, sky_noise: FloatArray,
    radii: Sequence[int], filter_name: str,
) -> dict[str, Any]:  # fmt: skip
    """Fluxes, errors, backgrounds and areas at all radii: a wider aperture holds the narrower's noise."""
    columns: dict[str, Any] = {}
    reference = encircled_energy(LAW_RADIUS, filter_name)
    noise, inner_signal, inner_area = np.zeros(kept.size), np.zeros(kept.size), 0.0
    for radius in radii:
        area = np.pi * radius**2
        signal = kept * (encircled_energy(float(radius), filter_name) / reference)
        ring = np.maximum(signal - inner_signal, 0.0) + variance * (area - inner_area)
        noise = noise + np.sqrt(ring) * rng.standard_normal(kept.size)
        measured = signal + noise
        suffix = radius_suffix(radius)
        columns[f"flux_{suffix}"] = measured - area * sky_noise
        columns[f"flux_err_{suffix}"] = np.sqrt(np.maximum(measured, 0.0) + variance * area)
        columns[f"bkg_{suffix}"] = area * (sky + sky_noise)
        columns[f"area_{suffix}"] = np.full(kept.size, area)
        inner_signal, inner_area = signal, area
    return columns


def _centroids(
    rng: np.random.Generator, kept: FloatArray, variance: float, lost: FloatArray, chip: int,
    plan: ExposurePlan, settings: Settings,
) -> dict[str, Any]:  # fmt: skip
    """Shifts of the centroids from the catalog's positions: noise, and in y what the trails do."""
    flux = np.maximum(kept, 1.0)
    error = np.sqrt(_CENTROID_OWN / flux + _CENTROID_PIXELS * variance / flux**2)
    noise_x, noise_y = error * rng.standard_normal((2, kept.size))
    moved = trail_shift(lost, settings.detector.trail_length, plan.filter)
    return {"dx": noise_x, "dy": noise_y + (-1.0 if chip == 1 else 1.0) * moved}


def _key(*parts: object) -> str:
    return digest(repr(parts).encode(), 12)


def _record(
    plan: ExposurePlan, settings: Settings, chip: int, filetype: FileType, mode: str, key: str
) -> dict[str, Any]:
    from cte_lake import __version__

    imagename = f"{plan.rootname}_{filetype}.fits"
    return {
        "imagename": imagename, "rootname": plan.rootname, "filetype": filetype, "target": plan.target.name,
        "targname": plan.target.targname, "proposal": plan.proposal, "visit": plan.rootname[4:6],
        "filter": plan.filter, "exptime": plan.exptime,
        "length": exposure_length(plan.exptime),
        "mjd": plan.mjd, "chinject": plan.chinject, "flash": plan.flash,
        "flashsta": "SUCCESSFUL" if plan.flash else "NOT PERFORMED", "chip": chip, "postarg1": plan.postarg1,
        "postarg2": plan.postarg2, "pa_v3": plan.pa_v3, "mode": mode, "engine": "simulated", "settings": "{}",
        "settings_hash": _key("settings", mode), "rules_hash": _key("rules"), "cal_ver": plan.cal_ver,
        "pctecorr": "COMPLETE" if filetype == "flc" else "OMIT", "pam": "distortion",
        "master_hash": _key("master", plan.target.name), "path": f"/simulated/{imagename}",
        "checksum": _key(imagename, settings), "file_size": 0, "file_mtime_ns": 0, "phot_key": key,
        "revision": 1, "withdrawn": False, "software": __version__,
    }  # fmt: skip


def fill_lake(lake: StoredLake, images: Iterable[SimulatedPhotometry], stars: ChipStars | None = None) -> int:
    """Write images, and their master catalog, into a lake.

    Images are written one by one, so that a generator of thousands needs the memory of one.
    """
    schema = dataset("exposures").schema()
    count = 0
    master_hash = None
    for image in images:
        record = image.record
        master_hash = record["master_hash"]
        partition = Partition(record["target"], record["proposal"], record["flash"], record["filetype"])
        table = conform(pa.table(image.columns), "phot")
        named = write_photometry(lake, partition, record["rootname"], record["phot_key"], table)
        place = exposure_file(
            partition, record["rootname"], record["mode"], record["phot_key"], record["revision"]
        )
        row = pa.Table.from_pylist([record | named], schema=schema)
        write_table(lake / place, conform(row, "exposures"))
        count += 1
    if stars is not None and master_hash is not None:
        _write_master(lake, stars, master_hash)
    return count


def _write_master(lake: StoredLake, stars: ChipStars, master_hash: str) -> None:
    n = stars.id.size
    table = pa.table(
        {
            "master_id": stars.id, "x": stars.x, "y": stars.y, "ra": stars.ra, "dec": stars.dec,
            "flux": stars.flux, "master_hash": pa.repeat(master_hash, n),
            "revision": pa.repeat(pa.scalar(1, pa.int32()), n), "origin": pa.repeat("simulated", n),
        }
    )  # fmt: skip
    target = stars.target.name
    write_table(lake / master_file(target, master_hash, 1), conform(table, "master"), {"target": target})
