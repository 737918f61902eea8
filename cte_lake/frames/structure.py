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
