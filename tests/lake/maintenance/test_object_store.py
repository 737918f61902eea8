"""Housekeeping of a lake in a bucket."""

import shutil
import time

import pytest

from benchmarks.simulated_photometry import fill_lake
from cte_lake.errors import LakeError, Locked
from cte_lake.lake.commit import partition_of, write_exposure
from cte_lake.lake.create import create_lake
from cte_lake.lake.maintenance.compact import compact, plan_compact
from cte_lake.lake.maintenance.quarantine import quarantine, to_put_aside
from cte_lake.lake.maintenance.snapshots import plan_restore, plan_snapshot, restore, snapshot
from cte_lake.lake.maintenance.vacuum import plan_vacuum, vacuum
from cte_lake.lake.maintenance.verify import verify
from cte_lake.lake.paths import phot_file
from cte_lake.lake.place import place_of
from cte_lake.lake.s3 import S3, S3Object
from cte_lake.lake.stored import find_lake, stored
from tests.lake.conftest import DAY, answers, as_revision, current_exposure
from tests.stores import copy_bucket

WEEK = int(7 * DAY * 1e9)


@pytest.fixture
def in_store(bucket, filled):
    """A lake of eight images in a bucket: the one that the tests on disk have."""
    root = place_of(f"s3://{bucket}/lake")
    files = [path for path in filled.rglob("*") if path.is_file()]
    S3().pipe({f"{bucket}/lake/{path.relative_to(filled)}": path.read_bytes() for path in files})
    return root


@pytest.fixture
def seen(tmp_path):
    """What a reader sees of a lake in a bucket."""

    def see(root):
        folder = tmp_path / "seen"
        shutil.rmtree(folder, ignore_errors=True)
        return answers(copy_bucket(root.store.bucket, root.key, folder))

    return see


def planned(root, days=30.0):
    """A plan made so many days from now: objects cannot be made older."""
    return plan_vacuum(stored(root), WEEK, time.time_ns() + int(days * DAY * 1e9))


@pytest.mark.slow
def test_what_was_superseded_goes_after_its_grace_time(in_store, seen, lakes):
    lakes.fill(in_store, revision=2)
    assert planned(in_store, 6).removals == ()
    assert planned(in_store, 6).waiting == 8
    before = seen(in_store)
    plan = planned(in_store)
    assert vacuum(stored(in_store), plan) == (16, plan.size)
    assert seen(in_store) == before
    assert verify(stored(in_store)).passed
    assert planned(in_store).removals == ()


@pytest.mark.slow
def test_an_object_that_was_renewed_after_the_plan_stays(in_store, seen, lakes):
    lakes.fill(in_store, revision=2)
    plan = planned(in_store)
    # Times of objects are whole seconds.
    time.sleep(1.1)
    (image, *_) = lakes.images()
    back = as_revision(image, 1)
    fill_lake(stored(in_store), [as_revision(back, 3, key=back.record["phot_key"])])
    vacuum(stored(in_store), plan)
    assert verify(stored(in_store)).passed
    assert len(seen(in_store)) == 8


@pytest.mark.slow
def test_a_row_that_comes_at_the_moment_of_deletion_is_withdrawn_and_measured_again(
    in_store, seen, lakes, monkeypatch
):
    lakes.fill(in_store, revision=2)
    plan = planned(in_store)
    (image, *_) = lakes.images()
    key = as_revision(image, 1).record["phot_key"]
    row = current_exposure(stored(in_store), image.record["imagename"], "standard")
    named = phot_file(partition_of(row), row["rootname"], key)
    delete = S3Object.unlink

    def late(path):
        if key in path.key and "/phot/" in path.key:
            write_exposure(
                stored(in_store),
                partition_of(row),
                {**row, "revision": 3, "phot_key": key, "phot_file": named},
            )
        delete(path)

    monkeypatch.setattr(S3Object, "unlink", late)
    vacuum(stored(in_store), plan)
    assert current_exposure(stored(in_store), row["imagename"], "standard")["withdrawn"]
    assert verify(stored(in_store)).passed
    assert len(seen(in_store)) == 7


