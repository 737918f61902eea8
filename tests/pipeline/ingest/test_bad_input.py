"""Bad input of every kind in one folder: each file refused with its reason, the good ones measured."""

import shutil

import numpy as np
import pytest
from astropy.io import fits

from cte_lake.config import load_settings
from cte_lake.errors import ConfigError, ExitCode
from cte_lake.lake.stored import stored
from cte_lake.pipeline.dask import WorkerSettings
from cte_lake.pipeline.ingest import Action, IngestArguments, ingest, make_plan
from cte_lake.pipeline.ingest.keys import photometry_settings
from tests.lakes import current, rejects


def edited(change):
    """Make a breaker that opens the copy for update."""

    def breaker(path):
        with fits.open(path, mode="update") as hdus:
            change(hdus)

    return breaker


def header(extension, **cards):
    def change(hdus):
        for key, value in cards.items():
            if value is None:
                del hdus[extension].header[key]
            else:
                hdus[extension].header[key] = value

    return edited(change)


def truncate(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def text_file(path):
    path.write_text("this is no FITS file\n" * 50)


@edited
def without_extension(hdus):
    del hdus["ERR", 2]


@edited
def nan_filled(hdus):
    hdus["SCI", 1].data[:] = np.nan


@edited
def no_errors(hdus):
    hdus["ERR", 1].data[:] = 0


@edited
def no_wcs(hdus):
    for version in (1, 2):
        for key in list(hdus["SCI", version].header["C*"]):
            if key[:5] in {"CTYPE", "CRVAL", "CRPIX"} or key[:2] == "CD":
                del hdus["SCI", version].header[key]


@edited
def rows_cut_off(hdus):
    for version in (1, 2):
        for plane in ("SCI", "ERR", "DQ"):
            hdus[plane, version].data = hdus[plane, version].data[200:]
        hdus["SCI", version].header["LTV2"] = -200.0
        hdus["SCI", version].header["CRPIX2"] -= 200.0


@edited
def elsewhere(hdus):
    for version in (1, 2):
        hdus["SCI", version].header["CRVAL1"] += 3.0


@edited
def flashed_without_level(hdus):
    hdus[0].header.update(
        {"FLASHSTA": "SUCCESSFUL", "FLASHDUR": 1.2, "FLASHCUR": "LOW", "FLSHCORR": "COMPLETE"}
    )
    del hdus[0].header["FLASHLVL"]


BAD = {
    "truncated": (truncate, "read", "truncated", "cut short"),
    "text file": (text_file, "read", "not_fits", "not a FITS file"),
    "missing extension": (without_extension, "read", "missing_extension", "ERR,2"),
    "missing keyword": (header(0, EXPTIME=None), "read", "missing_keyword", "EXPTIME"),
    "NaN-filled": (nan_filled, "read", "nan_filled", "filled with NaN"),
    "all masked": (no_errors, "read", "all_masked", "100% have no positive ERR"),
    "rows cut off": (rows_cut_off, "read", "bad_shape", "rows below 200 of chip 2 are cut off"),
    "no WCS": (no_wcs, "read", "no_wcs", "WCS"),
    "no star": (elsewhere, "match", "no_star", "no star of ngc104's master catalog falls on chip 2"),
    "unknown target": (header(0, TARGNAME="M31"), "read", "unknown_target", "'M31'"),
    "path as target": (header(0, TARGNAME="../../x"), "read", "unknown_target", "'../../x'"),
    "IR frame": (header(0, DETECTOR="IR"), "read", "not_uvis", "WFC3/IR"),
    "ACS frame": (header(0, INSTRUME="ACS", DETECTOR="WFC"), "read", "not_uvis", "ACS/WFC"),
    "binned": (header(0, BINAXIS1=2, BINAXIS2=2), "screen", "binned", "2x2"),
    "subarray": (header(0, SUBARRAY=True), "screen", "subarray", "SUBARRAY"),
    "proposal": (header(0, PROPOSID="abc"), "read", "bad_keyword", "'abc' of"),
    "flash": (flashed_without_level, "read", "missing_keyword", "FLASHLVL"),
    "root name": (header(0, ROOTNAME="../../../x"), "read", "bad_rootname", "ROOTNAME"),
}


@pytest.fixture(scope="module")
def outcome(small_visit, tmp_path_factory):
    """One ingest over a good pair and every kind of bad file."""
    from tests.conftest import new_lake

    folder = tmp_path_factory.mktemp("bad")
    lake = new_lake(folder / "lake", small_visit)
    frames = folder / "frames"
    frames.mkdir()
    paths = {}
    good = next(path for path in small_visit.frames if path.name == "ic7801aaq_flc.fits")
    for i, (kind, (breaker, *_)) in enumerate(BAD.items()):
        rootname = f"ic7801{chr(ord('c') + i)}aq"
        paths[kind] = frames / f"{rootname}_flc.fits"
        shutil.copy(good, paths[kind])
        header(0, ROOTNAME=rootname)(paths[kind])
        breaker(paths[kind])
    for path in small_visit.frames:
        shutil.copy2(path, frames)
    arguments = IngestArguments(
        stored(lake), (str(frames),), load_settings(lake, environment={}), workers=WorkerSettings(count=0)
    )
    first, second = ingest(arguments), ingest(arguments)
    return lake, paths, first, second, make_plan(arguments)


@pytest.mark.parametrize("kind", BAD)
def test_each_is_refused_with_its_reason(outcome, kind):
    lake, paths, *_ = outcome
    _, stage, reason, words = BAD[kind]
    (row,) = [row for row in rejects(lake) if row["path"] == str(paths[kind])]
    assert (row["stage"], row["reason"]) == (stage, reason)
    assert words in row["detail"]
    assert "\n" not in row["detail"]


def test_the_good_ones_are_measured_and_nothing_is_lost(outcome):
    lake, _, first, *_ = outcome
    assert len(current(lake)) == 4
    assert first.measured == 4
    assert first.exit_code == ExitCode.DONE_IN_PART
    assert first.measured + first.excluded + len(first.rejected) == 4 + len(BAD)
    assert sorted(path.name for path in lake.iterdir() if path.is_dir()) == sorted(
        [
            "master",
            "exposures",
            "phot",
            "phot_added",
            "rejects",
            "alignment",
            "crmasks",
            "chips",
            "coefficients",
            "reports",
            "logs",
        ]
    )


def test_a_second_run_tells_the_same_and_writes_nothing(outcome):
    lake, _, first, second, plan = outcome
    assert second.measured == 0
    told = [(r["path"], r["reason"]) for r in first.rejected]
    assert sorted((r["path"], r["reason"]) for r in second.rejected) == sorted(told)
    assert len(rejects(lake)) == len(BAD)
    assert len(plan.of(Action.UP_TO_DATE)) == 4


def test_a_plan_refuses_a_cut_out_by_its_header(outcome):
    lake, paths, *_ = outcome
    settings = load_settings(lake, environment={})
    path = str(paths["rows cut off"])
    plan = make_plan(IngestArguments(stored(lake), (path,), settings, overwrite=True))
    (item,) = plan.items
    assert (item.action, item.reason) == (Action.REJECTED, "bad_shape")


def test_a_mended_file_is_measured(run, lake, frames):
    path = frames / "ic7801aaq_flt.fits"
    whole = path.read_bytes()
    path.write_bytes(whole[:100_000])
    assert [r["reason"] for r in run(frames).rejected] == ["truncated"]
    path.write_bytes(whole)
    report = run(frames)
    assert (report.measured, report.rejected) == (1, [])
    assert len(current(lake)) == 4


def test_of_a_file_its_newest_refusal_alone_is_on_record(run, lake, frames):
    path = frames / "ic7801aaq_flt.fits"
    whole = path.read_bytes()
    path.write_bytes(whole[:100_000])
    run(path)
    path.write_bytes(whole)
    header(0, EXPFLAG="INTERRUPTED")(path)
    run(path)
    assert [row["reason"] for row in rejects(lake)] == ["expflag"]
    # The same image from elsewhere is measured, and this one is no longer refused but left alone.
    good = frames.parent / "good" / path.name
    good.parent.mkdir()
    good.write_bytes(whole)
    path.write_bytes(whole)
    assert run(good, path).sums["duplicate"] == 1
    assert rejects(lake) == []


def test_a_lake_without_catalog_says_which_to_import(run, frames, tmp_path):
    from cte_lake.lake.create import create_lake

    create_lake(stored(tmp_path / "bare"))
    report = run(frames, root=tmp_path / "bare")
    assert {r["reason"] for r in report.rejected} == {"no_master"}
    assert "master import FILE --target ngc104" in report.rejected[0]["detail"]


def test_a_setting_with_a_key_of_its_own_is_no_override():
    settings = load_settings(flags={"photometry.overrides": {"radii": [3]}}, environment={})
    with pytest.raises(ConfigError, match=r"set photometry\.radii instead"):
        photometry_settings(settings.config)
