"""One chip of an exposure: its pixels and its WCS."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning
from astropy.wcs import WCS
from numpy.typing import NDArray

from cte_lake.errors import Rejected
from cte_lake.frames.cards import HeaderCards
from cte_lake.frames.checks import require_celestial_wcs, require_extensions
from cte_lake.frames.geometry import reference_pixel_area
from cte_lake.frames.opening import EXTVER_OF_CHIP, open_frame
from cte_lake.frames.planes import check_electrons, check_planes, check_uncut, cutout_origin
from cte_lake.frames.regular import damaged

MAX_NAN_FRACTION: Final = 0.5
"""A chip with more non-finite SCI pixels than this fraction holds no image."""

log = logging.getLogger(__name__)
# What the library has to say below a warning is meant for its own users.
logging.getLogger("astropy").setLevel(logging.WARNING)

_SIP_PREFIXES: Final = ("A_", "B_", "AP_", "BP_")

CardValue = str | int | float | bool


@dataclass(frozen=True)
class ChipImage:
    """One chip of an exposure.

    Attributes
    ----------
    chip : int
        1 or 2.
    data, err : ndarray, (ny, nx), float32, electrons
        SCI and ERR; NaN where the file has NaN.
    dq : ndarray, (ny, nx), int16
        Data quality bits.
    wcs : astropy.wcs.WCS
        With SIP and, where the file has them, the lookup tables; of ``wcs_cards`` if these were given.
    reference_area : float
        Area, in square degrees, of the pixel by which pixel area maps are normalised (see :mod:`.geometry`).
    column0, row0 : int
        Full-frame column and row of pixel (0, 0): not 0 in cut-outs (``-LTV1``, ``-LTV2``).
    """

    chip: int
    data: NDArray[np.float32]
    err: NDArray[np.float32]
    dq: NDArray[np.int16]
    wcs: WCS
    reference_area: float
    column0: int
    row0: int


def read_chip(path: Path | str, chip: int, wcs_cards: Mapping[str, CardValue] | None = None) -> ChipImage:
    """Read one chip's SCI, ERR and DQ with its WCS.

    Parameters
    ----------
    path : Path or str
        FLT or FLC file.
    chip : int
        2 (``SCI,1``) or 1 (``SCI,2``).
    wcs_cards : mapping, optional
        Cards of an aligned WCS that take the place of the header's.

    Raises
    ------
    Rejected
        ``nan_filled``, ``cut_off``, ``wrong_unit``, ``wrong_chip``, ``bad_shape``, ``missing_extension``,
        ``no_wcs``, or the reasons of :func:`open_frame`.
    """
    file = Path(path)
    version = EXTVER_OF_CHIP[chip]
    with open_frame(file) as hdus:
        require_extensions(hdus, file)
        header = hdus["SCI", version].header
        check_planes(hdus, file, chip)
        data = _pixels(hdus["SCI", version], file, np.float32)
        err = _pixels(hdus["ERR", version], file, np.float32)
        dq = _pixels(hdus["DQ", version], file, np.int16)
        wcs = wcs_of(header, chip, wcs_cards=wcs_cards, hdus=hdus)
        reference_area = _reference_area(hdus, file)
        exptime = HeaderCards(file.name, [hdus[0].header]).optional_number("EXPTIME") or 0.0
    check_electrons(data, err, exptime, f"SCI,{version} of {file.name}")
    check_uncut(data, f"SCI,{version} of {file.name}")
    if np.count_nonzero(~np.isfinite(data)) > MAX_NAN_FRACTION * data.size:
        detail = f"SCI,{version} of {file.name} is filled with NaN; calibrate or fetch it again"
        raise Rejected("nan_filled", detail)
    column0, row0 = cutout_origin(header, file.name)
    return ChipImage(chip, data, err, dq, wcs, reference_area, column0, row0)


def _reference_area(hdus: fits.HDUList, file: Path) -> float:
    header = hdus["SCI", EXTVER_OF_CHIP[2]].header
    return reference_pixel_area(wcs_of(header, 2, hdus=hdus), *cutout_origin(header, file.name))


def _pixels(hdu: Any, path: Path, dtype: type[np.generic]) -> NDArray[Any]:
    """Pixels in native byte order."""
    name = f"{hdu.name},{hdu.ver} of {path.name}"
    _check_sum(hdu, path)
    try:
        plane = hdu.data
    except Exception as error:  # decompression has errors of its own, of no common class
        raise damaged(path, error) from error
    if np.ndim(plane) != 2:
        raise Rejected("bad_shape", f"{name} is not an image of rows and columns; fetch it again")
    if dtype is np.int16 and not _is_of_16_bits(plane):
        raise Rejected("bad_keyword", f"{name} holds other values than flags of 16 bits; fetch it again")
    with np.errstate(over="ignore"):  # what is too great for float32 is infinite, and masked
        return np.ascontiguousarray(plane, dtype=dtype)


def _check_sum(hdu: Any, path: Path) -> None:
    """Refuse pixels that are not those of the header's DATASUM; of packed ones `check_tiles` looks at it."""
    said = HeaderCards(path.name, [hdu.header]).optional_text("DATASUM")
    if isinstance(hdu, fits.CompImageHDU) or not said:
        return
    if not said.isdecimal() or hdu.verify_datasum() == 0:
        raise Rejected(
            "truncated",
            f"{path.name} is damaged, or was edited: DATASUM={said!r:.20} of {hdu.name},{hdu.ver} is not "
            "that of its pixels; fetch it again, or write it with new sums",
        )


