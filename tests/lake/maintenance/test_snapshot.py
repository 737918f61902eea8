import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from cte_lake.errors import LakeError, NothingToDo
from cte_lake.lake.commit import withdraw
from cte_lake.lake.maintenance.snapshots import plan_restore, plan_snapshot, restore, snapshot
from cte_lake.lake.maintenance.verify import verify
from cte_lake.lake.read import current_master
from cte_lake.lake.schemas import dataset
from cte_lake.lake.stored import stored
from cte_lake.lake.versions import current, next_version, read_row, write_row
from cte_lake.lake.write import write_bytes
from tests.lake.conftest import answers, current_exposure


@pytest.fixture
def saved(lake, tmp_path):
    snapshot(stored(lake), stored(tmp_path / "saved"), plan_snapshot(stored(lake)))
    return tmp_path / "saved"


@pytest.mark.parametrize("copy", [False, True])
def test_a_snapshot_is_a_lake_with_the_same_answers(lake, tmp_path, copy):
    place = tmp_path / "copy"
    snapshot(stored(lake), stored(place), plan_snapshot(stored(lake)), copy)
    assert answers(place) == answers(lake)
    assert verify(stored(place)).passed
    links = {path.stat().st_nlink for path in (place / "phot").rglob("ic*.parquet")}
    assert links == ({1} if copy else {2})


def test_what_came_before_is_left_out(lake, lakes, tmp_path):
    lakes.fill(lake, revision=2)
    snapshot(stored(lake), stored(tmp_path / "saved"), plan_snapshot(stored(lake)))
    assert len(list((tmp_path / "saved" / "phot").rglob("ic*.parquet"))) == 8
    assert answers(tmp_path / "saved") == answers(lake)


def test_an_occupied_place_is_refused(lake, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("mine")
    with pytest.raises(LakeError, match="is there already"):
        snapshot(stored(lake), stored(tmp_path / "full"), plan_snapshot(stored(lake)))


@pytest.mark.slow
def test_taken_while_a_lake_is_filled_it_is_consistent(lake, lakes, tmp_path):
    enough = threading.Event()

    def fill():
        for i in range(1000):
            if enough.is_set():
                return
            lakes.fill(lake, f"{i % 9 + 10:02d}", revision=i // 9 + 1)

    sizes = []
    with ThreadPoolExecutor(1) as pool:
        filler = pool.submit(fill)
        try:
            for number in range(8):
                place = tmp_path / f"s{number}"
                snapshot(stored(lake), stored(place), plan_snapshot(stored(lake)))
                found = verify(stored(place), quick=True)
                assert found.passed, found.findings
                sizes.append(found.exposures)
        finally:
            enough.set()
    filler.result()
    assert sizes[-1] > sizes[0] >= 8


def test_a_lake_is_brought_back_from_nothing(lake, saved):
    before = answers(lake)
    shutil.rmtree(lake)
    plan = plan_restore(stored(saved), stored(lake))
    restore(stored(saved), stored(lake), plan)
    assert answers(lake) == before
    assert verify(stored(lake)).passed
    assert not plan_restore(stored(saved), stored(lake))


def test_the_past_comes_back_as_a_new_revision(lake, lakes, saved):
    before = answers(lake)
    lakes.fill(lake, revision=2)
    lakes.fill(lake, "02")
    assert answers(lake) != before
    restore(stored(saved), stored(lake), plan_restore(stored(saved), stored(lake)))
    now = answers(lake)
    assert {name: now[name] for name in before} == before
    assert len(now) == 16
    assert current_exposure(stored(lake), "ic7801aaq_flt.fits", "standard")["revision"] == 3
    restore(stored(saved), stored(lake), plan_restore(stored(saved), stored(lake), exact=True))
    assert answers(lake) == before


def test_only_one_target_is_touched(lake, saved):
    withdraw(stored(lake), current_exposure(stored(lake), "ic7801aaq_flt.fits", "standard"))
    with pytest.raises(NothingToDo, match="nothing of target ngc6791"):
        plan_restore(stored(saved), stored(lake), targets=["NGC 6791"])
    plan = plan_restore(stored(saved), stored(lake), targets=["47 Tuc"])
    assert [row.imagename for row in plan.back] == ["ic7801aaq_flt.fits"]
    assert plan.same == 7
    restore(stored(saved), stored(lake), plan)
    assert answers(lake) == answers(saved)


def test_lost_photometry_comes_back(lake, saved):
    for path in (lake / "phot").rglob("ic7801aaq*"):
        path.unlink()
    restore(stored(saved), stored(lake), plan_restore(stored(saved), stored(lake)))
    assert answers(lake) == answers(saved)
    assert verify(stored(lake)).passed


def aligned(root, content_hash):
    version = next_version(root / "alignment", "ic7801aaq", "aa" * 8, "aligned", content_hash)
    write_bytes(version.beside(".hlet.fits"), content_hash.encode())
    filled = {"headerlet": version.beside(".hlet.fits").name, "solution_hash": content_hash}
    empty = {"string": "x", "int32": 0, "int64": 0, "float64": 0.0, "bool": False}
    for column in dataset("alignment").columns:
        if column.required and column.name not in filled:
            filled[column.name] = empty[column.type]
    write_row(version, "alignment", filled)
    return version


def test_wcs_and_catalog_come_back_with_their_exposures(lake, lakes, tmp_path):
    aligned(lake, "11" * 8)
    snapshot(stored(lake), stored(tmp_path / "saved"), plan_snapshot(stored(lake)))
    aligned(lake, "22" * 8)
    first = current_master(stored(lake), "ngc104")
    first.path.with_name(f"{'ab' * 8}.r0002.parquet").write_bytes(first.path.read_bytes())
    lakes.fill(lake, revision=2)
    restore(stored(tmp_path / "saved"), stored(lake), plan_restore(stored(tmp_path / "saved"), stored(lake)))
    version = current(lake / "alignment", "ic7801aaq")
    assert (version.hash, version.revision) == ("11" * 8, 3)
    assert version.beside(".hlet.fits").read_bytes() == b"11" * 8
    assert read_row(version)["headerlet"] == version.beside(".hlet.fits").name
    master = current_master(stored(lake), "ngc104")
    assert (master.master_hash, master.revision) == (first.master_hash, 3)
