"""Star fields with a luminosity function, and the master catalogs made of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table
from numpy.typing import NDArray

from cte_lake.arrays import FloatArray
from cte_lake.errors import UsageError
from cte_lake.simulate.geometry import (
    CHIP_COLUMNS,
    CHIP_DITHER,
    CHIP_ROWS,
    CHIPS,
    Attitude,
    chip_wcs,
    first_column,
)
from cte_lake.simulate.program import ExposurePlan, Target

#: Exposure (s) and filter for which fluxes of a field are quoted.
REFERENCE_EXPTIME = 348.0
#: Throughput relative to F502N for the mean colour of the fields.
THROUGHPUT = {"F502N": 1.0, "F606W": 20.0}
#: Flux (e- at the reference exposure) over which `Target.stars` counts.
COUNT_FLUX = 250.0
#: Faintest and brightest star of a field, e- at the reference exposure, and N(>F) ~ F^-slope.
FLUX_LIMITS = (60.0, 3.0e5)
SLOPE = 0.55
#: Faintest star of a master catalog, e- (348 s, F502N), and the error of its positions, arcsec an axis.
_FAINTEST, _SCATTER = 60.0, 0.002
#: Pixel of the master image, arcsec.
MASTER_PIXEL = 0.04
#: Formats of a master catalog by the ending of its name.
CATALOG_FORMATS = {
    ".cat": "ascii.no_header", ".ecsv": "ascii.ecsv", ".csv": "ascii.csv", ".fits": "fits",
    ".vot": "votable", ".xml": "votable", ".parquet": "parquet",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class StarField:
    """Stars on the sky.

    Attributes
    ----------
    id : ndarray of int64, shape (n,)
        Numbers, unique, as in the master catalog.
    ra, dec : ndarray, shape (n,)
        True positions, degrees.
    rate : ndarray, shape (n,)
        Total e-/s in F502N.
    """

    target: Target
    id: NDArray[np.int64]
    ra: FloatArray
    dec: FloatArray
    rate: FloatArray

    def electrons(self, exptime: float, filter_name: str) -> FloatArray:
        """Total electrons of each star in an exposure, shape (n,)."""
        return self.rate * exptime * THROUGHPUT.get(filter_name, 1.0)


def make_field(
    plans: Iterable[ExposurePlan], *, width: int = CHIP_COLUMNS, stars: int | None = None, seed: int = 0
) -> StarField:
    """Draw the stars that the given exposures of one target can see.

    By default the target's density; else `stars` over 250 e- (348 s, F502N) per chip of this width.

    Raises
    ------
    UsageError
        If there is no exposure or more than one target.
    """
    exposures = list(plans)
    if len({plan.target.name for plan in exposures}) != 1:
        raise UsageError("A star field is drawn for the exposures of exactly one target.")
    target = exposures[0].target
    attitudes = list(dict.fromkeys(plan.attitude for plan in exposures))
    box = _bounding_box(target, attitudes, width)
    per_chip = target.stars * width / CHIP_COLUMNS if stars is None else float(stars)
    chip_area = width * CHIP_ROWS * CHIPS[2].x_scale * CHIPS[2].y_scale
    box_area = (box[1] - box[0]) * (box[3] - box[2])
    total = per_chip / chip_area * box_area * (COUNT_FLUX / FLUX_LIMITS[0]) ** SLOPE
    rng = np.random.default_rng(np.random.SeedSequence([seed, *target.name.encode()]))
    count = int(rng.poisson(total))
    x, y = rng.uniform(box[0], box[1], count), rng.uniform(box[2], box[3], count)
    electrons = draw_electrons(rng, count, *FLUX_LIMITS)
    frame = SkyCoord(target.ra * u.deg, target.dec * u.deg).skyoffset_frame()
    sky = SkyCoord(x * u.arcsec, y * u.arcsec, frame=frame).icrs
    ra, dec = sky.ra.deg, sky.dec.deg
    seen = _seen(ra, dec, attitudes, width)
    return StarField(
        target=target,
        id=np.arange(1, int(seen.sum()) + 1, dtype=np.int64),
        ra=ra[seen],
        dec=dec[seen],
        rate=electrons[seen] / REFERENCE_EXPTIME,
    )


def draw_electrons(rng: np.random.Generator, count: int, faintest: float, brightest: float) -> FloatArray:
    """Draw fluxes (e-) from the luminosity function N(>F) ~ F^-0.55 between two limits, shape (count,)."""
    low, high = faintest**-SLOPE, brightest**-SLOPE
    return np.asarray((low - rng.uniform(0.0, 1.0, count) * (low - high)) ** (-1.0 / SLOPE))


def _bounding_box(target: Target, attitudes: list[Attitude], width: int) -> tuple[float, float, float, float]:
    """Limits (arcsec east, east, north, north of the target) of the sky under all chips."""
    frame = SkyCoord(target.ra * u.deg, target.dec * u.deg).skyoffset_frame()
    edge = np.array([-20.0, width + 20.0]), np.array([-20.0, CHIP_ROWS + 20.0])
    corners_x, corners_y = (grid.ravel() for grid in np.meshgrid(*edge))
    east, north = [], []
    for attitude in attitudes:
        for chip in CHIPS.values():
            wcs = chip_wcs(chip, attitude, first_column(width))
            ra, dec = wcs.all_pix2world(corners_x, corners_y, 0)
            offset = SkyCoord(ra * u.deg, dec * u.deg).transform_to(frame)
            east.append(offset.lon.wrap_at(180 * u.deg).arcsec)
            north.append(offset.lat.arcsec)
    return float(np.min(east)), float(np.max(east)), float(np.min(north)), float(np.max(north))


def _seen(ra: FloatArray, dec: FloatArray, attitudes: list[Attitude], width: int) -> NDArray[np.bool_]:
    """Which stars fall on or within 20 px of a chip at one of the pointings."""
    seen = np.zeros(ra.size, dtype=bool)
    for attitude in attitudes:
        for chip in CHIPS.values():
            x, y = sky_to_pixel(chip.chip, attitude, width, ra, dec)
            seen |= (x > -20) & (x < width + 20) & (y > -20) & (y < CHIP_ROWS + 20)
    return seen


def sky_to_pixel(
    chip: int, attitude: Attitude, width: int, ra: FloatArray, dec: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """0-based pixels of sky positions on a chip; NaN where the position is far off it.

    Parameters
    ----------
    chip : int
        1 or 2.
    attitude : Attitude
        Pointing and roll.
    width : int
        Columns of the cut-out.
    ra, dec : ndarray, shape (n,)
        Degrees.

    Returns
    -------
    x, y : ndarray, shape (n,)
    """
    wcs = chip_wcs(CHIPS[chip], attitude, first_column(width))
    x, y = np.full(ra.size, np.nan), np.full(ra.size, np.nan)
    # The polynomial's inverse is found by iteration, which runs away far from the chip.
    linear = wcs.wcs_world2pix(ra, dec, 0)
    margin = 150.0
    near = (linear[0] > -margin) & (linear[0] < width + margin)
    near &= (linear[1] > -margin) & (linear[1] < CHIP_ROWS + margin)
    if near.any():
        x[near], y[near] = wcs.all_world2pix(ra[near], dec[near], 0, tolerance=1e-5)
    return x, y


def master_table(field: StarField, *, seed: int = 0) -> Table:
    """Make the master catalog of a field.

    Returns
    -------
    Table
        id; x, y (px of the master image); ra, dec (degrees).
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, 77]))
    listed = field.rate * REFERENCE_EXPTIME >= _FAINTEST
    centre = SkyCoord(field.target.ra * u.deg, field.target.dec * u.deg)
    frame = centre.skyoffset_frame()
    offset = SkyCoord(field.ra[listed] * u.deg, field.dec[listed] * u.deg).transform_to(frame)
    east = offset.lon.wrap_at(180 * u.deg).arcsec + rng.normal(0.0, _SCATTER, int(listed.sum()))
    north = offset.lat.arcsec + rng.normal(0.0, _SCATTER, int(listed.sum()))
    sky = SkyCoord(east * u.arcsec, north * u.arcsec, frame=frame).icrs
    half = 2.0 * CHIP_DITHER / MASTER_PIXEL
    table = Table(
        {
            "id": field.id[listed],
            "x": -east / MASTER_PIXEL + half,
            "y": north / MASTER_PIXEL + half,
            "ra": sky.ra.deg,
            "dec": sky.dec.deg,
        }
    )
    for name, unit in (("x", u.pix), ("y", u.pix), ("ra", u.deg), ("dec", u.deg)):
        table[name].unit = unit
    return table