def _is_of_16_bits(plane: NDArray[Any]) -> bool:
    if plane.dtype.kind not in "iu":
        return False
    return plane.dtype.itemsize <= 2 or not np.any((plane < -(1 << 15)) | (plane >= 1 << 16))


def wcs_of(
    source: Path | str | fits.Header,
    chip: int,
    wcs_cards: Mapping[str, CardValue] | None = None,
    hdus: fits.HDUList | None = None,
) -> WCS:
    """Build a chip's WCS, from a file without reading its pixels, or from its SCI header.

    Parameters
    ----------
    source : Path, str or Header
        FITS file, or the SCI header itself.
    chip : int
        1 or 2.
    wcs_cards : mapping, optional
        Cards that take the place of the header's. If they carry SIP, the header's SIP is dropped first.
    hdus : HDUList, optional
        The open file of a header, for lookup tables.

    Raises
    ------
    Rejected
        ``no_wcs`` if the header has none that works, or the reasons of :func:`open_frame`.
    """
    if not isinstance(source, fits.Header):
        file = Path(source)
        with open_frame(file) as opened:
            require_extensions(opened, file)
            return wcs_of(opened["SCI", EXTVER_OF_CHIP[chip]].header, chip, wcs_cards, opened)
    header = source
    if wcs_cards is not None:
        header = source.copy()
        replace_wcs(header, wcs_cards)
    rootname = (
        HeaderCards("a SCI header", [source]).optional_text("ROOTNAME") or "an exposure without ROOTNAME"
    )
    name = f"chip {chip} of {rootname}"
    require_celestial_wcs(header, name)
    cards = HeaderCards(name, [header])
    has_tables = any(cards.raw(key) for key in ("CPDIS1", "CPDIS2", "D2IMDIS1", "D2IMDIS2"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        try:
            wcs = WCS(header, fobj=hdus if has_tables else None)
            usable = np.isfinite(wcs.all_pix2world([[0.0, 0.0]], 0)).all()
        except Exception as error:  # WCSLIB reports bad cards by errors of any class, MemoryError included
            log.debug("WCS of %s: %s", name, error)
            raise _no_wcs(name, header, hdus) from error
    if not usable:
        raise _no_wcs(name, header, hdus)
    return wcs


def _no_wcs(name: str, header: fits.Header, hdus: fits.HDUList | None) -> Rejected:
    promised = [
        (f"{kind}{axis}", table, int(header.get(f"{record}{axis}.EXTVER") or axis))
        for kind, record, table in (("CPDIS", "DP", "WCSDVARR"), ("D2IMDIS", "D2IM", "D2IMARR"))
        for axis in (1, 2)
        if header.get(f"{kind}{axis}")
    ]
    present = {(hdu.name, hdu.ver) for hdu in hdus or ()}
    lost = [
        f"{key}={header[key]} and no extension {table},{version}"
        for key, table, version in promised
        if (table, version) not in present
    ]
    why = ", ".join(lost) or "a keyword or a lookup table of it is damaged"
    return Rejected("no_wcs", f"the WCS of {name} cannot be used: {why}; fetch it again")


def replace_wcs(header: fits.Header, cards: Mapping[str, CardValue]) -> None:
    """Put the WCS of some cards in the place of a header's; lookup tables stay as they are."""
    if "A_ORDER" in cards:
        for key in [key for key in header if key.startswith(_SIP_PREFIXES)]:
            del header[key]
    header.update(dict(cards))
