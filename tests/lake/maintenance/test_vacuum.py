import os
import subprocess
import sys
import time

import pytest

from benchmarks.simulated_photometry import fill_lake
from cte_lake.lake.commit import withdraw
from cte_lake.lake.dataset_files import DatasetFiles
from cte_lake.lake.maintenance.vacuum import plan_vacuum, vacuum
from cte_lake.lake.maintenance.verify import verify
from cte_lake.lake.paths import Partition, phot_file
from cte_lake.lake.read import current_master
from cte_lake.lake.scratch import temporary_beside
from cte_lake.lake.stored import stored
from cte_lake.lake.versions import Version, current, next_version
from cte_lake.lake.write import write_bytes
from tests.lake.conftest import DAY, age, answers, as_revision, current_exposure

WEEK = int(7 * DAY * 1e9)


def planned(root, grace=WEEK):
    return plan_vacuum(stored(root), grace, time.time_ns())


def reasons(plan):
    return sorted({removal.reason for removal in plan.removals})


def test_a_lake_without_the_past_has_nothing_to_lose(lake):
    plan = planned(lake, 0)
    assert plan.removals == ()
    assert plan.waiting == 0


def test_what_was_superseded_lately_waits_for_its_readers(lake, lakes):
    lakes.fill(lake, revision=2)
    assert planned(lake).removals == ()
    assert planned(lake).waiting == 8
    age(lake, 6)
    assert planned(lake).removals == ()
    age(lake, 2)
    before = answers(lake)
    plan = planned(lake)
    assert reasons(plan) == ["photometry that no exposure row names", "superseded exposure rows"]
    assert vacuum(stored(lake), plan) == (16, plan.size)
    assert answers(lake) == before
    assert verify(stored(lake)).passed


def test_files_from_the_future_stay(lake, lakes):
    lakes.fill(lake, revision=2)
    age(lake, -3650)
    assert planned(lake, 0).removals == ()


def test_a_row_that_a_slow_writer_brings_late_waits_its_grace_time_too(lake, lakes):
    lakes.fill(lake, revision=2)
    age(lake, 30)
    late = next(path for path in sorted((lake / "exposures").rglob("*.r0001.parquet")))
    assert str(late.relative_to(lake)) in {removal.path for removal in planned(lake).removals}
    # Superseded for a month, but put there just now: its writer may go on to read it.
    os.utime(late)
    assert str(late.relative_to(lake)) not in {removal.path for removal in planned(lake).removals}


def test_photometry_whose_row_is_still_to_come_stays(lake, lakes):
    (image, *_) = lakes.images("03")
    record = image.record
    partition = Partition("ngc104", record["proposal"], record["flash"], "flt")
    path = lake / phot_file(partition, record["rootname"], record["phot_key"])
    write_bytes(path, b"being written")
    assert planned(lake).removals == ()
    os.utime(path, (time.time() - 8 * DAY,) * 2)
    assert [removal.path for removal in planned(lake).removals] == [str(path.relative_to(lake))]


def test_a_file_that_was_renewed_after_the_plan_stays(lake, lakes):
    lakes.fill(lake, revision=2)
    age(lake, 30)
    plan = planned(lake)
    # An ingest goes back to the former settings: photometry that is there is used again.
    (image, *_) = lakes.images()
    back = as_revision(image, 1)
    fill_lake(stored(lake), [as_revision(back, 3, key=back.record["phot_key"])])
    vacuum(stored(lake), plan)
    assert verify(stored(lake)).passed
    assert len(answers(lake)) == 8


def test_photometry_of_a_withdrawn_exposure_goes_its_row_stays(lake):
    name = "ic7801aaq_flt.fits"
    withdraw(stored(lake), current_exposure(stored(lake), name, "standard"))
    age(lake, 8)
    vacuum(stored(lake), planned(lake))
    assert current_exposure(stored(lake), name, "standard")["withdrawn"]
    assert name not in answers(lake)
    assert not list((lake / "phot").rglob("ic7801aaq_flt*"))
    assert verify(stored(lake)).findings == ()


