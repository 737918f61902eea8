"""Programs written to disk: names, structure, catalogs, truth; and the files that must be refused."""

import json
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.table import Table

from cte_lake.errors import Rejected, UsageError
from cte_lake.frames.exposure import read_exposure
from cte_lake.frames.fitsfile import read_chip, wcs_of
from cte_lake.masters.read import read_master
from cte_lake.simulate import (
    TARGETS,
    Settings,
    WCSError,
    make_field,
    master_table,
    nominal_program,
    nominal_visit,
    program_180,
    simulate_exposure,
    simulate_program,
    with_anomalies,
    with_wcs_errors,
    write_exposure,
    write_master,
)
from cte_lake.simulate.request import Request, check_width, plan_programs
from tests.simulate.hostile import HOSTILITIES, write_hostile

WIDTH = 128


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    program = nominal_program(TARGETS["ngc104"], (57601.3,), flashes=(12,))
    settings = Settings(width=WIDTH, seed=2)
    return simulate_program(program, tmp_path_factory.mktemp("sim"), settings, stars=150, star_truth=True)


def test_names_and_structure_are_the_archives(written):
    assert [path.name for path in written.frames] == [
        "ic7801aaq_flt.fits", "ic7801aaq_flc.fits", "ic7801abq_flt.fits", "ic7801abq_flc.fits",
    ]  # fmt: skip
    with fits.open(written.frames[0]) as hdus:
        assert [(hdu.name, hdu.ver) for hdu in hdus[1:7]] == [
            ("SCI", 1), ("ERR", 1), ("DQ", 1), ("SCI", 2), ("ERR", 2), ("DQ", 2),
        ]  # fmt: skip
        assert [hdu.header["BITPIX"] for hdu in hdus[1:4]] == [-32, -32, 16]
        assert {hdu.shape for hdu in hdus[1:7]} == {(2051, WIDTH)}
        assert hdus["SCI", 1].header["CCDCHIP"] == 2
        kinds = {hdu.name for hdu in hdus[7:]}
        assert kinds == {"HDRLET", "WCSCORR", "WCSDVARR", "D2IMARR"}
        header = hdus["SCI", 1].header
        assert {"WCSNAMEO", "CRVAL1A", "CD1_1B", "CPDIS1", "D2IMDIS2", "S_REGION", "MEANFLSH"} <= set(header)
        assert "CONTINUE" in header.tostring()
        assert len(hdus[0].header) > 270
        assert "TARGNAME= 'NGC104                         '" in hdus[0].header.tostring()


def test_the_tables_of_the_distortion_leave_the_sky_where_it_is(written, tmp_path):
    plans = nominal_program(TARGETS["ngc104"], (57601.3,), flashes=(12,)).exposures
    field = make_field(plans, width=WIDTH, stars=20, seed=2)
    exposure = simulate_exposure(plans[0], field, Settings(width=WIDTH, seed=2))
    (plain,) = write_exposure(exposure, tmp_path, filetypes=("flt",), structure="plain")
    x, y = np.meshgrid([0.0, WIDTH / 2, WIDTH - 1.0], [64.0, 1000.0, 2050.0])
    for chip in (1, 2):
        dressed = wcs_of(written.frames[0], chip)
        assert dressed.cpdis1 is not None
        assert dressed.det2im2 is not None
        back = wcs_of(plain, chip).all_world2pix(*dressed.all_pix2world(x.ravel(), y.ravel(), 0), 0)
        np.testing.assert_allclose(back, [x.ravel(), y.ravel()], atol=1e-6)


def test_root_names_are_unique_across_targets_lengths_and_visits():
    names = []
    for exptime in (10.0, 60.0, 348.0):
        request = Request(targets=("ngc104", "ngc6791", "ngc6583"), epochs=30, exptime=exptime)
        # The 180-degree set has one length a call; its names are those of its proposal's visits 10 and 11.
        programs = plan_programs(request)[: 3 if exptime > 60 else 2]
        names += [plan.rootname for program in programs for plan in program.exposures]
    assert len(names) == len(set(names))
    assert all(len(name) == 9 for name in names)


def test_an_archive_has_old_pointings_newer_calibrations_and_gaps():
    request = Request(epochs=6, pointing="old", recalibrated=0.5, missing=2, seed=3)
    (program,) = plan_programs(request)
    assert (len(program.exposures), len(program.pairs)) == (10, 4)
    assert len({plan.cal_ver for plan in program.exposures}) == 2
    for visit in program.visits:
        shifts = {(plan.wcs_error.dx, plan.wcs_error.dy) for plan in visit.exposures}
        assert len(shifts) == 1
        assert 1.0 <= 0.0398 * np.hypot(*shifts.pop()) <= 2.0
    (moving,) = plan_programs(Request(dates=(55562.25, 61406.25), pointing="gaia"))
    lengths = [np.hypot(plan.wcs_error.dx, plan.wcs_error.dy) for plan in moving.exposures]
    assert lengths[0] == pytest.approx(0.0058 / 0.0398, rel=0.01)
    assert lengths[-1] == pytest.approx(17 * 0.0058 / 0.0398, rel=0.01)
    with pytest.raises(UsageError, match="pointing"):
        plan_programs(Request(pointing="wild"))


