import pytest

from cte_lake.errors import LakeError
from cte_lake.lake.create import create_lake
from cte_lake.lake.paths import Partition, exposure_file, master_file, phot_file, reject_file
from cte_lake.lake.stored import find_lake, stored

PART = Partition("ngc104", 14378, 0, "flt")


def test_names_are_those_of_the_design():
    leaf = "target=ngc104/proposal=14378/flash=0/filetype=flt"
    assert phot_file(PART, "ic7802aaq", "0123456789abcdef") == (
        f"phot/{leaf}/ic7802aaq_flt.0123456789abcdef.parquet"
    )
    assert exposure_file(PART, "ic7802aaq", "standard", "0123456789abcdef", 2) == (
        f"exposures/{leaf}/ic7802aaq_flt.standard.0123456789abcdef.r0002.parquet"
    )


@pytest.mark.parametrize("name", ["../../x", "a/b", "", "..", "A", "ngc 104", "<script>", "a" * 65, "a\n"])
def test_no_header_text_becomes_a_path(name):
    with pytest.raises(LakeError, match="cannot be part of a path"):
        phot_file(Partition(name, 1, 0, "flt"), "ic7802aaq", "0123456789abcdef")
    with pytest.raises(LakeError, match="cannot be part of a path"):
        phot_file(PART, name, "0123456789abcdef")
    with pytest.raises(LakeError, match="cannot be part of a path"):
        master_file(name, "0123456789abcdef", 1)


def test_reject_names_tell_files_and_steps_apart():
    paths = ("/a/x.fits", "/b/x.fits", "/a/\udcff.fits")
    names = {reject_file(path, stage) for path in paths for stage in ("read", "screen")}
    assert len(names) == 6


def test_the_lake_is_found_by_flag_variable_and_upward(tmp_path):
    lake, other = tmp_path / "lake", tmp_path / "other"
    create_lake(stored(lake))
    create_lake(stored(other))
    below = lake / "reports" / "deep"
    below.mkdir(parents=True)
    assert find_lake(other, {"CTE_LAKE_LAKE": str(lake)}, below) == stored(other)
    assert find_lake(None, {"CTE_LAKE_LAKE": str(other)}, below) == stored(other)
    assert find_lake(None, {}, below) == stored(lake)
    with pytest.raises(LakeError, match=r"cte_lake\.toml is a file, and a lake is a folder"):
        find_lake(str(lake / "cte_lake.toml"), {})


def test_what_is_no_lake_is_refused_with_the_remedy(tmp_path):
    with pytest.raises(LakeError, match="does not exist; make one with `cte-lake init"):
        find_lake(tmp_path / "nowhere", {})
    with pytest.raises(LakeError, match=r"has no cte_lake\.toml"):
        find_lake(tmp_path, {})
    with pytest.raises(LakeError, match="no lake found from"):
        find_lake(None, {}, tmp_path)
