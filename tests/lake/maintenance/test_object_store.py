"""Housekeeping of a lake in a bucket."""

import shutil
import time

import pytest

from cte_lake.errors import LakeError, Locked
from cte_lake.lake.commit import partition_of, write_exposure
from cte_lake.lake.create import create_lake
from cte_lake.lake.lock import only_one
from cte_lake.lake.maintenance.compact import compact, plan_compact
from cte_lake.lake.maintenance.quarantine import quarantine, to_put_aside
from cte_lake.lake.maintenance.restore import plan_restore, restore
from cte_lake.lake.maintenance.snapshot import plan_snapshot, snapshot
from cte_lake.lake.maintenance.vacuum import plan_vacuum, vacuum
from cte_lake.lake.maintenance.verify import verify
from cte_lake.lake.paths import find_lake
from cte_lake.lake.place import lake_place
from cte_lake.lake.read import current_exposure
from cte_lake.lake.store import StorePath
from cte_lake.simulate import fill_lake
from tests.lake.conftest import DAY, answers, as_revision
from tests.stores import copy_bucket

WEEK = int(7 * DAY * 1e9)


@pytest.fixture
def stored(bucket, filled):
    """A lake of eight images in a bucket: the one that the tests on disk have."""
    root = lake_place(f"s3://{bucket}/lake")
    files = [path for path in filled.rglob("*") if path.is_file()]
    root.fs.pipe({(root / path.relative_to(filled)).path: path.read_bytes() for path in files})
    return root


@pytest.fixture
def seen(tmp_path):
    """What a reader sees of a lake in a bucket."""

    def see(root):
        folder = tmp_path / "seen"
        shutil.rmtree(folder, ignore_errors=True)
        return answers(copy_bucket(root.bucket, root.key, folder))

    return see


def planned(root, days=30.0):
    """A plan made so many days from now: objects cannot be made older."""
    return plan_vacuum(root, WEEK, time.time_ns() + int(days * DAY * 1e9))


def test_what_was_superseded_goes_after_its_grace_time(stored, seen, lakes):
    lakes.fill(stored, revision=2)
    assert planned(stored, 6).removals == ()
    assert planned(stored, 6).waiting == 8
    before = seen(stored)
    plan = planned(stored)
    assert vacuum(stored, plan) == (16, plan.size)
    assert seen(stored) == before
    assert verify(stored).passed
    assert planned(stored).removals == ()


def test_an_object_that_was_renewed_after_the_plan_stays(stored, seen, lakes):
    lakes.fill(stored, revision=2)
    plan = planned(stored)
    # Times of objects are whole seconds.
    time.sleep(1.1)
    (image, *_) = lakes.images()
    back = as_revision(image, 1)
    fill_lake(stored, [as_revision(back, 3, key=back.record["phot_key"])])
    vacuum(stored, plan)
    assert verify(stored).passed
    assert len(seen(stored)) == 8


def test_a_row_that_comes_at_the_moment_of_deletion_is_withdrawn_and_measured_again(
    stored, seen, lakes, monkeypatch
):
    lakes.fill(stored, revision=2)
    plan = planned(stored)
    (image, *_) = lakes.images()
    key = as_revision(image, 1).record["phot_key"]
    row = current_exposure(stored, image.record["imagename"], "standard")
    delete = StorePath.unlink

    def late(path):
        if key in path.name and "/phot/" in path.key:
            write_exposure(stored, partition_of(row), {**row, "revision": 3, "phot_key": key})
        delete(path)

    monkeypatch.setattr(StorePath, "unlink", late)
    vacuum(stored, plan)
    assert current_exposure(stored, row["imagename"], "standard")["withdrawn"]
    assert verify(stored).passed
    assert len(seen(stored)) == 7


def test_many_files_become_few_and_answer_the_same(stored, seen):
    before = seen(stored)
    compact(stored, plan_compact(stored, 2, 10**9))
    assert seen(stored) == before
    vacuum(stored, planned(stored))
    assert seen(stored) == before
    assert verify(stored).passed
    left = [path for path, *_ in stored.objects("phot/") if "seed" not in path]
    assert len(left) == 4


def test_a_broken_object_is_found_and_put_aside(stored, seen):
    path = next(path for path, *_ in stored.objects("phot/") if "ic7801aaq_flt" in path)
    content = bytearray((stored / path).read_bytes())
    # The first page's data: a footer alone does not tell.
    content[200] ^= 255
    (stored / path).put(bytes(content))
    assert verify(stored, quick=True).passed
    found = verify(stored)
    assert to_put_aside(found.findings) == [path]
    done = quarantine(stored, [path])
    assert (done.files, done.withdrawn) == ((path,), ("ic7801aaq_flt.fits",))
    assert [name for name, *_ in stored.objects("quarantine/")] == [f"quarantine/{path}"]
    assert verify(stored).passed
    assert len(seen(stored)) == 7


def test_a_snapshot_goes_to_a_disk_and_to_a_bucket_and_comes_back(stored, seen, tmp_path, new_bucket):
    before = seen(stored)
    on_disk, in_bucket = tmp_path / "saved", lake_place(f"s3://{new_bucket()}/saved")
    for place in (on_disk, in_bucket):
        snapshot(stored, place, plan_snapshot(stored))
        with pytest.raises(LakeError, match="is there already"):
            snapshot(stored, place, plan_snapshot(stored))
        assert verify(place).passed
    assert answers(on_disk) == before
    assert seen(in_bucket) == before
    there, here = lake_place(f"s3://{new_bucket()}/lake"), tmp_path / "restored"
    restore(on_disk, there, plan_restore(on_disk, there))
    restore(in_bucket, here, plan_restore(in_bucket, here))
    assert seen(there) == before
    assert answers(here) == before
    assert not plan_restore(on_disk, there)


def test_a_restore_in_the_bucket_brings_back_what_was(stored, seen, lakes, tmp_path):
    before = seen(stored)
    snapshot(stored, tmp_path / "saved", plan_snapshot(stored))
    lakes.fill(stored, revision=2)
    assert seen(stored) != before
    restore(tmp_path / "saved", stored, plan_restore(tmp_path / "saved", stored))
    assert seen(stored) == before
    assert verify(stored).passed


def test_a_snapshot_that_was_cut_off_is_no_lake(stored, new_bucket, monkeypatch):
    from cte_lake.lake.maintenance import snapshot as module

    place = lake_place(f"s3://{new_bucket()}/saved")
    taken, take = [], module.take_file

    def cut(source, to, copy=False):
        if len(taken) == 10:
            raise KeyboardInterrupt
        taken.append(to)
        take(source, to, copy)

    monkeypatch.setattr(module, "take_file", cut)
    with pytest.raises(KeyboardInterrupt):
        snapshot(stored, place, plan_snapshot(stored))
    with pytest.raises(LakeError, match=r"has no cte_lake.toml"):
        find_lake(str(place))


def test_one_housekeeper_at_a_time(stored, lakes):
    lakes.fill(stored, revision=2)
    plan = planned(stored)
    with only_one(stored, "housekeeping"):
        with pytest.raises(Locked):
            vacuum(stored, plan)
        with pytest.raises(Locked):
            compact(stored, plan_compact(stored))
    assert vacuum(stored, plan)[0] == 16


def test_an_empty_place_is_no_snapshot(bucket, tmp_path):
    create_lake(tmp_path / "lake")
    with pytest.raises(LakeError, match="cannot be read"):
        plan_restore(lake_place(f"s3://{bucket}/none"), tmp_path / "lake")
