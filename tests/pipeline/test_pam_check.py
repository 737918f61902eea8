from __future__ import annotations

import functools
import json
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from typer.testing import CliRunner

from cte_lake.errors import ExitCode, Rejected
from cte_lake.frames.fitsfile import read_chip
from cte_lake.frames.pam import area_map_for, official_map
from cte_lake.pipeline.pam_check import check_pam

DATA = Path(__file__).resolve().parents[1] / "data"


@pytest.fixture(scope="module")
def frame(shared):
    return shared / "frames/ngc104/data/ic7802aaq_flc.fits.fz"


@functools.cache
def _looked_at(frame, chip):
    """A chip of the frame with the areas of its pixels."""
    image = read_chip(frame, chip)
    return image, area_map_for(image)


def _write_maps(folder, frame, factor=1.0, tilt=0.0, turned=lambda plane: plane, named=lambda chip: chip):
    """Full-size maps that are those of the frame where it looks, times a factor, plus a tilt in y.

    The layout is that of the published files: an empty primary, the whole chip in the first extension.
    """
    folder.mkdir(exist_ok=True)
    for chip in (1, 2):
        image, areas = _looked_at(frame, chip)
        full = np.ones((2051, 4096), np.float32)
        there = areas * factor + tilt * np.linspace(0, 1, 2051)[:, None]
        full[:, image.column0 : image.column0 + there.shape[1]] = there
        image = fits.ImageHDU(turned(full))
        fits.HDUList([fits.PrimaryHDU(), image]).writeto(folder / f"UVIS{named(chip)}wfc3_map.fits")


def test_cut_out_without_maps_is_described(frame):
    rows = {row["chip"]: row for row in check_pam(frame)}
    assert rows[2]["compared with"] == "-"
    assert rows[2]["deviation"] is None
    assert 0.974 - 0.002 < rows[2]["min"] < 1 < rows[2]["max"] < 1.027 + 0.002
    assert 0.957 - 0.002 < rows[1]["min"] < rows[1]["mean"] < 1


@pytest.mark.slow
def test_equal_maps_agree_and_others_do_not(frame, tmp_path):
    _write_maps(tmp_path / "same", frame)
    assert all(row["agrees"] and row["deviation"] < 1e-6 for row in check_pam(frame, tmp_path / "same"))
    _write_maps(tmp_path / "scaled", frame, factor=1.01)
    rows = check_pam(frame, tmp_path / "scaled")
    assert [row["agrees"] for row in rows] == [False, False]
    assert rows[0]["deviation"] == pytest.approx(0.01, rel=0.05)
    _write_maps(tmp_path / "tilted", frame, tilt=0.004)
    assert not any(row["agrees"] for row in check_pam(frame, tmp_path / "tilted"))


@pytest.mark.slow
def test_full_frame_agrees_with_the_published_range(tmp_path):
    path = tmp_path / "ic7802aaq_flt.fits"
    hdus = fits.HDUList([fits.PrimaryHDU(header=fits.Header.fromtextfile(DATA / "primary.hdr"))])
    for version, chip in ((1, 2), (2, 1)):
        header = fits.Header.fromtextfile(DATA / f"sci_chip{chip}.hdr")
        hdus.append(fits.ImageHDU(np.zeros((2051, 4096), np.float32), header, name="SCI", ver=version))
        hdus.append(fits.ImageHDU(np.ones((2051, 4096), np.float32), name="ERR", ver=version))
        hdus.append(fits.ImageHDU(np.zeros((2051, 4096), np.int16), name="DQ", ver=version))
    hdus.writeto(path)
    for row in check_pam(path):
        assert row["compared with"] == "published range"
        assert row["agrees"]
        assert row["deviation"] < 0.001
    with fits.open(path, mode="update") as changed:
        changed["SCI", 1].header["A_2_0"] *= 1.5
    assert [row["agrees"] for row in check_pam(path)] == [False, True]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("turned", "named", "remark"),
    [
        (lambda plane: plane, lambda chip: 3 - chip, "the other chip"),
        (lambda plane: plane[:, ::-1], lambda chip: chip, "over in x"),
        (lambda plane: plane[::-1], lambda chip: chip, "over in y"),
        (lambda plane: plane[::-1, ::-1], lambda chip: chip, "by 180 degrees"),
    ],
)
def test_swapped_and_turned_maps_are_recognised(frame, tmp_path, turned, named, remark):
    _write_maps(tmp_path / "maps", frame, turned=turned, named=named)
    for row in check_pam(frame, tmp_path / "maps"):
        assert not row["agrees"]
        assert remark in row["remark"]


def test_a_map_by_a_pixel_off_is_the_same_within_a_millionth(frame, tmp_path):
    # The areas change by 1e-5 a pixel at most: counting from 1 or 0 makes no difference.
    _write_maps(tmp_path / "maps", frame, turned=lambda plane: np.roll(plane, (1, 1), (0, 1)))
    part, areas = _looked_at(frame, 2)
    moved = official_map(tmp_path / "maps", part)[1:, 1:]
    assert np.abs(moved / areas[1:, 1:] - 1).max() < 3e-5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("plane", "words"),
    [
        (np.ones((4096, 2051), np.float32), r"\(4096, 2051\), not the \(2051, 4096\)"),
        (np.ones((1014, 1014), np.float32), r"\(1014, 1014\)"),
        (np.ones((2, 2051, 4096), np.float32), r"\(2, 2051, 4096\)"),
        (np.full((2051, 4096), 0.0016, np.float32), "no relative pixel areas"),
        (np.full((2051, 4096), np.nan, np.float32), "no relative pixel areas"),
        (None, "no image"),
    ],
)
def test_what_is_no_map_of_a_chip_is_refused(frame, tmp_path, plane, words):
    for chip in (1, 2):
        hdus = [fits.PrimaryHDU()] if plane is None else [fits.PrimaryHDU(), fits.ImageHDU(plane)]
        fits.HDUList(hdus).writeto(tmp_path / f"UVIS{chip}wfc3_map.fits")
    with pytest.raises(Rejected, match=words):
        check_pam(frame, tmp_path)


def test_missing_map_is_named(frame, tmp_path):
    with pytest.raises(Rejected, match=r"UVIS2wfc3_map\.fits"):
        check_pam(frame, tmp_path)


@pytest.mark.slow
def test_command_exits_with_5_where_maps_do_not_agree(frame, tmp_path):
    from cte_lake.cli.main import app

    plain = CliRunner().invoke(app, ["pam", "check", str(frame), "--json"])
    assert plain.exit_code == 0
    assert [row["chip"] for row in json.loads(plain.stdout)] == [2, 1]
    _write_maps(tmp_path / "scaled", frame, factor=1.01)
    wrong = CliRunner().invoke(app, ["pam", "check", str(frame), "--maps", str(tmp_path / "scaled")])
    assert wrong.exit_code == ExitCode.AUDIT_FAILED