def catalog_suffix(name: str) -> str:
    """Return the ending of a master catalog, ``.cat`` for ``cat``.

    Raises
    ------
    UsageError
        If no catalog is written under that ending.
    """
    suffix = f".{name.lstrip('.')}"
    if suffix not in CATALOG_FORMATS:
        raise UsageError(f"No master catalog ends in {suffix!r}; there are {', '.join(CATALOG_FORMATS)}.")
    return suffix


def write_master(table: Table, path: Path) -> Path:
    """Write a master catalog; the ending of the name chooses the format.

    ``.cat`` is the layout of 2017: id, x, y, ra, dec, blank-separated, no header line.

    Raises
    ------
    UsageError
        If the ending is none of `CATALOG_FORMATS`.
    """
    form = CATALOG_FORMATS[catalog_suffix(path.suffix)]
    formats = {"x": "%.4f", "y": "%.4f", "ra": "%.9f", "dec": "%.9f"}
    if path.suffix == ".cat":
        table.write(path, format=form, formats=formats, overwrite=True)
    elif form == "votable":
        from astropy.io.votable import from_table, writeto

        # Not `Table.write`: its C code can leave its buffer (astropy 8.0.2).
        writeto(from_table(table), str(path))
    else:
        table.write(path, format=form, overwrite=True)
    return path
