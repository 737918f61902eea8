"""Plain copies of frames with another WCS in their headers; the frames themselves are never touched."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from astropy.io import fits

from cte_lake.frames.fitsfile import replace_wcs
from cte_lake.frames.opening import EXTVER_OF_CHIP, open_frame


def write_plain_copy(path: Path, copy: Path, cards: Mapping[int, Mapping[str, Any]] | None) -> None:
    """Copy an FLT or FLC as an uncompressed FITS file.

    WCS cards of each chip, where given, take the place of the file's; lookup tables stay as they are.

    Raises
    ------
    Rejected
        If the file cannot be read.
    """
    with open_frame(path) as hdus:
        plain = fits.HDUList([fits.PrimaryHDU(header=hdus[0].header)])
        for hdu in hdus[1:]:
            compressed = isinstance(hdu, fits.CompImageHDU)
            plain.append(
                fits.ImageHDU(hdu.data, hdu.header, name=hdu.name, ver=hdu.ver) if compressed else hdu
            )
        for chip, extver in EXTVER_OF_CHIP.items():
            if cards is not None:
                replace_wcs(plain["SCI", extver].header, cards[chip])
        for hdu in plain:
            _leave_out_what_is_no_value(hdu.header)
        plain.writeto(copy)


def _leave_out_what_is_no_value(header: fits.Header) -> None:
    """Remove cards that no FITS reader can read, such as a bare NaN: who combines headers fails on them."""
    for number in [number for number, card in enumerate(header.cards) if not _has_value(card)][::-1]:
        del header[number]


def _has_value(card: fits.Card) -> bool:
    try:
        str(card.value)
    except fits.VerifyError:
        return False
    return True
