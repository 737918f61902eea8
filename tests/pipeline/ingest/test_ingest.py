"""Ingest from frames to rows: what is measured, what is left alone, what is measured again."""

import os
import shutil

import numpy as np
import pytest
from astropy.io import fits

from cte_lake.config import load_settings
from cte_lake.errors import ConfigError, ExitCode, NothingToDo, UsageError
from cte_lake.lake.selection import Selection
from cte_lake.lake.stored import stored
from cte_lake.pipeline.ingest import Action, IngestArguments, make_plan
from cte_lake.pipeline.master_import import import_master
from tests.lakes import content, current, files, photometry, rejects


def test_frames_become_rows(run, lake, frames):
    report = run(frames)
    assert (report.measured, report.rejected, report.exit_code) == (4, [], ExitCode.DONE)
    rows = current(lake)
    assert sorted(row["chip"] for row in rows.values()) == [1, 1, 2, 2]
    total = 0
    for name, row in rows.items():
        stars = photometry(lake, row)
        assert stars.num_rows == row["n_stars"] > 50
        assert set(stars.column("imagename").to_pylist()) == {name}
        assert set(stars.column("phot_key").to_pylist()) == {row["phot_key"]}
        ids = stars.column("master_id").to_numpy()
        assert (np.diff(ids) > 0).all()
        flux, bkg = stars.column("flux_r03").to_numpy(), stars.column("bkg_r03").to_numpy()
        area, sky = stars.column("area_r03").to_numpy(), stars.column("sky").to_numpy()
        assert np.median(flux) > 100
        np.testing.assert_allclose(bkg, sky * area, rtol=1e-6)
        assert (area <= np.pi * 9 + 1e-4).all()
        total += stars.num_rows
    assert total == report.stars


def test_a_second_run_does_nothing(run, lake, frames):
    run(frames)
    before = {p: p.stat().st_mtime_ns for p in lake.rglob("*")}
    report = run(frames)
    assert (report.measured, report.renewed, report.counts) == (0, 0, {"up to date": 4})
    assert {p: p.stat().st_mtime_ns for p in lake.rglob("*")} == before


def test_a_changed_file_alone_is_measured_again(run, lake, frames):
    run(frames)
    before = content(lake)
    path = frames / "ic7801aaq_flt.fits"
    with fits.open(path, mode="update") as hdus:
        hdus["SCI", 1].data += 10
    report = run(frames)
    assert (report.measured, report.counts["up to date"]) == (1, 3)
    after = content(lake)
    for name, (row, stars) in after.items():
        if name == "ic7801aaq_flt.fits":
            assert row["revision"] == 2
            assert row["sky"] == pytest.approx(before[name][0]["sky"] + 10, abs=0.2)
        else:
            assert (row, stars) == before[name]


def test_what_lost_its_photometry_is_measured_again(run, lake, frames):
    run(frames)
    before = content(lake)
    (lake / before["ic7801aaq_flt.fits"][0]["phot_file"]).unlink()
    report = run(frames)
    assert (report.measured, report.counts["up to date"]) == (1, 3)
    assert {name: stars for name, (_, stars) in content(lake).items()} == {
        name: stars for name, (_, stars) in before.items()
    }
    assert run(frames).measured == 0


@pytest.mark.slow
def test_a_touched_or_moved_file_is_not_measured_again(run, lake, frames, tmp_path):
    run(frames)
    keys = {name: row["phot_key"] for name, row in current(lake).items()}
    os.utime(frames / "ic7801aaq_flt.fits")
    shutil.move(frames, tmp_path / "moved")
    report = run(tmp_path / "moved")
    assert (report.measured, report.renewed) == (0, 4)
    rows = current(lake)
    assert {name: row["phot_key"] for name, row in rows.items()} == keys
    assert all(row["path"].startswith(str(tmp_path / "moved")) for row in rows.values())
    assert run(tmp_path / "moved").counts == {"up to date": 4}


