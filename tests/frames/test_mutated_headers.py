"""Headers changed at random: each is read or refused in words; no traceback, no hang, no nonsense taken."""

from __future__ import annotations

import os
import random
import re
from pathlib import Path
from time import process_time

import pytest

from cte_lake.clock import last_mjd
from cte_lake.detector import DETECTOR
from cte_lake.errors import Rejected
from cte_lake.frames.cards import LIMITS
from cte_lake.frames.exposure import Exposure, read_exposure
from cte_lake.frames.fitsfile import read_chip

#: Parts of five hundred mutations; ten are the campaign of docs/faults.md. One alone has fewer.
PARTS = int(os.environ.get("HEADER_PARTS", "1"))
ROUNDS = 500 if PARTS > 1 else 200
VALUES = (
    b"", b"'        '", b"' '", b"NaN", b"-Inf", b"'NaN'", b"1E400", b"-1E9", b"1E9", b"0", b"-5", b"1.5",
    b"T", b"F", b"'T'", b"(1.0, 2.0)", b"99999999999999999999999", b"'N/A'", b"'INDEF'", b"'\xe9t\xe9'",
    b"3#8 $$",
    b"'open", b"2457601.8", b"57601", b"'57601'", b"-82.0", b"8587", b"'../../x'", b"'\x1b[31m'", b"2",
    b"116", b"'2016-08-01'", b"'2019-01-01'", b"'COMPLETE'", b"'OMIT'", b"'SUCCESSFUL'", b"'ABORTED'", b"4.0",
    b"'None'",
)  # fmt: skip
#: Words of Python and of the library, which no user should have to understand.
FOREIGN = re.compile(r"Error\b|Exception|Traceback|NoneType|object|argument|\.verify|Undefined|astropy")


def mutated(raw: bytes, random_: random.Random) -> bytes:
    """Change one to three cards, or bytes, of a file's headers."""
    content = bytearray(raw)
    cards = [m.start() for m in re.finditer(rb"[A-Z][A-Z0-9_-]{1,7} *= ", raw) if m.start() % 80 == 0]
    for _ in range(random_.choice((1, 1, 1, 2, 3))):
        at = random_.choice(cards)
        kind = random_.random()
        if kind < 0.75:
            value = random_.choice(VALUES).rjust(random_.choice((0, 20)))
            content[at + 10 : at + 80] = value.ljust(70)
        elif kind < 0.85:
            content[at : at + 80] = b" " * 80
        elif kind < 0.95:
            content[at + random_.randrange(80)] = random_.randrange(256)
        else:
            del content[at : at + random_.choice((80, 1, 2880))]
    return bytes(content)


def assert_sane(exposure: Exposure) -> None:
    assert DETECTOR.installed <= exposure.mjd <= last_mjd()
    assert 0 < exposure.exptime <= LIMITS["EXPTIME"].high
    assert 0 <= exposure.flash <= LIMITS["FLASHLVL"].high
    assert max(abs(exposure.postarg1), abs(exposure.postarg2)) <= LIMITS["POSTARG2"].high
    assert exposure.binaxis1 in (1, 2, 3)
    assert re.fullmatch("[a-z0-9]{9}", exposure.rootname)


def refusal_of(path: Path) -> str:
    try:
        read_all(path)
    except Rejected as refusal:
        return refusal.detail
    return ""


def read_all(path: Path) -> None:
    exposure = read_exposure(path)
    assert_sane(exposure)
    if not exposure.subarray:
        for chip in (2, 1):
            read_chip(path, chip)


def campaign(make_frame, rounds: int, seed: int) -> tuple[int, int]:
    random_ = random.Random(seed)
    whole = make_frame(shape=(8, 8))
    raw = whole.read_bytes()
    refused = 0
    for number in range(rounds):
        whole.write_bytes(mutated(raw, random_))
        started = process_time()
        told = refusal_of(whole)
        assert process_time() - started < 5.0, (seed, number, told)
        refused += bool(told)
        assert "cannot be understood" not in told, (seed, number, told)
        assert not FOREIGN.search(told), (seed, number, told)
        assert told.isprintable(), (seed, number, told)
    return refused, rounds


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(PARTS))
def test_mutations_are_read_or_refused_in_words(make_frame, seed):
    refused, rounds = campaign(make_frame, ROUNDS, seed)
    assert 0.1 < refused / rounds < 0.9
