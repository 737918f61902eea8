from __future__ import annotations

import os

import pytest

from cte_lake.errors import UsageError
from cte_lake.pipeline.discover import find_fits, find_frames


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data/14378"
    folder.mkdir(parents=True)
    for name in (
        "ic7801aaq_flt.fits",
        "ic7801aaq_flc.fits.gz",
        "IC7801ABQ_FLT.fits.fz",
        "ic7801aaq_raw.fits",
    ):
        (folder / name).touch()
    return tmp_path / "data"


def test_folders_patterns_and_files_give_each_frame_once(data):
    wanted = [data / "14378" / name for name in
              ("IC7801ABQ_FLT.fits.fz", "ic7801aaq_flc.fits.gz", "ic7801aaq_flt.fits")]  # fmt: skip
    assert find_frames([str(data)]) == wanted
    assert find_frames([f"{data}/**/*_fl?.fits*", str(wanted[2]), str(data)]) == sorted(wanted)
    assert find_frames([str(data / "14378/ic7801aaq_raw.fits")]) == [data / "14378/ic7801aaq_raw.fits"]
    for missing in ("no_such_folder", "*_flt.fits"):
        with pytest.raises(UsageError, match="no"):
            find_frames([str(data / missing)])


def test_fits_files_of_other_names_are_told_unless_they_are_given(data):
    for name in ("ic7801aaq_flt (1).fits", "ic7801aaq_flc.fits.bz2", "ic7801aaq_drz.FIT", "trl.txt", "x.csv"):
        (data / name).touch()
    raw = data / "14378/ic7801aaq_raw.fits"
    found = find_fits([str(data)])
    assert {path.name for path in found.left_alone} == {
        "ic7801aaq_flt (1).fits", "ic7801aaq_flc.fits.bz2", "ic7801aaq_drz.FIT", raw.name,
    }  # fmt: skip
    assert len(found.frames) == 3
    given = find_fits([str(data), str(raw)])
    assert (raw in given.frames, raw in given.left_alone) == (True, False)


def test_a_file_has_one_name_wherever_it_is_asked_for_from(data, tmp_path, monkeypatch):
    lake = tmp_path / "lakes/lake"
    lake.mkdir(parents=True)
    plain = find_frames([str(data)])
    monkeypatch.chdir(lake)
    assert find_frames(["../../data"]) == plain
    assert find_frames(["../../data/../data/*/*_flt.fits"]) == [plain[2]]
    monkeypatch.chdir(data)
    assert find_frames(["."]) == plain


def test_links_keep_the_name_that_people_know(data, tmp_path, monkeypatch):
    (tmp_path / "linked").symlink_to(data)
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert {path.parts[-3] for path in find_frames(["../linked"])} == {"linked"}


def test_links_in_a_loop_end_and_each_file_is_listed_once(data):
    plain = find_frames([str(data)])
    (data / "self").symlink_to(".")
    (data / "14378" / "up").symlink_to("..")
    (data / "latest_flt.fits").symlink_to("14378/ic7801aaq_flt.fits")
    (data / "copy_flt.fits").hardlink_to(data / "14378/ic7801aaq_flt.fits")
    found = find_frames([str(data), f"{data}/**/*_fl?.fits*", f"{data}/**/14378"])
    assert len(found) == len(plain)
    assert {path.stat().st_ino for path in found} == {path.stat().st_ino for path in plain}


def test_odd_files_are_listed_for_whoever_tells_what_they_are(data):
    os.mkfifo(data / "pipe_flt.fits")
    (data / "device_flt.fits").symlink_to("/dev/zero")
    (data / "loop_flt.fits").symlink_to("loop_flt.fits")
    (data / "gone_flt.fits").symlink_to("nowhere")
    (data / "a\nb_flt.fits").touch()
    assert len(find_frames([str(data)])) == 3 + 5