def test_a_catalog_goes_once_no_exposure_rests_on_it(lake, lakes):
    first = current_master(stored(lake), "ngc104")
    newer = first.path.with_name(f"{'ab' * 8}.r0002.parquet")
    newer.write_bytes(first.path.read_bytes())
    age(lake, 30)
    assert planned(lake).removals == ()
    images = [as_revision(image, 2) for image in lakes.images()]
    for image in images:
        image.record["master_hash"] = "ab" * 8
    fill_lake(stored(lake), images)
    age(lake, 30)
    assert "superseded master catalog" in reasons(planned(lake))
    vacuum(stored(lake), planned(lake))
    assert current_master(stored(lake), "ngc104").path == newer
    assert not first.path.exists()


def product(root, content_hash):
    version: Version = next_version(root / "alignment", "ic7801aaq", "aa" * 8, "aligned", content_hash)
    write_bytes(version.beside(".hlet.fits"), b"headerlet")
    write_bytes(version.path, b"row")
    return version


def test_superseded_products_go_with_their_files(lake):
    old, new = product(lake, "11" * 8), product(lake, "22" * 8)
    stray = lake / "alignment" / "ic7801abq.aaaaaaaa.aligned-bbbbbbbb.r0001.hlet.fits"
    stray.write_bytes(b"killed before its row")
    age(lake, 30)
    plan = planned(lake)
    assert {removal.path for removal in plan.removals} == {
        str(path).removeprefix(f"{lake}/") for path in (old.path, old.beside(".hlet.fits"), stray)
    }
    vacuum(stored(lake), plan)
    assert current(lake / "alignment", "ic7801aaq") == new
    assert new.beside(".hlet.fits").exists()


@pytest.mark.parametrize("folder", ["phot/target=x", "reports", ".", ".cache"])
def test_the_plan_names_all_that_dead_processes_of_this_machine_left(lake, folder):
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait(timeout=400)
    mine = temporary_beside(lake / folder / "x.parquet")
    left = mine.with_name(mine.name.replace(f"-{os.getpid()}-", f"-{process.pid}-"))
    (lake / folder).mkdir(parents=True, exist_ok=True)
    wanted = [left.with_name(f"{left.name}.wal")]
    if folder == "reports":
        # A report is made in a folder.
        (left / "pages").mkdir(parents=True)
        wanted.append(left / "pages" / "half")
    for path in wanted:
        path.write_bytes(b"half")
    mine.write_bytes(b"being written")
    plan = planned(lake, 0)
    assert {lake / removal.path for removal in plan.removals} == set(wanted)
    assert vacuum(stored(lake), plan) == (len(wanted), plan.size)
    assert not any(path.exists() for path in (*wanted, left))
    assert mine.exists()


def test_leftovers_of_dead_writers_go_after_an_hour_at_least(lake):
    left = lake / "phot" / ".x.parquet.1-ab.tmp"
    left.write_bytes(b"half")
    assert planned(lake, 0).removals == ()
    os.utime(left, (time.time() - 4000,) * 2)
    assert reasons(planned(lake, 0)) == ["left by a writer that died"]
    vacuum(stored(lake), planned(lake, 0))
    assert not left.exists()


def test_a_row_that_vacuum_takes_between_listing_and_opening_is_not_missed(lake, lakes, monkeypatch):
    """An ingest lists the exposure rows, vacuum deletes superseded ones, the ingest opens them."""
    fill_lake(stored(lake), [as_revision(image, 2) for image in lakes.images()], lakes.stars)
    age(lake, 30)
    before = current_exposure(stored(lake), lakes.images()[0].record["imagename"], "standard")
    plans, removed = [planned(lake)], []
    read = DatasetFiles.read

    def vacuumed_meanwhile(files, paths):
        wanted = list(paths)
        if files.name == "exposures" and plans:
            vacuum(stored(lake), plans.pop())
            removed.extend(path for path in wanted if not (lake / path).exists())
        return read(files, wanted)

    monkeypatch.setattr(DatasetFiles, "read", vacuumed_meanwhile)
    assert current_exposure(stored(lake), before["imagename"], "standard") == before
    assert removed


@pytest.mark.slow
@pytest.mark.parametrize("grace", [0, WEEK])
def test_what_vacuum_plans_is_never_what_counts(lake, lakes, grace):
    lakes.fill(lake, "02")
    lakes.fill(lake, "01", revision=2)
    lakes.fill(lake, "02", revision=3)
    before = answers(lake)
    vacuum(stored(lake), planned(lake, grace))
    assert answers(lake) == before
