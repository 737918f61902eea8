"""Frames with the archive's structure, and genuine ones: read, placed, measured, or refused in words."""

from __future__ import annotations

import importlib.util
import json
import warnings

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

import cte_lake
from cte_lake.config import load_settings
from cte_lake.errors import Rejected
from cte_lake.frames.exposure import read_exposure
from cte_lake.frames.fitsfile import wcs_of
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored
from cte_lake.pipeline.align.align_exposures import AlignArguments, align
from cte_lake.pipeline.dask import WorkerSettings
from cte_lake.pipeline.ingest import IngestArguments, ingest
from cte_lake.pipeline.master_import import import_master

#: Loss that the frames' simulator left in the FLC, as a part of the FLT's.
LEFT_IN_FLC = 0.35


@pytest.fixture(scope="module")
def realize(shared):
    """The function that gives a reference frame the structure of a file from the archive."""
    spec = importlib.util.spec_from_file_location("realize", shared / "real" / "realize.py")
    module = importlib.util.module_from_spec(spec)
    # It silences the warnings of whoever imports it.
    with warnings.catch_warnings():
        spec.loader.exec_module(module)
    return module.realize


def within_two_errors(lake, shared) -> list[bool]:
    """Whether each measured loss is within two errors of the truth."""
    truth = json.loads((shared / "frames" / "ngc104" / "truth.json").read_text())
    with cte_lake.open_lake(lake) as opened:
        rows = opened.cte(estimator="mean_flux").rows()
    found = []
    for row in rows:
        pair = next(pair for pair in truth if row["image_2"][:9] in pair.values())
        (stated,) = (
            each["loss"]
            for each in pair["cte_per_2048"]
            if (each["lo"], each["hi"]) == (row["bin_lo"], row["bin_hi"])
        )
        stated *= 1.0 if row["filetype"] == "flt" else LEFT_IN_FLC
        found.append(abs(row["cte_loss"] - stated) < 2 * row["cte_loss_err"])
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "shift", "ratio", "half"),
    [
        ("none", (0.0, 0.0), 1.0, None),
        ("real", (0.0, 0.3), 1.0, "3.7.2 (Apr-15-2024)"),
        ("comp", (-0.04, 0.02), 1.05, None),
        ("real", (1.5, -2.0), 1.05, None),
    ],
)
def test_losses_are_true_or_refused_and_aligned_they_are_true(
    realize, shared, tmp_path, kind, shift, ratio, half
):
    folder, root = tmp_path / "frames", tmp_path / "lake"
    folder.mkdir()
    for number, path in enumerate(sorted((shared / "frames" / "ngc104" / "data").glob("*.fz"))):
        newer = half if number % 4 < 2 else None
        realize(path, folder / path.name.removesuffix(".fz"), kind, shift, ratio=ratio, cal_ver=newer)
    create_lake(stored(root))
    settings = load_settings(root, environment={})
    import_master(stored(root), shared / "frames/ngc104/ngc104_master.cat", "ngc104", settings.config)
    common = {"paths": (str(folder),), "settings": settings, "workers": WorkerSettings(0)}
    first = ingest(IngestArguments(stored(root), **common))
    if np.hypot(*shift) > 0.015:
        assert first.measured == 0
        assert {told["stage"] for told in first.rejected} == {"position"}
        assert all("`cte-lake align " in told["detail"] for told in first.rejected)
    else:
        assert sum(within_two_errors(root, shared)) >= 30
    aligned = align(AlignArguments(stored(root), **common))
    assert aligned.aligned == 4
    assert all(row["search"] == ("near" if np.hypot(*shift) < 0.4 else "wide") for row in aligned.exposures)
    ingest(IngestArguments(stored(root), **common))
    found = within_two_errors(root, shared)
    assert len(found) == 32
    assert sum(found) >= 30


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
