"""The current product of an exposure is the one of the highest revision, however the folder lists them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cte_lake.lake.versions import current, current_of_all, next_version

ROOTS = ("ic7801aaq", "ic7801abq")
revisions = st.lists(st.integers(1, 12000), min_size=1, max_size=6, unique=True)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return iter(tmp_path_factory.mktemp("versions") / str(number) for number in range(10_000))


@given(one=revisions, two=revisions)
def test_the_highest_revision_is_current(folders, one, two):
    folder = next(folders)
    folder.mkdir()
    for rootname, numbers in zip(ROOTS, (one, two), strict=True):
        for number in numbers:
            (folder / f"{rootname}.0a.aligned-1b.r{number:04d}.parquet").touch()
    (folder / "notes.txt").touch()
    newest = current_of_all(folder)
    assert {name: version.revision for name, version in newest.items()} == dict(
        zip(ROOTS, (max(one), max(two)), strict=True)
    )
    for rootname in ROOTS:
        assert current(folder, rootname) == newest[rootname]


def test_work_done_twice_ends_in_one_file_and_other_content_in_a_new_revision(tmp_path):
    first = next_version(tmp_path, ROOTS[0], "0a", "aligned", "1b")
    assert first.revision == 1
    (tmp_path / first.path.name).touch()
    assert next_version(tmp_path, ROOTS[0], "0a", "aligned", "1b") == first
    for key, status, content in (
        ("0b", "aligned", "1b"),
        ("0a", "quarantined", "1b"),
        ("0a", "aligned", "1c"),
    ):
        assert next_version(tmp_path, ROOTS[0], key, status, content).revision == 2
