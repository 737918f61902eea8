from __future__ import annotations

import json

import numpy as np
import pytest
from astropy.io import fits
from typer.testing import CliRunner

from cte_lake.errors import ExitCode, Rejected
from cte_lake.frames.fitsfile import read_chip
from cte_lake.frames.pam import area_map_for
from cte_lake.stages.pam_check import check_pam


@pytest.fixture(scope="module")
def frame(shared):
    return shared / "frames/ngc104/data/ic7802aaq_flc.fits.fz"


def _write_maps(folder, frame, factor=1.0, tilt=0.0):
    """Full-size maps that are those of the frame where it looks, times a factor, plus a tilt in y."""
    folder.mkdir(exist_ok=True)
    for chip in (1, 2):
        image = read_chip(frame, chip)
        full = np.ones((2051, 4096), np.float32)
        there = area_map_for(image) * factor + tilt * np.linspace(0, 1, 2051)[:, None]
        full[:, image.column0 : image.column0 + there.shape[1]] = there
        fits.PrimaryHDU(full).writeto(folder / f"UVIS{chip}wfc3_map.fits")


def test_cut_out_without_maps_is_described(frame):
    rows = {row["chip"]: row for row in check_pam(frame)}
    assert rows[2]["held against"] == "-"
    assert rows[2]["deviation"] is None
    assert 0.974 - 0.002 < rows[2]["min"] < 1 < rows[2]["max"] < 1.027 + 0.002
    assert 0.957 - 0.002 < rows[1]["min"] < rows[1]["mean"] < 1


def test_equal_maps_agree_and_others_do_not(frame, tmp_path):
    _write_maps(tmp_path / "same", frame)
    assert all(row["agrees"] and row["deviation"] < 1e-6 for row in check_pam(frame, tmp_path / "same"))
    _write_maps(tmp_path / "scaled", frame, factor=1.01)
    rows = check_pam(frame, tmp_path / "scaled")
    assert [row["agrees"] for row in rows] == [False, False]
    assert rows[0]["deviation"] == pytest.approx(0.01, rel=0.05)
    _write_maps(tmp_path / "tilted", frame, tilt=0.004)
    assert not any(row["agrees"] for row in check_pam(frame, tmp_path / "tilted"))


def test_missing_map_is_named(frame, tmp_path):
    with pytest.raises(Rejected, match=r"UVIS2wfc3_map\.fits"):
        check_pam(frame, tmp_path)


def test_command_exits_with_5_where_maps_do_not_agree(frame, tmp_path):
    from cte_lake.cli.main import app

    plain = CliRunner().invoke(app, ["pam", "check", str(frame), "--json"])
    assert plain.exit_code == 0
    assert [row["chip"] for row in json.loads(plain.stdout)] == [2, 1]
    _write_maps(tmp_path / "scaled", frame, factor=1.01)
    wrong = CliRunner().invoke(app, ["pam", "check", str(frame), "--maps", str(tmp_path / "scaled")])
    assert wrong.exit_code == ExitCode.AUDIT_FAILED