def test_every_keyword_of_the_reference_frames_is_there(written, shared):
    reference = shared / "frames" / "ngc104" / "data" / "ic7802baq_flt.fits.fz"
    with fits.open(reference) as there, fits.open(written.frames[0]) as here:
        for k in range(7):
            assert set(there[k].header) - set(here[k].header) == set()
            kinds = [
                key
                for key in there[k].header
                if isinstance(there[k].header[key], str) != isinstance(here[k].header[key], str)
            ]
            assert kinds == []


def test_the_reader_sees_the_planned_exposure(written):
    exposure = read_exposure(written.frames[3])
    assert (exposure.imagename, exposure.visit, exposure.filetype) == ("ic7801abq_flc.fits", "01", "flc")
    assert (exposure.proposal, exposure.flash, exposure.length) == (14378, 12, "l")
    assert exposure.postarg2 == 82.0
    chip = read_chip(written.frames[0], 2)
    assert chip.data.shape == (2051, WIDTH)


def test_the_catalog_matches_the_painted_stars(written):
    catalog = Table.read(written.master, format="ascii.no_header")
    truth = pq.read_table(written.frames[0].parents[1] / "stars" / "ic7801aaq.parquet").to_pandas()
    image = read_chip(written.frames[0], 2)
    chosen = truth[(truth.chip == 2) & (truth.flux > 2000) & (truth.x.between(5, WIDTH - 5))]
    chosen = chosen[chosen.y.between(5, 2045)]
    rows = np.searchsorted(catalog["col1"], chosen.master_id)
    x, y = image.wcs.all_world2pix(catalog["col4"][rows], catalog["col5"][rows], 0)
    np.testing.assert_allclose(x, chosen.x, atol=0.3)
    np.testing.assert_allclose(y, chosen.y, atol=0.3)
    assert len(chosen) > 10
    peaks = [
        image.data[int(b) - 1 : int(b) + 3, int(a) - 1 : int(a) + 3].max() for a, b in zip(x, y, strict=True)
    ]
    assert np.all(np.array(peaks) > 100.0)


def test_truth_has_a_loss_per_bin_near_the_law(written):
    (pair,) = json.loads(written.truth.read_text())
    assert (pair["chip2"], pair["chip1"], pair["flash"]) == ("ic7801aaq", "ic7801abq", 12)
    assert len(pair["cte_per_2048"]) == 8
    counted = [entry for entry in pair["cte_per_2048"] if entry["n"] >= 10]
    assert len(counted) >= 4
    for entry in counted:
        assert entry["loss"] == pytest.approx(entry["injected"], rel=0.15)


def test_truth_of_the_180_degree_set_is_positive_on_both_chips(tmp_path):
    done = simulate_program(program_180(), tmp_path, Settings(width=WIDTH), stars=250, filetypes=())
    assert done.frames == ()
    assert {pair["chip"] for pair in done.pairs} == {1, 2}
    for pair in done.pairs:
        entry = next(e for e in pair["cte_per_2048"] if (e["lo"], e["hi"]) == (500, 2000))
        assert entry["loss"] == pytest.approx(entry["injected"], rel=0.1)
        assert entry["loss"] > 0.05


@pytest.mark.parametrize("suffix", [".cat", ".ecsv", ".csv", ".fits", ".vot", ".parquet"])
def test_master_catalogs_of_every_format_are_read_back(tmp_path, suffix):
    program = nominal_program(TARGETS["ngc6791"], (56000.0,))
    table = master_table(make_field(program.exposures, width=WIDTH, stars=40))
    read = read_master(write_master(table, tmp_path / f"ngc6791_master{suffix}"))
    np.testing.assert_array_equal(read.id, table["id"])
    np.testing.assert_allclose(read.ra, table["ra"], atol=1e-8)


def test_a_catalog_of_unknown_format_is_refused(tmp_path):
    with pytest.raises(UsageError, match="parquet"):
        write_master(Table(), tmp_path / "x.txt")


@pytest.mark.parametrize(("compression", "name"), [("gz", "x_flt.fits.gz"), ("fz", "x_flt.fits.fz")])
def test_compressed_frames_hold_the_same_pixels(tmp_path, written, compression, name):
    plan = nominal_visit(TARGETS["ngc104"], 57601.3, flashes=(12,)).exposures[0]
    field = make_field([plan], width=WIDTH, stars=50)
    made = simulate_exposure(plan, field, Settings(width=WIDTH))
    (path,) = write_exposure(made, tmp_path, filetypes=("flt",), compression=compression)
    assert path.name == name.replace("x", "ic7801aaq")
    image = read_chip(path, 2)
    arrays = made.chips["flt", 2]
    np.testing.assert_array_equal(image.dq, arrays.dq)
    np.testing.assert_allclose(image.data, arrays.sci, atol=0.0 if compression == "gz" else 0.5)
    assert read_exposure(path).flash == 12


