"""Headerlets: a WCS solution in a file of its own, as stwcs reads, applies and archives it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from astropy.io import fits

from cte_lake.frames.opening import EXTVER_OF_CHIP
from cte_lake.stages.quiet import silenced

_CHIP_OF_EXTVER = {extver: chip for chip, extver in EXTVER_OF_CHIP.items()}


def make_headerlet(
    hdus: fits.HDUList, wcs: Mapping[int, Any], wcsname: str, catalog: str, n_matched: int
) -> bytes:
    """Write a solution as a headerlet.

    Parameters
    ----------
    hdus : HDUList
        The open FLC or FLT; its headers are changed in memory, the file is not.
    wcs : mapping of int to HSTWCS
        The fitted WCS of chips 1 and 2.
    wcsname : str
        Name of the solution.
    catalog : str
        Name of the catalog that was fitted to.
    n_matched : int
        Stars in the fit.

    Returns
    -------
    bytes
        The FITS file; the extension of each chip bears its CCDCHIP.
    """
    from stwcs.wcsutil.headerlet import create_headerlet

    for chip, extver in EXTVER_OF_CHIP.items():
        header = hdus["SCI", extver].header
        crval, cd = wcs[chip].wcs.crval, wcs[chip].wcs.cd
        header["CRVAL1"], header["CRVAL2"] = float(crval[0]), float(crval[1])
        for i in (0, 1):
            for j in (0, 1):
                header[f"CD{i + 1}_{j + 1}"] = float(cd[i, j])
        header["WCSNAME"] = wcsname
    with silenced("stwcs"):
        headerlet = create_headerlet(
            hdus, sciext="SCI", hdrname=wcsname, nmatch=n_matched, catalog=catalog, author="cte-lake"
        )
        for hdu in headerlet:
            if hdu.name == "SIPWCS":
                hdu.header["CCDCHIP"] = (_CHIP_OF_EXTVER[hdu.ver], "CCD chip (1 or 2)")
        stream = io.BytesIO()
        fits.HDUList(list(headerlet)).writeto(stream)
    return stream.getvalue()


def rename_headerlet(headerlet: bytes, wcsname: str) -> bytes:
    """Give a headerlet another name: its hash is known only when it is written."""
    with fits.open(io.BytesIO(headerlet)) as hdus:
        hdus[0].header["HDRNAME"] = hdus[0].header["WCSNAME"] = wcsname
        for hdu in hdus:
            if hdu.name == "SIPWCS":
                hdu.header["WCSNAME"] = wcsname
        stream = io.BytesIO()
        hdus.writeto(stream)
    return stream.getvalue()


def export_aligned(path: Path, headerlet: Path, folder: Path) -> Path:
    """Write a copy of an FLT or FLC with the solution applied; the input stays as it is.

    Parameters
    ----------
    path : Path
        FLT or FLC; a compressed one is written uncompressed, since stwcs edits plain files.
    headerlet : Path
        Headerlet of the exposure.
    folder : Path
        Where the copy goes, under the same name; an older copy is replaced when the new one is complete.

    Returns
    -------
    Path
        The copy.
    """
    from stwcs.wcsutil.headerlet import apply_headerlet_as_primary

    from cte_lake.lake.write import replacing

    name = path.name.removesuffix(".gz").removesuffix(".fz")
    target = folder / name
    with replacing(target) as copy, silenced("stwcs"):
        plain = copy.with_suffix(".fits")
        try:
            with fits.open(path) as hdus:
                _uncompressed(hdus).writeto(plain)
            apply_headerlet_as_primary(str(plain), str(headerlet), attach=False, archive=False)
            plain.rename(copy)
        finally:
            plain.unlink(missing_ok=True)
    return target


def _uncompressed(hdus: fits.HDUList) -> fits.HDUList:
    plain = [
        fits.ImageHDU(hdu.data, hdu.header, name=hdu.name, ver=hdu.ver)
        if isinstance(hdu, fits.CompImageHDU)
        else hdu
        for hdu in hdus
    ]
    return fits.HDUList(plain)
