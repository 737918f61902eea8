import os
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cte_lake.errors import LakeError
from cte_lake.lake.schemas import dataset
from cte_lake.lake.write import conform, replacing, write_bytes, write_table


def catalog(**columns):
    n = 3
    base = {
        "target": ["ngc104"] * n,
        "master_id": [3, 1, 2],
        "x": [1.0, np.nan, 3.0],
        "ra": [5.0, 5.1, 5.2],
        "dec": [-72.0] * n,
        "master_hash": ["abcd"] * n,
        "revision": [1] * n,
        "origin": ["here"] * n,
    }
    return pa.table(base | columns)


def test_conform_orders_sorts_and_turns_nan_to_null():
    table = conform(catalog(), "master")
    assert table.column_names == [n for n in dataset("master").schema().names if n != "target"]
    assert table.column("master_id").to_pylist() == [1, 2, 3]
    assert table.column("x").to_pylist() == [None, 3.0, 1.0]
    assert table.column("flux").null_count == 3
    assert table.schema.field("ra").metadata[b"unit"] == b"deg"


def test_conform_refuses_unknown_missing_and_empty_columns():
    with pytest.raises(LakeError, match="no column 'colour'"):
        conform(catalog(colour=["red"] * 3), "master")
    with pytest.raises(LakeError, match="lacks its column 'ra'"):
        conform(catalog().drop_columns(["ra"]), "master")
    with pytest.raises(LakeError, match=r"'dec' .* must have a value"):
        conform(catalog(dec=[1.0, np.nan, 2.0]), "master")


def test_units_and_provenance_travel_in_the_file(tmp_path):
    path = tmp_path / "a" / "m.parquet"
    write_table(path, conform(catalog(), "master"), {"software": "test 1"})
    schema = pq.read_schema(path)
    assert schema.field("ra").metadata[b"unit"] == b"deg"
    assert b"Right ascension" in schema.field("ra").metadata[b"description"]
    assert schema.metadata[b"software"] == b"test 1"


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "x.parquet"
    path.write_text("old")

    def fail():
        with replacing(path) as temporary:
            temporary.write_text("new")
            raise RuntimeError("no space left")

    with pytest.raises(RuntimeError, match="no space left"):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_no_file_is_not_replaced(tmp_path):
    """Whoever may write to /dev would make a file of /dev/null."""
    pipe, folder, link = tmp_path / "pipe", tmp_path / "folder", tmp_path / "stdout"
    os.mkfifo(pipe)
    folder.mkdir()
    with (tmp_path / "opened").open("wb") as stream:
        link.symlink_to(f"/proc/self/fd/{stream.fileno()}")
        for path, kind in ((pipe, "a named pipe"), (folder, "a folder"), (link, "a link to an open file")):
            with pytest.raises(LakeError, match=f"is {kind}, which is not replaced"):
                write_bytes(path, b"x")
    assert pipe.is_fifo()
    assert folder.is_dir()
    assert link.is_symlink()
    assert len(list(tmp_path.iterdir())) == 4


def test_a_killed_write_is_seen_by_no_reader(tmp_path):
    script = (
        "import os, sys; from pathlib import Path; from cte_lake.lake.write import replacing\n"
        "with replacing(Path(sys.argv[1])) as t:\n"
        "    t.write_text('half')\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "x.parquet")], check=False, timeout=400)
    assert list(tmp_path.glob("*.parquet")) == []
    assert list(tmp_path.glob("*")) == list(tmp_path.glob(".*.tmp"))
