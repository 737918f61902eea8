"""Opens FITS files of WFC3/UVIS and turns every way they can be broken into :class:`Rejected`."""

from __future__ import annotations

import gzip
import hashlib
import warnings
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning
from astropy.wcs import WCS, FITSFixedWarning, WcsError
from numpy.typing import NDArray

from cte_lake.errors import Rejected
from cte_lake.frames.geometry import reference_pixel_area

EXTVER_OF_CHIP: Final[Mapping[int, int]] = {2: 1, 1: 2}
"""Extension version of each chip: chip 2 (UVIS2) is ``SCI,1``, chip 1 (UVIS1) is ``SCI,2``."""

SUFFIXES: Final = (".fits", ".fits.gz", ".fits.fz")
"""What a file name may end with."""

UVIS_CENTRE: Final = (2048.0, 1026.0)
"""Centre of a full-frame UVIS chip, 1-based pixels (``IDCXREF``, ``IDCYREF``)."""

MAX_NAN_FRACTION: Final = 0.5
"""A chip with more non-finite SCI pixels than this fraction holds no image."""

_EXTENSIONS: Final = tuple((name, version) for version in (1, 2) for name in ("SCI", "ERR", "DQ"))
_READ_ERRORS: Final = (OSError, ValueError, TypeError, KeyError, IndexError, fits.VerifyError)
_CUT_SHORT: Final = (EOFError, zlib.error, gzip.BadGzipFile, AstropyWarning)
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


@contextmanager
def open_frame(path: Path, *, headers_only: bool = False) -> Iterator[fits.HDUList]:
    """Open a FITS file; whatever is wrong with it comes out as :class:`Rejected`.

    Parameters
    ----------
    path : Path
        A ``.fits``, ``.fits.gz`` or ``.fits.fz`` file.
    headers_only : bool
        Leave tile-compressed images as the tables they are stored in: six times faster, and the
        headers hold the same cards (sizes as ``ZNAXISn``).

    Yields
    ------
    HDUList
        With every header read.

    Raises
    ------
    Rejected
        ``unreadable``, ``not_fits``, ``truncated``; also when reading inside the block fails.
    """
    try:
        with warnings.catch_warnings():
            # Warnings tell of truncation and of broken cards only in words; both are looked at below.
            warnings.simplefilter("ignore", AstropyWarning)
            warnings.filterwarnings("error", message=".*truncated.*")
            warnings.filterwarnings("error", message=".*Error validating header.*")
            with fits.open(path, memmap=False, disable_image_compression=headers_only) as hdus:
                len(hdus)  # reads all headers
                yield hdus
    except Rejected:
        raise
    except _CUT_SHORT as error:
        raise _damaged(path, error) from error
    except _READ_ERRORS as error:
        raise _open_error(path, error) from error


def _open_error(path: Path, error: Exception) -> Rejected:
    if isinstance(error, FileNotFoundError):
        return Rejected("unreadable", f"there is no file {path}")
    if isinstance(error, PermissionError):
        return Rejected("unreadable", f"no permission to read {path}; change its mode")
    if isinstance(error, IsADirectoryError):
        return Rejected("unreadable", f"{path} is a folder, not a FITS file")
    if path.is_file() and path.stat().st_size == 0:
        return Rejected("truncated", f"{path.name} is empty (0 bytes); fetch it again")
    if isinstance(error, OSError) and ("No SIMPLE card" in str(error) or "Empty or corrupt" in str(error)):
        return Rejected("not_fits", f"{path.name} is not a FITS file (no SIMPLE card at its start)")
    return _damaged(path, error)


def _damaged(path: Path, error: Exception) -> Rejected:
    return Rejected("truncated", f"{path.name} is cut short or damaged ({error}); fetch it again")


