"""Opens FITS files of WFC3/UVIS and turns every way they can be broken into :class:`Rejected`."""

from __future__ import annotations

import gzip
import hashlib
import io
import math
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from cte_lake.detector import DETECTOR
from cte_lake.errors import Rejected

EXTVER_OF_CHIP: Final = DETECTOR.extension_of_chip
"""Extension version of each chip: chip 2 (UVIS2) is ``SCI,1``, chip 1 (UVIS1) is ``SCI,2``."""

SUFFIXES: Final = (".fits", ".fits.gz", ".fits.fz")
"""What a file name may end with."""

_READ_BLOCK: Final = 1 << 20
_PLANES: Final = ("SCI", "ERR", "DQ")
_BROKEN_FILE: Final = (OSError, EOFError, zlib.error, fits.VerifyError, AstropyWarning)


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
    with warnings.catch_warnings():
        # Truncation is told by a warning only, known by its words; cards that matter are checked where used.
        warnings.simplefilter("ignore", AstropyWarning)
        warnings.filterwarnings("error", message=".*truncated")
        hdus = _opened(path, headers_only)
        try:
            yield hdus
        except _BROKEN_FILE as error:
            raise cannot_open(path, error) from error
        finally:
            hdus.close()


def _opened(path: Path, headers_only: bool) -> fits.HDUList:
    stream: Path | gzip.GzipFile | io.BytesIO = path
    hdus = None
    try:
        if path.suffix == ".gz":
            stream = gzip.open(path, "rb")  # noqa: SIM115 - closed with the HDUs, or below
            if not headers_only:
                # Each step back in a compressed stream starts it afresh.
                stream = _unpacked(stream)
        hdus = fits.open(stream, memmap=False, disable_image_compression=headers_only)
        len(hdus)  # reads all headers
        if isinstance(stream, gzip.GzipFile):
            _read_to_the_end(stream, hdus)
    except Exception as error:  # a broken file makes the parser fail in every way there is
        for opened in (hdus, stream):
            if opened is not None and not isinstance(opened, Path):
                opened.close()
        raise cannot_open(path, error) from error
    return hdus


def _unpacked(stream: gzip.GzipFile) -> io.BytesIO:
    with stream:
        return io.BytesIO(stream.read())


def _read_to_the_end(stream: gzip.GzipFile, hdus: fits.HDUList) -> None:
    """Unpack what follows the last header: nothing else tells that a compressed file ends too early."""
    while stream.read(_READ_BLOCK):
        continue
    last = hdus[-1].fileinfo()
    if stream.tell() < last["datLoc"] + last["datSpan"]:
        raise EOFError("the last extension ends too early")


def cannot_open(path: Path, error: Exception) -> Rejected:
    """Return the refusal of a file that could not be opened or read, in words for its owner."""
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
    return damaged(path, error)


def damaged(path: Path, error: Exception) -> Rejected:
    """Return the refusal of a file whose bytes are wrong."""
    return Rejected("truncated", f"{path.name} is cut short or damaged ({error}); fetch it again")


def require_extensions(hdus: fits.HDUList, path: Path, versions: Sequence[int] = (1, 2)) -> None:
    """Raise ``Rejected('missing_extension')`` naming which of SCI, ERR and DQ are missing."""
    present = {(hdu.name, hdu.ver) for hdu in hdus}
    needed = [(name, version) for version in versions for name in _PLANES]
    missing = [f"{name},{version}" for name, version in needed if (name, version) not in present]
    if missing:
        promised = hdus[0].header.get("NEXTEND", 0)
        cut = f"; only {len(hdus) - 1} of {promised} are there: cut short?" if len(hdus) <= promised else ""
        raise Rejected("missing_extension", f"{path.name} has no extension {' '.join(missing)}{cut}")


def check_chip(header: fits.Header, path: Path, chip: int) -> None:
    """Raise ``Rejected('wrong_chip')`` if an SCI header says that it is of another chip."""
    said = header.get("CCDCHIP", chip)
    if said != chip:
        name = f"SCI,{EXTVER_OF_CHIP[chip]} of {path.name}"
        raise Rejected("wrong_chip", f"{name} says CCDCHIP={said}, not {chip}")


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


def has_celestial_wcs(header: fits.Header) -> bool:
    """Tell whether the header has a usable tangent-plane WCS: finite numbers, a CD matrix that inverts."""
    if not str(header.get("CTYPE1", "")).startswith("RA---TAN"):
        return False
    numbers = [header.get(key) for key in ("CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2", "CD1_1", "CD2_2")]
    numbers += [header.get(key, 0.0) for key in ("CD1_2", "CD2_1")]
    if not all(isinstance(number, int | float) and math.isfinite(number) for number in numbers):
        return False
    return bool(header["CD1_1"] * header["CD2_2"] != header.get("CD1_2", 0.0) * header.get("CD2_1", 0.0))


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
        raise cannot_open(Path(path), error) from error
