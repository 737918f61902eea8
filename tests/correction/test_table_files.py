"""How a user's table file is opened."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cte_lake.correction.table_files import open_table


@pytest.mark.parametrize("group", [100_000, 2_000_000])
def test_a_parquet_file_is_never_held_whole(tmp_path, group):
    path, rows = tmp_path / "stars.parquet", 2_000_000
    values = np.random.default_rng(1).uniform(size=rows)
    pq.write_table(pa.table(dict.fromkeys(("flux", "y", "mjd", "sky"), values)), path, row_group_size=group)
    del values
    before, held, read = pa.total_allocated_bytes(), [], 0
    for part in open_table(path, batch_rows=10_000).parts():
        held.append(pa.total_allocated_bytes() - before)
        read += part.num_rows
    assert read == rows
    assert max(held) < path.stat().st_size / 3