@pytest.mark.slow
def test_a_changed_catalog_measures_its_target_again(run, lake, frames, small_visit, tmp_path):
    run(frames)
    lines = small_visit.master.read_text().splitlines()
    fewer = tmp_path / "fewer.cat"
    fewer.write_text("\n".join(lines[: len(lines) // 2]) + "\n")
    config = load_settings(lake, environment={}).config
    assert import_master(stored(lake), fewer, "ngc104", config).revision == 2
    stars = {name: row["n_stars"] for name, row in current(lake).items()}
    assert run(frames).measured == 4
    assert all(row["n_stars"] < stars[name] for name, row in current(lake).items())


@pytest.mark.slow
def test_a_changed_setting_measures_again_and_a_setting_of_the_measurement_does_not(run, lake, frames):
    run(frames)
    assert run(frames, flags={"measure.aperture": 5}).counts == {"up to date": 4}
    assert run(frames, flags={"photometry.overrides": {"annulus_inner": 12.0}}).measured == 4
    assert run(frames).renewed == 4, "the first photometry is still there and counts again"


@pytest.mark.slow
def test_two_modes_live_side_by_side(run, lake, frames):
    run(frames)
    standard = content(lake)
    assert run(frames, flags={"photometry.mode": "iraf"}).measured == 4
    assert content(lake) == standard
    assert len(current(lake, "iraf")) == 4
    assert run(frames).counts == {"up to date": 4}


@pytest.mark.slow
def test_overwrite_measures_to_the_same_rows(run, lake, frames):
    run(frames)
    before = content(lake)
    assert run(frames, overwrite=True).measured == 4
    for name, (row, stars) in content(lake).items():
        assert row["revision"] == 2
        assert stars == before[name][1]


@pytest.mark.slow
def test_a_new_exclusion_takes_measured_exposures_out_and_back(run, lake, frames):
    run(frames)
    flags = {"exclusions.visits": {"14378/01": "dome light"}}
    report = run(frames, flags=flags)
    assert (report.excluded, report.withdrawn, report.exit_code) == (4, 4, ExitCode.DONE)
    assert current(lake) == {}
    assert {row["stage"] for row in rejects(lake)} == {"screen"}
    assert all("dome light" in row["detail"] for row in rejects(lake))
    assert run(frames, flags=flags).withdrawn == 0
    back = run(frames)
    assert (back.measured, back.renewed) == (0, 4)
    assert len(current(lake)) == 4


def test_selection_limit_and_what_is_asked_for_in_vain(run, lake, frames):
    report = run(frames, selection=Selection(filetype=("flc",)))
    assert (report.measured, report.counts["not selected"]) == (2, 2)
    assert run(frames, limit=1).measured == 1
    assert {row["filetype"] for row in current(lake).values()} == {"flc", "flt"}
    with pytest.raises(NothingToDo, match="--proposal 99"):
        run(frames, selection=Selection(proposal=(99,)))
    with pytest.raises(UsageError, match="no file or folder"):
        run(frames / "nowhere")
    with pytest.raises(UsageError, match="no file matches"):
        run(frames / "*.nothing")


@pytest.mark.slow
def test_the_same_image_twice_is_taken_once(run, lake, frames):
    with fits.open(frames / "ic7801aaq_flt.fits") as hdus:
        hdus.writeto(frames / "ic7801aaq_flt.fits.gz")
    report = run(frames)
    assert (report.measured, report.counts["duplicate"]) == (4, 1)
    again = run(frames)
    assert again.counts == {"up to date": 4, "duplicate": 1}


def test_a_plan_writes_nothing_and_says_why(lake, frames):
    before = files(lake)
    settings = load_settings(lake, environment={})
    plan = make_plan(IngestArguments(stored(lake), (str(frames),), settings))
    assert [(item.action, item.why) for item in plan.items] == [(Action.MEASURE, "new")] * 4
    assert files(lake) == before


def test_a_bad_override_is_named(run, frames):
    with pytest.raises(ConfigError, match=r"photometry\.overrides: .*'annulus'"):
        run(frames, flags={"photometry.overrides": {"annulus": 3}})


def test_settings_are_on_record(run, lake, frames):
    run(frames, flags={"photometry.radii": [3, 5]})
    row = next(iter(current(lake).values()))
    assert '"radii": [3.0, 5.0]' in row["settings"]
    stars = photometry(lake, row)
    assert stars.column("flux_r02").null_count == stars.num_rows
    assert stars.column("flux_r05").null_count == 0
