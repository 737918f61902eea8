import os
import subprocess
import sys

import pytest

from cte_lake import open_lake
from cte_lake.errors import LakeError
from cte_lake.lake.create import create_lake
from cte_lake.lake.read import current_exposures, current_master, reject_rows
from cte_lake.lake.scratch import temporary_beside
from cte_lake.lake.stored import LAKE_VERSION, stored


def test_a_new_lake_answers_with_no_rows(tmp_path):
    assert create_lake(stored(tmp_path / "lake"))
    assert current_exposures(stored(tmp_path / "lake"), "standard").num_rows == 0
    assert reject_rows(stored(tmp_path / "lake")).num_rows == 0
    assert current_master(stored(tmp_path / "lake"), "ngc104") is None


def test_a_second_init_changes_nothing(tmp_path):
    create_lake(stored(tmp_path))
    (tmp_path / "cte_lake.toml").write_text("lake_version = 1\n[measure]\naperture = 5\n")
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")}
    assert not create_lake(stored(tmp_path))
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")} == before


def test_what_is_in_the_way_is_named(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(LakeError, match="is not empty"):
        create_lake(stored(tmp_path))
    with pytest.raises(LakeError, match="is a file"):
        create_lake(stored(tmp_path / "notes.txt"))


def test_an_init_cut_off_before_its_end_is_completed(tmp_path):
    create_lake(stored(tmp_path))
    (tmp_path / "cte_lake.toml").unlink()
    # The settings file was being written when the process was killed.
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait(timeout=400)
    mine = temporary_beside(tmp_path / "cte_lake.toml")
    mine.with_name(mine.name.replace(f"-{os.getpid()}-", f"-{process.pid}-")).write_text("lake_ver")
    assert create_lake(stored(tmp_path))
    assert not list(tmp_path.glob(".cte*"))
    assert stored(tmp_path).check_version() == LAKE_VERSION


@pytest.mark.parametrize("name", ["exposures", "phot", "master", "rejects", "alignment", "crmasks"])
def test_a_lost_seed_is_told_in_a_sentence_and_made_again(tmp_path, name):
    create_lake(stored(tmp_path))
    stored(tmp_path).dataset(name).seed_place.unlink()
    with pytest.raises(LakeError) as refusal, open_lake(tmp_path) as lake:
        lake.sql(f"FROM {name}")
    told = str(refusal.value)
    assert name in told
    assert f"`cte-lake init {tmp_path}` makes" in told
    assert "\n" not in told
    create_lake(stored(tmp_path))
    with open_lake(tmp_path) as lake:
        assert lake.sql(f"SELECT count(*) AS n FROM {name}").rows() == [{"n": 0}]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"lake_version = {LAKE_VERSION + 1}\n", "upgrade cte-lake"),
        ("", "states no lake_version"),
        ("lake_version = 0", "states no lake_version"),
        ("lake_version = true", "states no lake_version"),
        ("lake_version = [\n", "cannot be read"),
    ],
)
def test_a_lake_of_another_version_is_refused(tmp_path, text, words):
    create_lake(stored(tmp_path))
    (tmp_path / "cte_lake.toml").write_text(text)
    with pytest.raises(LakeError, match=words):
        stored(tmp_path).check_version()
