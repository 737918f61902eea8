"""Whether a file is built as FITS demands, looked at before a library reads it.

A header's end is looked for within bounds, and what the headers promise is checked against the file's size: a
file of any content is judged after a few reads.
"""

from __future__ import annotations

import os
import re
from math import prod
from pathlib import Path
from typing import BinaryIO, Final

from astropy.io import fits

from cte_lake.errors import Rejected

_BLOCK: Final = 2880
_CARD: Final = 80
MAX_HEADER: Final = 4 << 20
"""Longest header, bytes (52,000 cards); genuine ones hold about 300."""

MAX_EXTENSIONS: Final = 1000
"""Most extensions; genuine files hold up to 30."""

_END: Final = re.compile(rb"END {77}")
_INTEGER: Final = re.compile(rb"= *([+-]?\d{1,18}) *(?:/|$)")
SAMPLE_BITS: Final = frozenset({8, 16, 32, 64, -32, -64})
"""What BITPIX may be."""

_MAX_AXES: Final = 999


_SAFE: Final = frozenset({"RICE_1", "RICE_ONE", "GZIP_1", "GZIP_2", "NOCOMPRESS"})
_RICE_BLOCKS: Final = frozenset({16, 32})
_LONGEST_AXIS: Final = 1 << 16
_MOST_TILED_AXES: Final = 6


def check_structure(stream: BinaryIO, path: Path) -> None:
    """Walk from header to header and make sure that the file holds all of each.

    The stream is at its start, and is put back there.

    Raises
    ------
    Rejected
        ``truncated``, ``not_fits``, or ``bad_header``.
    """
    size = stream.seek(0, os.SEEK_END)
    if size == 0:
        raise Rejected("truncated", f"{path.name} is empty (0 bytes); fetch it again")
    at = 0
    for number in range(MAX_EXTENSIONS + 1):
        stream.seek(at)
        start = stream.read(_CARD)
        if number == 0 and not start.startswith(b"SIMPLE  ="):
            raise Rejected("not_fits", f"{path.name} is not a FITS file (no SIMPLE card at its start)")
        if number and not start.startswith(b"XTENSION"):
            break  # the end, or bytes behind it that no header speaks of
        stream.seek(at)
        header = _header(stream, path, number, size)
        at += len(header) + _data_size(header, path, number)
        if at > size:
            raise Rejected(
                "truncated",
                f"{path.name} is cut short: {_name(number)} promises {at} bytes, the file has {size}; "
                "fetch it again",
            )
    else:
        raise Rejected("bad_header", f"{path.name} has over {MAX_EXTENSIONS} extensions; fetch it again")
    stream.seek(0)


def _name(number: int) -> str:
    return f"extension {number}" if number else "the primary header"


def _header(stream: BinaryIO, path: Path, number: int, size: int) -> bytes:
    """Return a header with its END card, in whole blocks."""
    header = bytearray()
    while len(header) < MAX_HEADER:
        block = stream.read(_BLOCK)
        if len(block) < _BLOCK:
            raise Rejected(
                "truncated",
                f"{path.name} is cut short or damaged: {_name(number)} does not end within "
                f"the file's {size} bytes; fetch it again",
            )
        header += block
        if any(_END.match(block, card) for card in range(0, _BLOCK, _CARD)):
            return bytes(header)
    raise Rejected(
        "bad_header",
        f"{path.name} is damaged: {_name(number)} does not end within {MAX_HEADER // _CARD} cards",
    )


def _data_size(header: bytes, path: Path, number: int) -> int:
    """Bytes of the data that follow a header, with their padding (FITS standard 4.0, equations 1 and 2)."""
    cards = {header[i : i + 8].rstrip(): header[i + 8 : i + _CARD] for i in range(0, len(header), _CARD)}

    def refusal(what: str) -> Rejected:
        detail = f"{path.name} is damaged: {_name(number)} has {what}; fetch it again"
        return Rejected("bad_header", detail)

    def integer(key: bytes, default: int | None, low: int, high: int) -> int:
        card = cards.get(key)
        if card is None and default is not None:
            return default
        found = _INTEGER.match(card or b"")
        if found is None or not low <= int(found[1]) <= high:
            raise refusal(f"no valid {key.decode()}")
        return int(found[1])

    bits = integer(b"BITPIX", None, -64, 64)
    if bits not in SAMPLE_BITS:
        raise refusal("no valid BITPIX")
    axes = integer(b"NAXIS", None, 0, _MAX_AXES)
    lengths = [integer(b"NAXIS%d" % axis, None, 0, 1 << 40) for axis in range(1, axes + 1)]
    if not lengths:
        return 0
    heap, groups = integer(b"PCOUNT", 0, 0, 1 << 40), integer(b"GCOUNT", 1, 0, 1 << 20)
    return -(-(abs(bits) // 8 * groups * (heap + prod(lengths))) // _BLOCK) * _BLOCK


def check_tiles(hdus: fits.HDUList, path: Path, *, headers_only: bool) -> bool:
    """Make sure that the compressed images of a file hold together.

    The C code that unpacks tiles trusts what their table says: where that is damaged, it writes beyond its
    memory, which ends the process or changes numbers elsewhere in it. So the file was opened with
    ``disable_image_compression=True``; ``headers_only`` leaves its tiles unread.

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
    axes = _whole(header, "ZNAXIS", _MOST_TILED_AXES)
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
