"""Files that are no FITS file, or not all of one."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from cte_lake.errors import Rejected
from cte_lake.frames.structure import MAX_HEADER, check_structure

CARDS = ("SIMPLE  =                    T", "BITPIX  =                    8", "NAXIS   =                    0")


def header(*cards: str, end: bool = True) -> bytes:
    text = "".join(card.ljust(80) for card in (*cards, *(["END"] if end else [])))
    return text.ljust(-(-len(text) // 2880) * 2880).encode()


def check(content: bytes) -> None:
    check_structure(io.BytesIO(content), Path("some_flt.fits"))


def test_whole_files_pass():
    table = header(
        "XTENSION= 'BINTABLE'", "BITPIX  = 8", "NAXIS   = 2", "NAXIS1  = 10", "NAXIS2  = 3", "PCOUNT  = 5"
    )
    check(header(*CARDS))
    check(header(*CARDS) + table + bytes(2880))
    check(header(*CARDS) + b"bytes that no header speaks of")


@pytest.mark.parametrize(
    ("content", "reason", "words"),
    [
        (b"", "truncated", "0 bytes"),
        (b"no FITS", "not_fits", "SIMPLE"),
        (header(*CARDS)[:2000], "truncated", "primary header does not end"),
        (header(*CARDS, end=False), "truncated", "does not end"),
        (header(CARDS[0], "BITPIX  = 7", CARDS[2]), "bad_header", "BITPIX"),
        (header(CARDS[0], CARDS[2]), "bad_header", "BITPIX"),
        (header(*CARDS[:2], "NAXIS   = -1"), "bad_header", "NAXIS"),
        (header(*CARDS[:2], "NAXIS   = 1", "NAXIS1  = 'x'"), "bad_header", "NAXIS1"),
        (header(*CARDS[:2], "NAXIS   = 1", "NAXIS1  = 999999999999"), "truncated", "promises"),
        (header(*CARDS) + header("XTENSION= 'IMAGE'", *CARDS[1:], end=False), "truncated", "extension 1"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(content, reason, words):
    with pytest.raises(Rejected) as caught:
        check(content)
    assert caught.value.reason == reason
    assert words in caught.value.detail


def test_a_header_without_end_is_not_read_for_ever():
    with pytest.raises(Rejected, match="does not end within"):
        check(header(*CARDS, end=False) + b" " * MAX_HEADER)
    with pytest.raises(Rejected, match="over 1000 extensions"):
        check(header(*CARDS) + header("XTENSION= 'IMAGE'", *CARDS[1:]) * 1001)
