from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from scipy.ndimage import label, maximum_filter

from cte_lake.config import load_settings
from cte_lake.errors import ConfigError, Rejected
from cte_lake.frames.fitsfile import read_chip
from cte_lake.frames.masks import bad_pixel_mask
from cte_lake.lake.create import create_lake
from cte_lake.lake.selection import Selection
from cte_lake.lake.stored import stored
from cte_lake.lake.versions import newest_rows
from cte_lake.pipeline import private
from cte_lake.pipeline.align.align_exposures import align
from cte_lake.pipeline.align.alignment_rows import alignment_states
from cte_lake.pipeline.carry_out import StageArguments
from cte_lake.pipeline.crmask.comparison import set_aside
from cte_lake.pipeline.crmask.fields import group_by_field, in_turns, overlap, pointing_of, seen_by_others
from cte_lake.pipeline.crmask.mask_exposures import (
    exposures_to_compare,
    find_cosmic_rays,
    make_plan,
    summary_line,
)
from cte_lake.pipeline.crmask.mask_rows import mask_for
from cte_lake.pipeline.crmask.mask_task import CrmaskTask, Outcome, check_cards, mask_or_refuse
from cte_lake.pipeline.crmask.single import SingleSettings, find_on_one_image, near_stars
from cte_lake.pipeline.dask import WorkerSettings
from cte_lake.pipeline.master_import import import_master
from cte_lake.pipeline.survey import survey
from cte_lake.simulate import (
    TARGETS,
    Settings,
    WCSError,
    make_field,
    nominal_program,
    simulate_exposure,
    simulate_program,
    with_wcs_errors,
)

WIDTH = 256
SIMULATION = Settings(width=WIDTH, seed=31)
SMALL = Settings(width=96, seed=31)