def test_header_errors_are_in_the_header_and_on_record(tmp_path):
    program = nominal_program(TARGETS["ngc104"], (57601.3,))
    root = program.exposures[0].rootname
    wrong = with_wcs_errors(program, {root: WCSError(dx=3.0)})
    done = simulate_program(wrong, tmp_path, Settings(width=WIDTH), stars=20)
    pointings = {entry["rootname"]: entry for entry in json.loads((tmp_path / "pointings.json").read_text())}
    assert pointings[root]["wcs_error"] == {"dx": 3.0, "dy": 0.0, "rotation": 0.0}
    header = fits.getheader(done.frames[0], ("SCI", 1))
    plan = wrong.exposures[0]
    assert header["CRVAL1"] != pytest.approx(
        write_free_header(replace(plan, wcs_error=WCSError()))["CRVAL1"], abs=1e-5
    )


def write_free_header(plan):
    from cte_lake.simulate.geometry import CHIPS
    from cte_lake.simulate.headers import extension_header

    return extension_header(plan, CHIPS[2], "SCI", WIDTH)


def test_cards_can_be_overridden_and_deleted(tmp_path):
    visit = nominal_visit(TARGETS["ngc104"], 57601.3)
    overrides = (("PRIMARY", "TARGNAME", "NGC-104"), ("SCI,1", "IDCSCALE", None), ("SCI,2", "MDRIZSKY", 1.5))
    plan = replace(visit.exposures[0], overrides=overrides)
    made = simulate_exposure(plan, make_field([plan], width=WIDTH, stars=5), Settings(width=WIDTH))
    path = write_exposure(made, tmp_path, filetypes=("flc",))[0]
    with fits.open(path) as hdus:
        assert hdus[0].header["TARGNAME"] == "NGC-104"
        assert "IDCSCALE" not in hdus["SCI", 1].header
        assert hdus["SCI", 2].header["MDRIZSKY"] == 1.5


def test_changes_to_an_unknown_exposure_are_refused():
    program = nominal_program(TARGETS["ngc104"], (57601.3,))
    with pytest.raises(UsageError, match="icxx01aaq"):
        with_anomalies(program, {"icxx01aaq": "empty"})


@pytest.mark.parametrize("hostility", HOSTILITIES, ids=lambda each: each.name)
def test_hostile_files_are_not_the_good_one(tmp_path, written, hostility):
    good = written.frames[0]
    path = write_hostile(hostility.name, good, tmp_path / good.name)
    assert (
        path.read_bytes()[: 10**6] != good.read_bytes()[: 10**6] or path.stat().st_size != good.stat().st_size
    )
    refused_by_header = {
        "missing_extension", "missing_keyword", "no_wcs", "ir_frame", "acs_frame", "bad_proposal", "text",
        "empty", "truncated", "half_gzip", "count_rates", "no_flash_level",
    }  # fmt: skip
    if hostility.name in refused_by_header:
        with pytest.raises(Rejected):
            read_exposure(path)
    else:
        assert read_exposure(path).rootname == "ic7801aaq"


def test_an_unknown_hostility_names_the_known_ones(tmp_path, written):
    with pytest.raises(UsageError, match="truncated"):
        write_hostile("nonsense", written.frames[0], tmp_path / "x.fits")


def test_requests_become_programs():
    first, second = plan_programs(Request(targets=("ngc104", "ngc6583"), epochs=3, flashes=(0, 12)))
    assert [len(first.exposures), len(first.pairs)] == [12, 6]
    assert len({visit.exposures[0].proposal for visit in first.visits}) == 3
    assert [pair.kind for pair in second.pairs] == ["180", "180"]
    (one,) = plan_programs(Request(proposal=14012, epochs=2))
    assert {plan.proposal for plan in one.exposures} == {14012}
    assert [visit.name for visit in one.visits] == ["01", "02"]
    (new,) = plan_programs(Request(proposal=17001, dates=(60000.0,)))
    assert new.exposures[0].rootname.startswith("id49")


def test_requested_header_errors_stay_within_their_limits():
    (program,) = plan_programs(Request(epochs=10, wcs_shift=3.0, wcs_rotation=0.05))
    shifts = [np.hypot(plan.wcs_error.dx, plan.wcs_error.dy) for plan in program.exposures]
    assert 0.2 <= min(shifts) < max(shifts) <= 3.0
    assert max(abs(plan.wcs_error.rotation) for plan in program.exposures) <= 0.05


@pytest.mark.parametrize(
    "request_",
    [
        Request(targets=("m31",)), Request(targets=()), Request(filter="F814W"), Request(epochs=0),
        Request(exptime=0.0), Request(exptime=float("nan")), Request(flashes=(-1,)),
        Request(flashes=tuple(range(27))),
    ],
)  # fmt: skip
def test_impossible_requests_are_refused(request_):
    with pytest.raises(UsageError):
        plan_programs(request_)


@pytest.mark.parametrize("width", [0, 127, 129, 4098])
def test_impossible_widths_are_refused(width):
    with pytest.raises(UsageError, match="128"):
        check_width(width)