@pytest.mark.slow
def test_many_files_become_few_and_answer_the_same(in_store, seen):
    before = seen(in_store)
    compact(stored(in_store), plan_compact(stored(in_store), 2, 10**9))
    assert seen(in_store) == before
    vacuum(stored(in_store), planned(in_store))
    assert seen(in_store) == before
    assert verify(stored(in_store)).passed
    left = [path for path, *_ in in_store.listing("phot") if "seed" not in path]
    assert len(left) == 4


@pytest.mark.slow
def test_a_broken_object_is_found_and_put_aside(in_store, seen):
    path = next(path for path, *_ in in_store.listing("phot") if "ic7801aaq_flt" in path)
    content = bytearray((in_store / path).read_bytes())
    # The first page's data: a footer alone does not tell.
    content[200] ^= 255
    (in_store / path).write_bytes(bytes(content))
    assert verify(stored(in_store), quick=True).passed
    found = verify(stored(in_store))
    assert to_put_aside(found.findings) == [path]
    done = quarantine(stored(in_store), [path])
    assert (done.files, done.withdrawn) == ((path,), ("ic7801aaq_flt.fits",))
    assert [name for name, *_ in in_store.listing("quarantine")] == [f"quarantine/{path}"]
    assert verify(stored(in_store)).passed
    assert len(seen(in_store)) == 7


@pytest.mark.slow
def test_a_snapshot_goes_to_a_disk_and_to_a_bucket_and_comes_back(in_store, seen, tmp_path, new_bucket):
    before = seen(in_store)
    on_disk, in_bucket = tmp_path / "saved", place_of(f"s3://{new_bucket()}/saved")
    for place in (on_disk, in_bucket):
        snapshot(stored(in_store), stored(place), plan_snapshot(stored(in_store)))
        with pytest.raises(LakeError, match="is there already"):
            snapshot(stored(in_store), stored(place), plan_snapshot(stored(in_store)))
        assert verify(stored(place)).passed
    assert answers(on_disk) == before
    assert seen(in_bucket) == before
    there, here = place_of(f"s3://{new_bucket()}/lake"), tmp_path / "restored"
    restore(stored(on_disk), stored(there), plan_restore(stored(on_disk), stored(there)))
    restore(stored(in_bucket), stored(here), plan_restore(stored(in_bucket), stored(here)))
    assert seen(there) == before
    assert answers(here) == before
    assert not plan_restore(stored(on_disk), stored(there))


@pytest.mark.slow
def test_a_restore_in_the_bucket_brings_back_what_was(in_store, seen, lakes, tmp_path):
    before = seen(in_store)
    snapshot(stored(in_store), stored(tmp_path / "saved"), plan_snapshot(stored(in_store)))
    lakes.fill(in_store, revision=2)
    assert seen(in_store) != before
    restore(
        stored(tmp_path / "saved"),
        stored(in_store),
        plan_restore(stored(tmp_path / "saved"), stored(in_store)),
    )
    assert seen(in_store) == before
    assert verify(stored(in_store)).passed


def test_a_snapshot_that_was_cut_off_is_no_lake(in_store, new_bucket, monkeypatch):
    from cte_lake.lake.store import Place

    place = place_of(f"s3://{new_bucket()}/saved")
    taken, take = [], Place.copy_to

    def cut(source, to, link=False):
        if len(taken) == 10:
            raise KeyboardInterrupt
        taken.append(to)
        take(source, to, link)

    monkeypatch.setattr(Place, "copy_to", cut)
    with pytest.raises(KeyboardInterrupt):
        snapshot(stored(in_store), stored(place), plan_snapshot(stored(in_store)))
    with pytest.raises(LakeError, match=r"has no cte_lake.toml"):
        find_lake(str(place))


def test_one_housekeeper_at_a_time(in_store, lakes):
    lakes.fill(in_store, revision=2)
    plan = planned(in_store)
    with stored(in_store).lease("housekeeping"):
        with pytest.raises(Locked):
            vacuum(stored(in_store), plan)
        with pytest.raises(Locked):
            compact(stored(in_store), plan_compact(stored(in_store)))
    assert vacuum(stored(in_store), plan)[0] == 16


def test_an_empty_place_is_no_snapshot(bucket, tmp_path):
    create_lake(stored(tmp_path / "lake"))
    with pytest.raises(LakeError, match="cannot be read"):
        plan_restore(stored(place_of(f"s3://{bucket}/none")), stored(tmp_path / "lake"))
