"""Several files of one exposure: which is measured, and what is told of the others."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from cte_lake.config import load_settings
from cte_lake.frames.calibration import HAP, PIPELINE, Calibration
from cte_lake.lake.selection import Selection
from cte_lake.lake.stored import stored
from cte_lake.pipeline import ingest_tally as tally
from cte_lake.pipeline.ingest import Action
from cte_lake.pipeline.ingest.contest import settle_contests
from cte_lake.pipeline.ingest.items import Claim, Item
from cte_lake.pipeline.ingest_tally import OUTCOMES
from cte_lake.pipeline.survey import survey
from tests.lakes import current, rejects

NAME = "ic7801aaq_flc.fits"
IDENTITY = (14378, "ngc104", "F502N", 1, 3480)


@pytest.fixture
def copy(frames, tmp_path):
    """Copy one FLC into a folder of its own with other cards: copy(folder, CAL_VER=...)."""
    source = frames / NAME

    def make(folder, name=NAME, **cards):
        path = tmp_path / "data" / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, path)
        with fits.open(path, mode="update") as hdus:
            hdus[0].header.update({key.replace("_OBS", "-OBS"): value for key, value in cards.items()})
        return path

    return make


def measured_version(lake):
    (row,) = current(lake).values()
    return row["cal_ver"]


def checked(report):
    assert sum(report.sums.values()) == report.files
    assert set(report.sums) == set(OUTCOMES)
    return {name: n for name, n in report.sums.items() if n}


def test_the_newest_is_measured_wherever_it_lies_and_the_older_is_told(run, lake, copy, tmp_path):
    old = copy("z", CAL_VER="3.7.1 (Oct-18-2023)", CTE_VER="2.0")
    assert checked(run(tmp_path / "data")) == {"measured": 1}
    copy("b", CAL_VER="3.10 (Jan-01-2026)", CTE_VER="3.0")
    copy("a", CAL_VER="3.7.2", CTE_VER="2.0")
    copy("c", CAL_VER="3.10 (Jan-01-2026)", CTE_VER="3.0")
    report = run(tmp_path / "data")
    assert checked(report) == {"measured": 1, "superseded": 2, "duplicate": 1}
    assert measured_version(lake) == "3.10 (Jan-01-2026)"
    told = {row["path"]: row["detail"] for row in report.superseded}
    assert "3.7.1" in told[str(old)]
    assert "b/ic7801aaq_flc.fits has CAL_VER 3.10 (Jan-01-2026), CTE_VER 3.0" in told[str(old)]
    again = run(tmp_path / "data")
    assert checked(again) == {"up to date": 1, "superseded": 2, "duplicate": 1}
    assert tally.last(lake).sums == report.sums  # nothing new: the record stands


def test_the_record_is_of_the_last_ingest_that_measured_something(lake):
    for path, sums in (("first", {"measured": 2}), ("again", {"measured": 2}), ("idle", {"up to date": 2})):
        tally.record(stored(lake), [path], 2, sums)
    assert tally.last(stored(lake)).paths == ("again",)


def test_an_older_file_alone_does_not_replace_what_the_lake_holds(run, lake, copy):
    run(copy("new", CAL_VER="3.10"))
    old = copy("old", CAL_VER="3.9")
    report = run(old)
    assert checked(report) == {"superseded": 1}
    assert "--overwrite" in report.superseded[0]["detail"]
    assert checked(run(old, overwrite=True)) == {"measured": 1}
    assert measured_version(lake) == "3.9"


def test_products_of_the_pipeline_come_before_those_of_hap(run, lake, copy, tmp_path):
    copy("a", name="hst_14378_01_wfc3_uvis_f502n_ic7801aa_flc.fits", CAL_VER="3.10", HAPLEVEL=1)
    copy("b", CAL_VER="3.7")
    assert checked(run(tmp_path / "data")) == {"measured": 1, "superseded": 1}
    (row,) = current(lake).values()
    assert (row["cal_ver"], row["product"]) == ("3.7", "pipeline")


def test_two_exposures_of_one_root_name_are_named(run, lake, copy, tmp_path):
    first = copy("a")
    copy("b", EXPTIME=340.0)
    report = run(tmp_path / "data")
    assert checked(report) == {"measured": 1, "rejected": 1}
    (row,) = rejects(lake)
    assert row["reason"] == "rootname_taken"
    assert str(first) in row["detail"]
    assert "EXPTIME 340 against 348" in row["detail"]
    # A later run that finds only the second one still knows the first.
    first.unlink()
    assert checked(run(tmp_path / "data/b")) == {"rejected": 1}
    assert current(lake)


def test_two_spellings_of_its_target_are_one_exposure(run, lake, copy, tmp_path):
    copy("a", TARGNAME="NGC-104", CAL_VER="3.7.1 (Oct-18-2023)")
    copy("b", TARGNAME="47 Tucanae", CAL_VER="3.7.2 (Apr-15-2024)")
    assert checked(run(tmp_path / "data")) == {"measured": 1, "superseded": 1}
    copy("c", TARGNAME="NGC 0104", CAL_VER="3.7.3 (Apr-15-2025)")
    assert checked(run(tmp_path / "data/c")) == {"measured": 1}
    assert measured_version(lake).startswith("3.7.3")


def test_a_file_replaced_by_another_exposure_frees_the_name(run, lake, copy):
    path = copy("a")
    run(path)
    copy("a", EXPTIME=340.0)
    assert checked(run(path)) == {"measured": 1}
    (row,) = current(lake).values()
    assert row["exptime"] == 340.0


def test_every_file_of_a_mixed_folder_is_in_one_sum(run, lake, frames, copy):
    copy("x", CHINJECT="CONT", ROOTNAME="ic7801acq").rename(frames / "ic7801acq_flc.fits")
    (frames / "ic7801adq_flt.fits").write_bytes(b"no FITS")
    shutil.copy(frames / NAME, frames / f"copy_{NAME}")
    report = run(frames, limit=2)
    assert checked(report) == {
        "measured": 2,
        "over the limit": 2,
        "duplicate": 1,
        "excluded": 1,
        "rejected": 1,
    }
    assert tally.last(lake).files == 7
    assert Action.SUPERSEDED.value in OUTCOMES


CALIBRATIONS = st.builds(
    Calibration,
    st.sampled_from([PIPELINE, HAP]),
    st.sampled_from(["", "3.7.2 (Apr-15-2024)", "3.7.1 (Oct-18-2023)", "CALWF3 3.8.0b1", "3.8", "what?"]),
    st.sampled_from(["", "2.0", "3.0"]),
    st.sampled_from(["", "2023-12-15", "2024-05-01T10:00:00", "15/12/23"]),
)


@given(st.lists(CALIBRATIONS, min_size=1, max_size=5), st.none() | CALIBRATIONS, st.booleans(), st.data())
def test_one_file_of_each_exposure_counts_whatever_the_calibrations_say(found, held, overwrite, data):
    """In whatever order the files are found, one of the newest calibration counts and the rest are told."""

    def settled(order):
        items = [
            Item(Path(f"/{n}/{NAME}"), Action.MEASURE, claim=Claim(NAME, f"/{n}/{NAME}", IDENTITY, found[n]))
            for n in order
        ]
        lake = {} if held is None else {NAME: Claim(NAME, "/elsewhere", IDENTITY, held)}
        settle_contests(items, lake, overwrite)
        return {number: item.action for number, item in zip(order, items, strict=True)}

    ends = settled(range(len(found)))
    newest = max(found)
    for number, calibration in enumerate(found):
        assert (ends[number] is Action.SUPERSEDED) >= (calibration < newest)
    beaten = held is not None and not overwrite and newest < held
    counts = Counter(ends.values())
    assert counts[Action.MEASURE] == (0 if beaten else 1)
    assert counts[Action.DUPLICATE] == found.count(newest) - 1
    assert counts.total() == counts[Action.MEASURE] + counts[Action.DUPLICATE] + counts[Action.SUPERSEDED]
    shuffled = settled(data.draw(st.permutations(range(len(found)))))
    assert Counter(shuffled.values()) == counts
    assert all(found[n] == newest for n, action in shuffled.items() if action is Action.MEASURE)


def test_the_steps_that_prepare_frames_take_the_newest_too(copy, tmp_path):
    copy("a", CAL_VER="3.9")
    newest = copy("b", CAL_VER="3.10")
    copy("c", CAL_VER="3.7")
    found = survey([str(tmp_path / "data")], load_settings(None, environment={}), Selection())
    assert [exposure.path for exposure in found.exposures] == [str(newest)]
