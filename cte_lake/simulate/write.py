"""Write a simulated exposure as the FITS files that the archive would deliver."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from astropy.io import fits

from cte_lake.simulate.exposure import FileType, SimulatedExposure
from cte_lake.simulate.geometry import CHIPS, first_column
from cte_lake.simulate.headers import extension_header, primary_header
from cte_lake.simulate.mast import dress

Compression = Literal["none", "gz", "fz"]
Structure = Literal["mast", "plain"]
STRUCTURES: tuple[Structure, ...] = ("mast", "plain")
#: Extensions of both chips, and the primary.
_WHOLE = 7
_PLANES = frozenset({"SCI", "ERR", "DQ"})
ENDINGS: dict[Compression, str] = {"none": ".fits", "gz": ".fits.gz", "fz": ".fits.fz"}


def build_hdus(
    exposure: SimulatedExposure, filetype: FileType, *, dark_rate: float = 0.0, structure: Structure = "mast"
) -> fits.HDUList:
    """Assemble one file.

    ``dark_rate`` (e-/s) is for ``MEANDARK``; the structure is all that a file from the archive holds, or
    the six planes.

    Returns
    -------
    HDUList
        Primary; SCI,1 ERR,1 DQ,1 of chip 2; SCI,2 ERR,2 DQ,2 of chip 1; with 'mast' headerlets, WCSCORR and
        lookup tables.
    """
    plan = exposure.plan
    hdus = fits.HDUList([fits.PrimaryHDU(header=primary_header(plan, filetype))])
    for chip in sorted((chip for kind, chip in exposure.chips if kind == filetype), reverse=True):
        arrays = exposure.chips[filetype, chip]
        good = arrays.dq == 0
        statistics = {
            "NGOODPIX": int(good.sum()),
            "GOODMEAN": float(np.mean(arrays.sci[good], dtype=np.float64)),
            "MEANDARK": dark_rate * plan.exptime,
        }
        width = arrays.sci.shape[1]
        for name, data in (("SCI", arrays.sci), ("ERR", arrays.err), ("DQ", arrays.dq)):
            header = extension_header(plan, CHIPS[chip], name, width, statistics=statistics)
            hdus.append(fits.ImageHDU(data, header))
    if structure == "mast" and len(hdus) == _WHOLE:
        dress(hdus, first_column(hdus["SCI", 1].data.shape[1]))
    _override(hdus, exposure)
    return hdus


def _override(hdus: fits.HDUList, exposure: SimulatedExposure) -> None:
    for extension, key, value in exposure.plan.overrides:
        name, _, version = extension.partition(",")
        header = hdus[(name, int(version))].header if version else hdus[name].header
        if value is None:
            header.remove(key, ignore_missing=True)
        else:
            header[key] = value


def write_exposure(
    exposure: SimulatedExposure,
    folder: Path,
    *,
    filetypes: tuple[FileType, ...] = ("flt", "flc"),
    compression: Compression = "none",
    dark_rate: float = 0.0,
    structure: Structure = "mast",
) -> list[Path]:
    """Write an exposure's files, e.g. ``ic7801aaq_flt.fits``.

    Parameters
    ----------
    exposure : SimulatedExposure
        The exposure.
    folder : Path
        Made if it is not there.
    filetypes : tuple of str
        Which of 'flt' and 'flc'.
    compression : {'none', 'gz', 'fz'}
        'fz' is tile compression (lossless for DQ, quantised to 1/16 of the noise for SCI and ERR).
    dark_rate : float
        For ``MEANDARK``.
    structure : {'mast', 'plain'}
        See :func:`build_hdus`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for filetype in filetypes:
        hdus = build_hdus(exposure, filetype, dark_rate=dark_rate, structure=structure)
        if compression == "fz":
            hdus = fits.HDUList([hdus[0], *(_tiled(hdu) if hdu.name in _PLANES else hdu for hdu in hdus[1:])])
        path = folder / f"{exposure.plan.rootname}_{filetype}{ENDINGS[compression]}"
        hdus.writeto(path, overwrite=True)
        paths.append(path)
    return paths


def _tiled(hdu: fits.ImageHDU) -> fits.CompImageHDU:
    return fits.CompImageHDU(
        hdu.data, hdu.header, compression_type="RICE_1", quantize_level=16.0, dither_seed=1, quantize_method=1
    )
