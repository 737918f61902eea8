"""Files that are none, in a folder with good ones: each has its row in rejects, the others go on."""

from __future__ import annotations

import json
import os
import shutil
import socket

import pytest

from cte_lake.api import open_lake
from tests.lakes import current, rejects


@pytest.fixture
def odd(frames):
    """A folder with one good frame under a name that is not UTF-8 and one odd file of each kind."""
    for path in frames.iterdir():
        if path.name != "ic7801aaq_flt.fits":
            path.unlink()
    good = frames / "ic7801aaq_flt.fits"
    shutil.copy(good, frames / "half_flt.fits")
    os.truncate(frames / "half_flt.fits", good.stat().st_size // 2)
    good.rename(frames / os.fsdecode(b"ann\xe9e\n_flt.fits"))
    os.mkfifo(frames / "pipe_flt.fits")
    (frames / "device_flt.fits").symlink_to("/dev/zero")
    (frames / "loop_flt.fits").symlink_to("loop_flt.fits")
    (frames / "gone_flt.fits").symlink_to("nowhere")
    (frames / "empty_flc.fits.gz").touch()
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.open(frames, os.O_RDONLY)
        try:
            listener.bind(f"/proc/self/fd/{here}/socket_flt.fits")
        finally:
            os.close(here)
        yield frames


EXPECTED = {
    "half_flt.fits": ("truncated", "cut short"),
    "pipe_flt.fits": ("not_a_file", "named pipe"),
    "socket_flt.fits": ("not_a_file", "socket"),
    "device_flt.fits": ("not_a_file", "device"),
    "loop_flt.fits": ("unreadable", "leads back to itself"),
    "gone_flt.fits": ("unreadable", "leads nowhere"),
    "empty_flc.fits.gz": ("truncated", "0 bytes"),
}


def test_each_odd_file_has_its_row_and_the_good_one_is_measured(run, lake, odd):
    report = run(odd)
    assert report.measured == 1
    told = {row["path"].rpartition("/")[2]: row for row in rejects(lake)}
    assert set(told) == set(EXPECTED)
    for name, (reason, words) in EXPECTED.items():
        assert told[name]["reason"] == reason
        assert words in told[name]["detail"]
    (row,) = current(lake).values()
    assert row["path"] == rf"{odd}/ann\xe9e\x0a_flt.fits"
    json.dumps(report.as_dict()).encode()
    assert open_lake(lake).sql("SELECT path FROM exposures").arrow().to_pylist() == [{"path": row["path"]}]
    again = run(odd)
    assert (again.measured, again.renewed, again.counts["up to date"]) == (0, 0, 1)


def test_fits_files_of_other_names_are_counted(run, frames):
    for name in ("ic7801aaq_raw.fits", "ic7801aaq_drz.fits", "ic7801aaq_jif.txt"):
        (frames / name).touch()
    report = run(frames, limit=0)
    assert report.files == 4
    (note,) = (line for line in report.notes if "by name" in line)
    assert "2 FITS files are neither FLT nor FLC" in note
    assert "ic7801aaq_raw.fits" in note
    # A lake inside the folder holds headerlets and masks of its own.
    alone = frames / "ic7801aaq_raw.fits"
    alone.unlink()
    assert "1 FITS file is neither" in run(frames, limit=0).left_alone
