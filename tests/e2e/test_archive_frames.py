"""Frames with the archive's structure, and genuine ones: read, placed, measured, or refused in words."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from benchmarks.archive_frames import NEWER, RATIO, Case, run_case
from cte_lake.errors import Rejected
from cte_lake.frames.exposure import read_exposure
from cte_lake.frames.fitsfile import wcs_of


@pytest.mark.slow
@pytest.mark.parametrize(
    "case",
    [
        Case("comp"),
        Case("real", (1.5, -2.0), RATIO, half=NEWER),
    ],
)
def test_losses_are_true_or_refused_and_aligned_they_are_true(shared, tmp_path, case):
    done, off = run_case(shared, tmp_path, case), np.hypot(*case.shift)
    if off > 0.015:
        assert done.first.measured == 0
        assert {told["stage"] for told in done.first.rejected} == {"position"}
        assert all("`cte-lake align " in told["detail"] for told in done.first.rejected)
    else:
        assert sum(done.before) >= 30
    assert done.aligned.aligned == 4
    assert all(row["search"] == ("near" if off < 0.4 else "wide") for row in done.aligned.exposures)
    assert len(done.after) == 32
    assert sum(done.after) >= 30


@pytest.mark.parametrize("name", ["sample_ipppssoot_flc.fits", "sample_svm_flc.fits"])
def test_genuine_files_are_read(shared, name):
    exposure = read_exposure(shared / "real" / name)
    assert (exposure.proposal, exposure.filter, exposure.filetype) == (11665, "F555W", "flc")
    assert exposure.flash == 0
    assert exposure.cal_ver == "3.7.1 (Oct-18-2023)"
    assert exposure.rootname in {"ib4606c5q", "ib4606c6q"}


@pytest.mark.parametrize("name", ["sample_ipppssoot_flc.fits", "sample_svm_flc.fits"])
def test_lookup_tables_are_honoured_to_a_millionth_of_a_pixel(shared, name):
    path = shared / "real" / name
    x, y = (grid.ravel() for grid in np.meshgrid(np.linspace(0, 600, 7), np.linspace(0, 600, 7)))
    with fits.open(path) as hdus, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for chip, version in ((2, 1), (1, 2)):
            whole = WCS(hdus["SCI", version].header, hdus)
            assert whole.cpdis1 is not None
            ours = wcs_of(hdus["SCI", version].header, chip, hdus=hdus)
            back = np.array(whole.all_world2pix(*ours.all_pix2world(x, y, 0), 0, tolerance=1e-9))
            np.testing.assert_allclose(back, [x, y], atol=1e-6)


@pytest.mark.parametrize("name", ["sample_ipppssoot_flt.fits", "ia1d23dmq_flt_hlet.fits"])
def test_files_of_the_ir_channel_are_refused_with_a_clear_reason(shared, name):
    with pytest.raises(Rejected) as refusal:
        read_exposure(shared / "real" / name)
    assert name in str(refusal.value)
    if "hlet" not in name:
        assert "IR" in str(refusal.value)