def require_extensions(hdus: fits.HDUList, path: Path) -> None:
    """Raise ``Rejected('missing_extension')`` naming which of the six image extensions are missing."""
    present = {(hdu.name, hdu.ver) for hdu in hdus}
    missing = [f"{name},{version}" for name, version in _EXTENSIONS if (name, version) not in present]
    if missing:
        raise Rejected("missing_extension", f"{path.name} has no extension {' '.join(missing)}")


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
        ``nan_filled``, ``wrong_unit``, ``wrong_chip``, ``bad_shape``, ``missing_extension``, ``no_wcs``, or
        the reasons of :func:`open_frame`.
    """
    file = Path(path)
    version = EXTVER_OF_CHIP[chip]
    with open_frame(file) as hdus:
        require_extensions(hdus, file)
        header = hdus["SCI", version].header
        if header.get("CCDCHIP", chip) != chip:
            detail = f"SCI,{version} of {file.name} says CCDCHIP={header['CCDCHIP']}, not {chip}"
            raise Rejected("wrong_chip", detail)
        check_unit(header, file, version)
        data = _native(hdus["SCI", version].data, np.float32)
        err = _native(hdus["ERR", version].data, np.float32)
        dq = _native(hdus["DQ", version].data, np.int16)
        wcs = wcs_of(header, chip, wcs_cards=wcs_cards, hdus=hdus)
        reference_area = _reference_area(hdus)
    if data.ndim != 2 or not data.shape == err.shape == dq.shape:
        raise Rejected("bad_shape", f"SCI, ERR, DQ of chip {chip} in {file.name} are not images of one shape")
    if np.count_nonzero(~np.isfinite(data)) > MAX_NAN_FRACTION * data.size:
        detail = f"SCI,{version} of {file.name} is filled with NaN; calibrate or fetch it again"
        raise Rejected("nan_filled", detail)
    column0, row0 = cutout_origin(header)
    return ChipImage(chip, data, err, dq, wcs, reference_area, column0, row0)


def _reference_area(hdus: fits.HDUList) -> float:
    header = hdus["SCI", EXTVER_OF_CHIP[2]].header
    return reference_pixel_area(wcs_of(header, 2, hdus=hdus), *cutout_origin(header))


def _native(array: Any, dtype: type[np.generic]) -> NDArray[Any]:
    if array is None:
        return np.empty((0,), dtype)
    return np.ascontiguousarray(array, dtype=dtype)


def check_unit(header: fits.Header, path: Path, version: int) -> None:
    """Raise ``Rejected('wrong_unit')`` unless BUNIT is electrons.

    Rates are not multiplied back: which exposure time a file was divided by is not in its header for sure.
    """
    unit = str(header.get("BUNIT", "")).strip()
    if unit.upper() not in {"ELECTRONS", "ELECTRON"}:
        said = f"BUNIT={unit!r}" if unit else "no BUNIT"
        raise Rejected(
            "wrong_unit",
            f"SCI,{version} of {path.name} has {said}, not ELECTRONS; "
            "give calwf3's FLT or FLC, or multiply by EXPTIME and set BUNIT",
        )


def cutout_origin(header: fits.Header) -> tuple[int, int]:
    """Return the full-frame column and row of pixel (0, 0), from LTV1 and LTV2 (absent: 0)."""
    return round(-float(header.get("LTV1", 0.0))), round(-float(header.get("LTV2", 0.0)))


def has_celestial_wcs(header: fits.Header) -> bool:
    """Tell whether the header has a usable tangent-plane WCS: finite numbers, a CD matrix that inverts."""
    if not str(header.get("CTYPE1", "")).startswith("RA---TAN"):
        return False
    numbers = [header.get(key) for key in ("CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2", "CD1_1", "CD2_2")]
    numbers += [header.get(key, 0.0) for key in ("CD1_2", "CD2_1")]
    if not all(isinstance(number, int | float) and np.isfinite(number) for number in numbers):
        return False
    return bool(header["CD1_1"] * header["CD2_2"] != header.get("CD1_2", 0.0) * header.get("CD2_1", 0.0))


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
    header = source if wcs_cards is None else _with_cards(source, wcs_cards)
    if not has_celestial_wcs(header):
        raise Rejected("no_wcs", f"chip {chip} has no usable WCS (RA---TAN with CRVAL, CRPIX and CD)")
    has_tables = any(header.get(key) for key in ("CPDIS1", "CPDIS2", "D2IMDIS1", "D2IMDIS2"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FITSFixedWarning)
        warnings.simplefilter("ignore", AstropyWarning)
        try:
            return WCS(header, fobj=hdus if has_tables else None)
        except (WcsError, *_READ_ERRORS) as error:
            raise Rejected("no_wcs", f"the WCS of chip {chip} cannot be used: {error}") from error


def _with_cards(header: fits.Header, cards: Mapping[str, CardValue]) -> fits.Header:
    changed = header.copy()
    if "A_ORDER" in cards:
        for key in [key for key in changed if key.startswith(_SIP_PREFIXES)]:
            del changed[key]
    changed.update(cards)
    return changed


def checksum(path: Path | str) -> str:
    """Return the BLAKE2b checksum of a file's bytes, 32 hexadecimal digits.

    Raises
    ------
    Rejected
        ``unreadable``.
    """
    try:
        with Path(path).open("rb") as stream:
            return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    except OSError as error:
        raise _open_error(Path(path), error) from error
