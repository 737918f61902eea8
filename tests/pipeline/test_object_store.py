"""Products of align and crmask in a bucket."""

from __future__ import annotations

import numpy as np
import pytest

from cte_lake.errors import LakeError
from cte_lake.lake.create import create_lake
from cte_lake.lake.place import place_of
from cte_lake.lake.stored import stored
from cte_lake.pipeline.align.alignment_rows import alignment_for, current_rows, write_solution
from cte_lake.pipeline.crmask.mask_rows import CRMask, crmask_states, mask_for, write_mask
from tests.pipeline.headerlets import headerlet_path
from tests.pipeline.test_stores import ALIGN_ROW, CRMASK_ROW, _solution


@pytest.fixture
def lake(bucket):
    root = place_of(f"s3://{bucket}/lake")
    create_lake(stored(root))
    return root


def test_a_solution_comes_back_and_the_newest_counts(lake):
    for key, crval1 in (("0a0a0a0a", 5.6), ("0b0b0b0b", 5.7)):
        solution, headerlet = _solution(crval1)
        version = write_solution(stored(lake), key, solution, headerlet, ALIGN_ROW)
        again = write_solution(stored(str(lake)), key, solution, headerlet, ALIGN_ROW)
        assert again == version
        found = alignment_for(stored(str(lake)), "IC7802AAQ")
        assert found is not None
        assert found.cards == solution.cards
    assert version.revision == 2
    assert [row["revision"] for row in current_rows(stored(lake))] == [2]
    path = headerlet_path(stored(lake), "ic7802aaq")
    assert path is not None
    assert path.read_bytes() == headerlet
    path.unlink()
    with pytest.raises(LakeError, match=r"headerlet s3://.* cannot be read"):
        alignment_for(stored(lake), "ic7802aaq")


def test_a_mask_comes_back(lake):
    rng = np.random.default_rng(1)
    arrays = {chip: rng.random((2051, 16)) < 0.01 for chip in (1, 2)}
    version = write_mask(
        stored(lake), "0c0c0c0c", CRMask("ic7802aaq", "drizzle", arrays, {1: 12.5}), CRMASK_ROW
    )
    found = mask_for(stored(lake), "ic7802aaq")
    assert found is not None
    assert {chip: (found.array(chip) == arrays[chip]).all() for chip in (1, 2)} == {1: True, 2: True}
    assert (found.sky, found.hash) == ({1: 12.5}, version.hash)
    assert crmask_states(stored(lake)) == {"ic7802aaq": version}
    assert mask_for(stored(lake), "ic7802abq") is None
