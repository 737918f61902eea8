"""Whether tile-compressed images can be unpacked safely, looked at before a library unpacks them.

The C code that unpacks tiles trusts what their table says: where that is damaged, it writes beyond its
memory, which ends the process or changes numbers elsewhere in it.
"""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Final

from astropy.io import fits

from cte_lake.errors import Rejected
from cte_lake.frames.structure import SAMPLE_BITS

_SAFE: Final = frozenset({"RICE_1", "RICE_ONE", "GZIP_1", "GZIP_2", "NOCOMPRESS"})
_RICE_BLOCKS: Final = frozenset({16, 32})
_LONGEST_AXIS: Final = 1 << 16
_MAX_AXES: Final = 6


def check_tiles(hdus: fits.HDUList, path: Path, *, headers_only: bool) -> bool:
    """Make sure that the compressed images of a file hold together.

    The file was opened with ``disable_image_compression=True``; ``headers_only`` leaves its tiles unread.

    Returns
    -------
    bool
        Whether the file has a compressed image.

    Raises
    ------
    Rejected
        ``bad_header``; ``truncated`` where the tiles are not those of the file's DATASUM.
    """
    packed = [hdu for hdu in hdus if isinstance(hdu, fits.BinTableHDU) and hdu.header.get("ZIMAGE")]
    for hdu in packed:
        if fault := _fault(hdu.header):
            detail = f"{path.name}: {hdu.name or 'an extension'},{hdu.ver} is compressed, but {fault}"
            raise Rejected("bad_header", detail)
        if not headers_only and hdu.verify_datasum() == 0:
            detail = f"{path.name} is damaged: {hdu.name},{hdu.ver} has another DATASUM; fetch it again"
            raise Rejected("truncated", detail)
    return bool(packed)


def _fault(header: fits.Header) -> str:
    """Return what is wrong with a header of tiles, empty where nothing is."""
    method = str(header.get("ZCMPTYPE", "")).strip()
    if method not in _SAFE:
        return f"by {method or 'no named method'}; unpack it with funpack, or pack it by Rice's method"
    axes = _whole(header, "ZNAXIS", _MAX_AXES)
    lengths = [_whole(header, f"ZNAXIS{axis}", _LONGEST_AXIS) for axis in range(1, axes + 1)]
    tiles = [_whole(header, f"ZTILE{axis}", _LONGEST_AXIS, length if axis == 1 else 1)
             for axis, length in enumerate(lengths, 1)]  # fmt: skip
    if (
        not axes
        or not all(lengths)
        or not all(1 <= tile <= end for tile, end in zip(tiles, lengths, strict=True))
    ):
        return "its ZNAXIS and ZTILE cards are damaged; fetch it again"
    rows = prod(-(-end // tile) for end, tile in zip(lengths, tiles, strict=True))
    if header.get("NAXIS2") != rows:
        return f"has {header.get('NAXIS2')} tiles where its sizes ask for {rows}; fetch it again"
    bits = header.get("ZBITPIX")
    if bits not in SAMPLE_BITS:
        return "has no valid ZBITPIX; fetch it again"
    if method.startswith("RICE") and not _rice_is_sound(header, bits):
        return "the settings of Rice's method (ZNAMEn, ZVALn) are damaged; fetch it again"
    return ""


def _whole(header: fits.Header, key: str, high: int, default: int = 0) -> int:
    """Return a card's whole number from 1 to a limit, 0 where it is none."""
    value = header.get(key, default)
    return value if type(value) is int and 1 <= value <= high else 0


def _rice_is_sound(header: fits.Header, bits: int) -> bool:
    """Tell whether blocks and bytes a pixel are those of the samples; rounded floats are 4-byte integers."""
    settings = {header[f"ZNAME{n}"]: header.get(f"ZVAL{n}") for n in range(1, 9) if f"ZNAME{n}" in header}
    width = 4 if bits < 0 else bits // 8
    return settings.get("BLOCKSIZE", 32) in _RICE_BLOCKS and settings.get("BYTEPIX", 4) == width <= 4
