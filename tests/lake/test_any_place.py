"""A lake answers the same wherever it lies, or is refused with the reason."""

import re
import shutil

import pytest

from cte_lake import open_lake
from cte_lake.errors import LakeError
from cte_lake.lake.commit import partition_of
from cte_lake.lake.create import create_lake
from cte_lake.lake.maintenance.verify import verify
from cte_lake.lake.read import earlier_exposure
from cte_lake.lake.stored import find_lake, stored
from tests.lake.conftest import current_exposure

QUESTIONS = (
    "SELECT target, proposal, flash, filetype, count(*) AS n, sum(flux_r03) AS flux FROM phot"
    " GROUP BY ALL ORDER BY ALL",
    "SELECT * FROM exposures ORDER BY imagename",
    "SELECT DISTINCT target, count(*) AS n FROM master GROUP BY ALL",
    "SELECT count(*) AS n FROM phot WHERE flash = 12 AND filetype = 'flc'",
)
PLACES = [
    "filetype=flc/proposal=1/lake",
    "target=x/flash=99/FILETYPE=flc/a=b/lake",
    "l[!a]ke? all* [2017]",
    'it\'s "the" lake 100% #1; $HOME {a,b} two  blanks ',
    "Kühle\nSeen 湖",
    "~seed",
]


def seen(root):
    with open_lake(root, threads=1) as lake:
        return [lake.sql(question).rows() for question in QUESTIONS]


@pytest.fixture(scope="module")
def wanted(filled):
    return seen(filled)


@pytest.mark.parametrize("name", PLACES)
def test_a_lake_answers_the_same_wherever_it_lies(filled, wanted, tmp_path, name):
    # A neighbour that a pattern of the name would find too.
    shutil.copytree(filled, tmp_path / re.sub(r"\[.*?\]|[?*]", "a", name) / "here")
    root = tmp_path / name / "here"
    shutil.copytree(filled, root, dirs_exist_ok=True)
    assert seen(root) == wanted
    assert verify(stored(root)).passed
    row = current_exposure(stored(root), "ic7801aaq_flt.fits", "standard")
    assert (
        earlier_exposure(stored(root), partition_of(row), row["imagename"], "standard", row["phot_key"])
        == row
    )


@pytest.mark.parametrize(
    ("name", "why"),
    [("back\\slash", "has a backslash in its path, which DuckDB cannot read"), ("lak\udce9", "is not UTF-8")],
)
def test_a_place_that_cannot_be_read_is_refused_by_init_and_later(filled, tmp_path, name, why):
    with pytest.raises(LakeError, match=why):
        create_lake(stored(tmp_path / name / "lake"))
    assert not (tmp_path / name).exists()
    shutil.copytree(filled, tmp_path / name)
    with pytest.raises(LakeError, match=why):
        find_lake(tmp_path / name)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["phot", "exposures", "master"])
def test_a_dataset_may_be_a_link_to_another_disk(wanted, lake, tmp_path, name):
    (tmp_path / "disk 2 [b]").mkdir()
    (lake / name).rename(tmp_path / "disk 2 [b]" / name)
    (lake / name).symlink_to(tmp_path / "disk 2 [b]" / name)
    assert seen(lake) == wanted
    assert verify(stored(lake)).passed


@pytest.mark.slow
def test_a_lake_behind_a_link_and_a_read_only_copy_answer(filled, wanted, tmp_path):
    (tmp_path / "link").symlink_to(filled)
    assert seen(tmp_path / "link") == wanted
    copy = tmp_path / "copy"
    shutil.copytree(filled, copy)
    below = [*copy.rglob("*"), copy]
    for path in below:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        assert seen(copy) == wanted
        assert verify(stored(copy)).passed
    finally:
        for path in below:
            path.chmod(0o755)
