"""Opens FITS files of WFC3/UVIS and turns every way they can be broken into :class:`Rejected`."""

from __future__ import annotations

import gzip
import io
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from cte_lake.detector import DETECTOR
from cte_lake.digests import file_digest
from cte_lake.errors import Rejected
from cte_lake.frames.regular import cannot_open, require_file
from cte_lake.frames.structure import check_structure, check_tiles

EXTVER_OF_CHIP: Final = DETECTOR.extension_of_chip
"""Extension version of each chip: chip 2 (UVIS2) is ``SCI,1``, chip 1 (UVIS1) is ``SCI,2``."""

SUFFIXES: Final = (".fits", ".fits.gz", ".fits.fz")
"""What a file name may end with."""

MAX_UNPACKED: Final = 1 << 30
"""Most bytes that a ``.gz`` may unpack to; a full frame with all its tables has 0.2 GB."""

_GZIP: Final = b"\x1f\x8b"
_READ_BLOCK: Final = 1 << 20
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

    Raises
    ------
    Rejected
        ``unreadable``, ``not_fits``, ``truncated``; also when reading inside the block fails.
    """
    with warnings.catch_warnings():
        # Truncation gives a warning only, known by its words; cards that matter are checked where used.
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
    stream: BinaryIO | None = None
    try:
        require_file(path)
        stream = _unpacked(path) if _is_gzip(path) else path.open("rb")
        check_structure(stream, path)
        hdus = fits.open(stream, memmap=False, disable_image_compression=True)
        len(hdus)  # reads all headers
        if check_tiles(hdus, path, headers_only=headers_only) and not headers_only:
            hdus.close(closed=False)
            stream.seek(0)
            hdus = fits.open(stream, memmap=False)
            len(hdus)
    except Exception as error:  # a broken file makes the parser fail in every way there is
        if stream is not None:
            stream.close()
        raise cannot_open(path, error) from error
    return hdus


def _is_gzip(path: Path) -> bool:
    """Tell by the first bytes: browsers and servers pack and unpack files and leave their names."""
    with path.open("rb") as stream:
        return stream.read(len(_GZIP)) == _GZIP


def _unpacked(path: Path) -> io.BytesIO:
    # Each step back in a compressed stream starts it afresh, and only its end shows that it is whole.
    content = io.BytesIO()
    with gzip.open(path, "rb") as stream:
        while block := stream.read(_READ_BLOCK):
            content.write(block)
            if content.tell() > MAX_UNPACKED:
                raise Rejected(
                    "bad_header", f"{path.name} unpacks to over {MAX_UNPACKED >> 30} GB, no frame does"
                )
    content.seek(0)
    return content


def checksum(path: Path | str) -> str:
    """Return the BLAKE2b checksum of a file's bytes, 32 hexadecimal digits.

    Raises
    ------
    Rejected
        ``unreadable``.
    """
    try:
        with Path(path).open("rb") as stream:
            return file_digest(stream, 16)
    except OSError as error:
        raise cannot_open(Path(path), error) from error
