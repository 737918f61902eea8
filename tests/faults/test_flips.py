"""One flipped bit in a file of the lake: verify names the file, or readers get the same numbers."""

import os
import random

import pytest

from cte_lake.lake.maintenance.verify import verify
from tests.lake.conftest import answers, filled, lake  # noqa: F401

#: Bits flipped over the kinds of files; raise it for a campaign.
FLIPS = int(os.environ.get("FLIPS", "60"))
KINDS = ("phot", "exposures", "master")


@pytest.mark.slow
def test_a_flipped_bit_is_named_or_changes_no_number(lake):  # noqa: F811
    before, draw, named = answers(lake), random.Random(12), 0
    for flip in range(FLIPS):
        path = draw.choice(sorted((lake / KINDS[flip % len(KINDS)]).rglob("*.parquet")))
        whole = path.read_bytes()
        damaged, place = bytearray(whole), draw.randrange(len(whole))
        damaged[place] ^= 1 << draw.randrange(8)
        path.write_bytes(damaged)
        found = {finding.path for finding in verify(lake).findings if finding.harm}
        if str(path.relative_to(lake)) in found:
            named += 1
        else:
            assert answers(lake) == before, (path.name, place)
        path.write_bytes(whole)
    assert named > FLIPS // 4
