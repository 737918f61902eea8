"""Headerlets: a WCS solution in a file of its own, as stwcs reads, applies and archives it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from astropy.io import fits

from cte_lake.frames.opening import EXTVER_OF_CHIP
from cte_lake.pipeline.private import silenced

_CHIP_OF_EXTVER = {extver: chip for chip, extver in EXTVER_OF_CHIP.items()}


def make_headerlet(
    hdus: fits.HDUList, wcs: Mapping[int, Any], wcsname: str, catalog: str, n_matched: int
) -> bytes:
    """Write a solution as a headerlet.

    The open file's headers are changed in memory, the file is not.

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
            hdus,
            sciext="SCI",
            hdrname=wcsname,
            nmatch=n_matched,
            catalog=catalog,
            author="cte-lake",
            # Otherwise it starts a headerlet.log in whatever folder the command was called from.
            logging=False,
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