@pytest.fixture(scope="module")
def visit(tmp_path_factory):
    """A visit of two pairs, each exposure with its own WCS error, aligned in a lake."""
    folder = tmp_path_factory.mktemp("visit")
    program = nominal_program(TARGETS["ngc104"], (57601.3,), repeats=2)
    errors = {
        plan.rootname: WCSError(1.5 - k, 0.6 * k - 1, 0.02 * k - 0.03)
        for k, plan in enumerate(program.exposures)
    }
    program = with_wcs_errors(program, errors)
    field = make_field(program.exposures, width=WIDTH, seed=31)
    simulated = simulate_program(program, folder, SIMULATION, field=field, filetypes=("flc",))
    lake = folder / "lake"
    create_lake(stored(lake))
    settings = load_settings(lake, environment={})
    import_master(stored(lake), simulated.master, "ngc104", settings.config)
    here = WorkerSettings(0)
    assert align(StageArguments(stored(lake), (str(folder / "data"),), settings, workers=here)).aligned == 4
    return program, field, StageArguments(stored(lake), (str(folder / "data"),), settings, workers=here)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Such a visit as its headers have it, narrower, and a lake that holds its catalog alone."""
    folder = tmp_path_factory.mktemp("small")
    program = nominal_program(TARGETS["ngc104"], (57601.3,), repeats=2)
    field = make_field(program.exposures, width=SMALL.width, seed=31, stars=300)
    simulated = simulate_program(program, folder, SMALL, field=field, filetypes=("flc",))
    lake = stored(folder / "lake")
    create_lake(lake)
    settings = load_settings(lake, environment={})
    import_master(lake, simulated.master, "ngc104", settings.config)
    return program, field, StageArguments(lake, (str(folder / "data"),), settings, workers=WorkerSettings(0))


@pytest.fixture(scope="module")
def masked(visit):
    _, _, arguments = visit
    return find_cosmic_rays(arguments)


def _truth(visit, rootname, simulation=SIMULATION):
    program, field, arguments = visit
    plan = next(plan for plan in program.exposures if plan.rootname == rootname)
    exposure = simulate_exposure(plan, field, simulation)
    for chip in (2, 1):
        image = read_chip(f"{arguments.paths[0]}/{rootname}_flc.fits", chip)
        bad = bad_pixel_mask(image.dq, image.err, image.data)
        yield chip, exposure.cosmic_rays[chip], exposure.stars[chip], bad


def _events_found(mask, bad, rays):
    events, _ = label(rays > 0, structure=np.ones((3, 3)))
    charge = np.bincount(events.ravel(), rays.ravel())
    strong = set(np.flatnonzero(charge > 100)) - {0}
    return len(strong & set(np.unique(events[mask | bad]))), len(strong)


@pytest.mark.slow
def test_cosmic_rays_are_found_and_stars_are_not(visit, masked):
    found = many = false = stars_hit = n_stars = n_masked = 0
    for told in masked.masked:
        mask = mask_for(visit[2].lake, told["rootname"])
        for chip, rays, stars, bad in _truth(visit, told["rootname"]):
            array = mask.array(chip)
            here, of = _events_found(array, bad, rays)
            found, many = found + here, many + of
            wrong = array & ~maximum_filter(rays > 0, 3) & ~bad
            false, n_masked = false + wrong.sum(), n_masked + array.sum()
            bright = stars.flux > 8000
            near = near_stars(array.shape, stars.x[bright], stars.y[bright], 1.5)
            stars_hit += (wrong & near).sum()
            n_stars += bright.sum()
    assert found / many > 0.97
    assert false / n_masked < 0.1
    assert stars_hit / n_stars < 0.02


@pytest.mark.slow
def test_a_selection_chooses_visits_and_compares_all_of_their_exposures(visit, masked):
    """Else the masks of a part would replace those of the whole, and the next run the other way round."""
    _, _, arguments = visit
    root = masked.masked[0]["rootname"]
    part = replace(arguments, selection=Selection(visit=(root[4:6],), flash=(0,), filetype=("flt",)))
    assert len(make_plan(part).up_to_date) == 4
    none = make_plan(replace(arguments, selection=Selection(visit=("99",))))
    assert (none.todo, none.up_to_date, none.unselected) == ([], [], 4)
    exposures = survey(arguments.paths, arguments.settings, Selection()).exposures
    half = {exposure.rootname for exposure in exposures[:2]}
    states = alignment_states(arguments.lake)
    assert len(exposures_to_compare(tuple(exposures), half, states)) == 4
    unseen = {name: state for name, state in states.items() if name in half}
    assert {e.rootname for e in exposures_to_compare(tuple(exposures), half, unseen)} == half
    assert len(exposures_to_compare(tuple(exposures), half, {})) == 4
    assert exposures_to_compare(tuple(exposures), set(), states) == ()


@pytest.mark.slow
def test_row_says_how_and_with_how_many(visit, masked):
    rows = newest_rows(visit[2].lake, "crmasks")
    assert [row["method"] for row in rows] == ["drizzle"] * 4
    assert {row["n_exposures"] for row in rows} == {4}
    for row in rows:
        assert row["sky_chip1"] == pytest.approx(row["sky_chip2"], rel=0.1)
        assert 0.5 < row["sky_chip1"] < 3
        assert mask_for(visit[2].lake, row["rootname"]).sky == {1: row["sky_chip1"], 2: row["sky_chip2"]}
    assert "4 against others" in summary_line(masked)
    assert masked.drizzlepac_seconds == 0


def test_what_the_engine_does_not_know_is_refused_by_crmask_alone(tmp_path):
    lake = stored(tmp_path / "lake")
    create_lake(lake)
    with (tmp_path / "lake" / "cte_lake.toml").open("a") as file:
        file.write("\n[crmask]\ncombine_type = 'median'\n")
    settings = load_settings(lake, environment={})
    with pytest.raises(ConfigError, match=r"not by 'median' and 'poly5'; set crmask.engine to 'drizzlepac'"):
        make_plan(StageArguments(lake, (str(tmp_path),), settings))


@pytest.mark.slow
def test_masks_are_those_of_drizzlepac(visit, masked, tmp_path):
    _, _, arguments = visit
    lake = tmp_path / "lake"
    shutil.copytree(str(arguments.lake), lake)
    judge = replace(
        arguments,
        lake=stored(lake),
        settings=load_settings(stored(lake), environment={}, flags={"crmask.engine": "drizzlepac"}),
    )
    report = find_cosmic_rays(judge)
    assert len(report.masked) == 4, "masks of one engine count as out of date for the other"
    assert report.drizzlepac_peak_mb > 100
    for told in masked.masked:
        ours, theirs = (mask_for(there.lake, told["rootname"]) for there in (arguments, judge))
        for chip in (2, 1):
            one, other = ours.array(chip), theirs.array(chip)
            assert (one & other).sum() > 0.97 * (one | other).sum() > 500
            assert ours.sky[chip] == pytest.approx(theirs.sky[chip], abs=0.01)


@pytest.mark.slow
def test_second_run_has_nothing_to_do_and_nothing_is_left_behind(visit, masked, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    plan = make_plan(visit[2])
    assert (plan.todo, len(plan.up_to_date)) == ([], 4)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_changed_alignment_puts_the_whole_visit_out_of_date(visit, masked, tmp_path):
    _, _, arguments = visit
    lake = tmp_path / "lake"
    shutil.copytree(str(arguments.lake), lake)
    for path in (lake / "alignment").glob("ic7801abq.*"):
        path.unlink()
    plan = make_plan(replace(arguments, lake=stored(lake)))
    (visit_todo,) = plan.todo
    assert len(visit_todo.exposures) == 4
    assert visit_todo.apart == {"ic7801abq"}


@pytest.mark.slow
def test_pair_masks_each_chip_where_the_other_exposure_did_not_look(visit, masked, tmp_path):
    _, _, arguments = visit
    lake = tmp_path / "lake"
    shutil.copytree(str(arguments.lake), lake, ignore=shutil.ignore_patterns("crmasks"))
    (lake / "crmasks").mkdir()
    pair = tuple(f"{arguments.paths[0]}/ic7801a{letter}q_flc.fits" for letter in "ab")
    report = find_cosmic_rays(replace(arguments, lake=stored(lake), paths=pair))
    assert [told["method"] for told in report.masked] == ["mixed", "mixed"]
    mask = mask_for(stored(lake), "ic7801aaq")
    for chip, rays, _, bad in _truth(visit, "ic7801aaq"):
        found, many = _events_found(mask.array(chip), bad, rays)
        assert found / many > 0.85, chip


def test_exposure_alone_is_masked_on_its_image_and_says_so(small):
    _, _, arguments = small
    path = f"{arguments.paths[0]}/ic7801aaq_flc.fits"
    report = find_cosmic_rays(replace(arguments, paths=(path,)))
    assert [told["method"] for told in report.masked] == ["single"]
    assert "1 on one image alone" in summary_line(report)
    assert report.drizzlepac_seconds == 0
    mask = mask_for(arguments.lake, "ic7801aaq")
    assert mask.sky == {}
    for chip, rays, stars, bad in _truth(small, "ic7801aaq", SMALL):
        found, many = _events_found(mask.array(chip), bad, rays)
        assert found / many > 0.85
        assert not mask.array(chip)[near_stars(rays.shape, stars.x, stars.y, 1.0)].mean() > 0.01


def test_who_looks_where(small):
    _, _, arguments = small
    exposures = survey(arguments.paths, arguments.settings, arguments.selection).exposures
    points = {exposure.rootname: pointing_of(exposure, None) for exposure in exposures}
    same, dithered = points["ic7801baq"], points["ic7801abq"]
    one = points["ic7801aaq"]
    assert overlap(one, same) > 0.97
    assert 0.4 < overlap(one, dithered) < 0.6
    assert seen_by_others(one, 2, [dithered]).mean() > 0.9
    assert seen_by_others(one, 1, [dithered]).mean() < 0.1
    assert not seen_by_others(one, 2, []).any()
    assert [len(group) for group in group_by_field(list(points.values()), 0.2)] == [4]
    assert sorted(len(group) for group in group_by_field(list(points.values()), 0.8)) == [2, 2]
    assert [len(run) for run in in_turns(list(points.values()), 3)] == [2, 2]
    assert in_turns(list(points.values()), 8) == [list(points.values())]


def test_charge_injection_and_quarantine_are_left_out(small, tmp_path):
    _, _, arguments = small
    data = tmp_path / "data"
    data.mkdir()
    path = data / "ic7801aaq_flc.fits"
    shutil.copy(f"{arguments.paths[0]}/{path.name}", path)
    with fits.open(path, mode="update") as hdus:
        hdus[0].header["CHINJECT"] = "LINE17"
    plan = make_plan(replace(arguments, paths=(str(data),)))
    assert plan.todo == []
    assert plan.left_out == {"ic7801aaq": "charge injection (CHINJECT=LINE17)"}


def test_missing_keyword_is_told_before_drizzlepac_is_run(small, tmp_path):
    _, _, arguments = small
    path = tmp_path / "ic7801aaq_flc.fits"
    shutil.copy(f"{arguments.paths[0]}/{path.name}", path)
    check_cards(path)
    with fits.open(path, mode="update") as hdus:
        del hdus[0].header["EXPTIME"]
        del hdus["SCI", 2].header["IDCSCALE"]
    with pytest.raises(Rejected, match=r"lacks EXPTIME, IDCSCALE of SCI,2"):
        check_cards(path)


def test_an_exposure_is_set_aside_without_its_bad_pixels(small, tmp_path):
    path = tmp_path / "ic7801aaq_flc.fits"
    shutil.copy(f"{small[2].paths[0]}/{path.name}", path)
    with fits.open(path, mode="update") as hdus:
        hdus["DQ", 1].data[100, 10:16] = (0, 16, 64, 4096, 32, 16 + 4)
        hdus["SCI", 1].data[100, 10:16] = 2.0
        hdus["SCI", 1].data[101, 10:13] = (np.nan, -500.0, 2.0)
        hdus["DQ", 1].data[101, 10:13] = 0
    (exposure,) = survey((str(path),), small[2].settings, Selection()).exposures
    kept = set_aside(exposure, None, "16,64", tmp_path)
    good = np.load(kept.chips[2].with_suffix(".good.npy"))
    assert good[100, 10:16].tolist() == [True, True, True, True, False, False]
    assert good[101, 10:13].tolist() == [False, False, True]
    assert np.isfinite(np.load(kept.chips[2])).all()
    assert kept.exptime == 348.0
    assert kept.sky[2] / kept.sky[1] == pytest.approx((kept.wcs[2].idcscale / kept.wcs[1].idcscale) ** 2)
    with pytest.raises(Rejected, match="EXPTIME"):
        set_aside(replace(exposure, exptime=0.0), None, "16,64", tmp_path)


def test_of_a_group_the_exposure_that_cannot_be_copied_alone_is_refused(small, tmp_path):
    _, _, arguments = small
    data = tmp_path / "data"
    data.mkdir()
    for path in sorted(Path(arguments.paths[0]).iterdir())[:2]:
        shutil.copy(path, data)
    here = replace(arguments, paths=(str(data),))
    exposures = survey(here.paths, here.settings, Selection()).exposures
    group, outcome = [pointing_of(exposure, None) for exposure in exposures], Outcome()
    lake = stored(tmp_path / "lake")
    create_lake(lake)
    task = CrmaskTask(lake, tuple(exposures), frozenset(), None, here.settings.config.crmask, "0", "1" * 16)
    gone = Path(exposures[0].path)
    gone.unlink()
    mask_or_refuse(task, group, dict.fromkeys([one.rootname for one in exposures]), outcome)
    assert list(outcome.refused) == [str(gone)]
    assert [told["rootname"] for told in outcome.masked] == [exposures[1].rootname]


def test_single_image_keeps_out_of_stars():
    rng = np.random.default_rng(1)
    image = rng.normal(1, 3, (120, 100)).astype(np.float32)
    image[40, 40] = 800.0
    image[70, 60] = 800.0
    settings = SingleSettings(6.0, 0.3, 10.0, 1.5)
    bad = np.zeros(image.shape, bool)
    mask = find_on_one_image(image, bad, np.array([60.2]), np.array([69.9]), settings)
    assert mask[40, 40]
    assert not mask[70, 60]


def test_protected_pixels_are_those_within_the_radius():
    near = near_stars((9, 9), np.array([4.0, 100.0]), np.array([4.0, 4.0]), 1.5)
    assert near.sum() == 9
    assert not near_stars((9, 9), np.array([4.0]), np.array([4.0]), 0.0).any()


@pytest.mark.slow
def test_failed_job_tells_its_last_word_and_leaves_nothing(tmp_path):
    with private.private_folder(tmp_path) as folder, pytest.raises(Rejected) as refusal:
        private.run_job("crmask", {"files": ["gone_flc.fits"], "options": {}}, folder, "crmask")
    assert refusal.value.reason == "drizzlepac_failed"
    assert not list(tmp_path.iterdir())


def test_folders_of_killed_runs_are_swept(tmp_path):
    with private.private_folder(tmp_path) as folder:
        here = folder.name.rpartition(f"{os.getpid()}-")[0]
    dead, elsewhere = tmp_path / f"{here}999999999-abc", tmp_path / "cte-lake-job-otherhost-999999999-abc"
    for left in (dead, elsewhere):
        left.mkdir()
        (left / "x.fits").touch()
    with private.private_folder(tmp_path) as folder:
        # Whether a process of another machine lives cannot be told.
        assert set(tmp_path.iterdir()) == {folder, elsewhere}
