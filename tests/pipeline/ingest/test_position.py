"""Admission by position: what lies off its places is refused with the offset, and measured once aligned."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits
from typer.testing import CliRunner

from cte_lake import open_lake
from cte_lake.cli.main import app
from cte_lake.config import load_settings
from cte_lake.lake.stored import stored
from cte_lake.photometry import PixelData, measure, settings_for
from cte_lake.pipeline.align.align_exposures import align
from cte_lake.pipeline.carry_out import StageArguments
from cte_lake.pipeline.dask import WorkerSettings
from cte_lake.pipeline.ingest.keys import settings_hash
from cte_lake.pipeline.ingest.position import Position, failures, measure_position
from tests.lakes import current

LIMITS = load_settings(None, environment={}).config.admission
GOOD = Position(400, 0.98, 0.05, -0.06, 0.09, 0.004, 0.002)
PIXEL = 0.0396


def off(path, ra=0.0, dec=0.0, turned=0.0, scaled=1.0):
    """Move the pointing of a header by arcsec, turn it by degrees, scale it."""
    angle = np.radians(turned)
    turn = scaled * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    with fits.open(path, mode="update") as hdus:
        middle = hdus["SCI", 1].header["CRVAL1"], hdus["SCI", 1].header["CRVAL2"]
        for version in (1, 2):
            header = hdus["SCI", version].header
            narrow = np.cos(np.radians(middle[1]))
            away = (header["CRVAL1"] - middle[0]) * narrow, header["CRVAL2"] - middle[1]
            east, north = turn @ away
            header["CRVAL1"] = middle[0] + (east + ra / 3600) / narrow
            header["CRVAL2"] = middle[1] + north + dec / 3600
            cd = turn @ [[header[f"CD{i}_{j}"] for j in (1, 2)] for i in (1, 2)]
            for i in (0, 1):
                for j in (0, 1):
                    header[f"CD{i + 1}_{j + 1}"] = float(cd[i, j])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"position_stars": 5}, "position_unknown"),
        ({"found_fraction": 0.4}, "off_position"),
        ({"shift_x": 0.5}, "off_position"),
        ({"shift_y": -0.5}, "off_position"),
        # Next to the amplifiers nothing but the pointing moves a star; elsewhere released charge does.
        ({"shift_y": -0.5, "start_y": 0.02, "start_err": 0.01}, None),
        ({"shift_y": 0.1, "start_y": 0.5, "start_err": 0.01}, "off_position"),
        ({"shift_rms": 0.5}, "off_position"),
        ({"uneven": 0.03}, "off_position"),
        # Not known well enough to be held against it.
        ({"uneven": 0.03, "uneven_err": 0.01}, None),
        ({"position_stars": 0, "found_fraction": 0.0, "shift_x": np.nan}, "position_unknown"),
    ],
)
def test_limits_decide(change, reason):
    found = [slug for slug, _ in failures(replace(GOOD, **change), LIMITS)]
    assert found == ([] if reason is None else [reason])


def test_a_row_tells_the_position_again():
    nowhere = Position(30, 0.0, *[np.nan] * 5)
    assert nowhere.as_columns()["shift_x"] is None
    assert str(Position.from_row(nowhere.as_columns())) == str(nowhere)
    assert str(Position.from_row(GOOD.as_columns())) == str(GOOD)
    followed = replace(GOOD, start_y=0.1, start_err=0.01, recentred=True)
    assert Position.from_row(followed.as_columns()) == followed


ROWS, COLUMNS = 2051, 160


def stars_at(x, y, rng):
    image = rng.normal(0.0, 4.0, (ROWS, COLUMNS))
    for left, low in zip(x, y, strict=True):
        j, i = np.ogrid[round(low) - 4 : round(low) + 5, round(left) - 4 : round(left) + 5]
        star = 3000 * np.exp(-((i - left) ** 2 + (j - low) ** 2) / (2 * 0.85**2))
        image[j.clip(0, ROWS - 1), i.clip(0, COLUMNS - 1)] += star
    return PixelData(image, np.sqrt(16.0 + np.clip(image, 0, None)), np.zeros(image.shape, np.bool_))


@pytest.mark.parametrize("chip", [1, 2])
def test_nothing_follows_where_no_stars_are_next_to_the_amplifiers(chip):
    rng = np.random.default_rng(chip)
    x, far = rng.uniform(5, COLUMNS - 5, 100), rng.uniform(1000, ROWS - 5, 100)
    y = far if chip == 2 else ROWS - far
    # A shift that grows like the square of the rows: its line would start 0.1 px off.
    released = (0.25 if chip == 2 else -0.25) * (far / ROWS) ** 2
    pixels = stars_at(x, y + released, rng)
    measured = measure(pixels, x, y, settings_for("standard", radii=[3]))
    position, missed = measure_position(pixels, x, y, measured, [3.0], chip)
    assert np.isnan([position.start_y, position.start_err]).all()
    assert not missed.any()


@pytest.mark.slow
@pytest.mark.parametrize("chip", [1, 2])
@pytest.mark.parametrize(("offset", "turned"), [((0.0, 0.0), 0.0), ((-0.1, -0.12), 0.0), ((0.1, 0.0), 0.2)])
def test_the_pointing_is_told_from_released_charge_next_to_the_amplifiers(chip, offset, turned):
    rng = np.random.default_rng(chip)
    x, y = rng.uniform(5, COLUMNS - 5, 300), rng.uniform(5, ROWS - 5, 300)
    # Charge moves the far stars by a quarter of a pixel, away from the amplifiers.
    released = 0.25 * y / ROWS if chip == 2 else -0.25 * (ROWS - y) / ROWS
    at_x = x + offset[0] + turned * (y - ROWS / 2) / ROWS
    at_y = y + offset[1] + released - turned * (x - COLUMNS / 2) / ROWS
    pixels = stars_at(at_x, at_y, rng)
    measured = measure(pixels, x, y, settings_for("standard", radii=[3]))
    position, missed = measure_position(pixels, x, y, measured, [3.0], chip)
    assert position.start_y == pytest.approx(offset[1], abs=0.02)
    assert abs(position.shift_y - offset[1]) > 0.1
    expected = np.array([at_x - x, at_y - released - y])
    assert missed == pytest.approx(expected, abs=0.04)
    assert missed.any() == (offset != (0.0, 0.0))


def test_apertures_follow_a_pointing_that_is_slightly_off(run, lake, frames):
    for frame in frames.iterdir():
        if frame.name != "ic7801aaq_flt.fits":
            frame.unlink()
    places = []
    for moved in ({}, {"ra": 0.003, "dec": 0.005}):
        off(frames / "ic7801aaq_flt.fits", **moved)
        assert run(frames).measured == 1
        with open_lake(lake) as opened:
            (known,) = opened.sql("SELECT recentred, start_y FROM exposures").rows()
            assert known["recentred"] == bool(moved)
            rows = opened.sql("SELECT master_id, x, y, dy FROM phot WHERE dy IS NOT NULL").rows()
        places.append({row["master_id"]: (row["x"], row["y"]) for row in rows})
    before, after = places
    shared = before.keys() & after.keys()
    assert len(shared) > 100
    away = np.array([np.subtract(after[star], before[star]) for star in shared])
    assert np.abs(away).max() < 0.06


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        # A small shift is as wrong as a large one.
        ({"ra": 0.02, "dec": -0.02}, 0.0283),
        ({"dec": 0.06}, 0.06),
        ({"ra": -0.3}, 0.3),
        ({"ra": 1.7, "dec": 1.7}, 2.404),
    ],
)
def test_a_pointing_that_is_off_is_refused_with_the_offset_and_the_command(
    run, lake, frames, error, expected
):
    path = frames / "ic7801aaq_flt.fits"
    for frame in frames.iterdir():
        if frame != path:
            frame.unlink()
    off(path, **error)
    report = run(frames)
    assert (report.measured, current(lake)) == (0, {})
    (told,) = report.rejected
    assert (told["stage"], told["reason"]) == ("position", "off_position")
    arcsec = float(told["detail"].split(" px (")[1].split(" arcsec")[0])
    assert arcsec == pytest.approx(expected, abs=0.008)
    assert f"`cte-lake align {frames} --proposal 14378 --visit 01`" in told["detail"]
    assert run(frames).counts == {"rejected": 1}


@pytest.mark.slow
def test_it_is_known_in_the_next_run_and_looked_at_again_once_aligned(run, lake, frames, monkeypatch):
    for frame in frames.iterdir():
        off(frame, ra=0.5, dec=0.6)
    first = run(frames)
    assert (first.measured, len(first.rejected)) == (0, 4)

    def forbidden(*_, **__):
        raise AssertionError("pixels were read again")

    with monkeypatch.context() as patched:
        patched.setattr("cte_lake.pipeline.ingest.ingest_task.read_chip", forbidden)
        assert len(run(frames).rejected) == 4
    settings = load_settings(lake, environment={})
    done = align(StageArguments(stored(lake), (str(frames),), settings, workers=WorkerSettings(0)))
    assert done.aligned == 2
    (visit,) = done.visits
    assert visit.common
    assert visit.offset == pytest.approx(np.hypot(0.5, 0.6), abs=0.005)
    assert "off alike" in str(visit)
    again = run(frames)
    assert (again.measured, again.rejected) == (4, [])
    rows = current(lake).values()
    assert all(abs(row["shift_x"]) < 0.15 and row["found_fraction"] > 0.9 for row in rows)
    with open_lake(lake) as opened:
        assert opened.sql("FROM rejects").rows() == []


@pytest.mark.parametrize("error", [{"turned": 0.1}, {"scaled": 1.002}])
def test_a_turned_or_scaled_header_is_refused(run, frames, error):
    for frame in frames.glob("*_flc.fits"):
        frame.unlink()
    for frame in frames.iterdir():
        off(frame, **error)
    assert {told["reason"] for told in run(frames).rejected} == {"off_position"}


def test_another_field_is_refused_and_no_offset_is_invented(run, lake, frames, small_visit, tmp_path):
    from cte_lake.pipeline.master_import import import_master

    lines = small_visit.master.read_text().splitlines()
    rng = np.random.default_rng(4)
    rows = [line.split() for line in lines]
    dec = np.array([float(row[4]) for row in rows])
    mixed = rng.permutation(dec)
    other = tmp_path / "other.cat"
    other.write_text("\n".join(" ".join([*row[:4], f"{d:.8f}"]) for row, d in zip(rows, mixed, strict=True)))
    import_master(stored(lake), other, "ngc104", load_settings(lake, environment={}).config)
    report = run(frames)
    assert report.measured == 0
    assert {told["stage"] for told in report.rejected} == {"position"}
    assert all("nowhere within 3 arcsec" in told["detail"] for told in report.rejected)


def test_limits_decide_numbers_where_they_refuse_nothing():
    def hashed(**admission):
        flags = {f"admission.{key}": value for key, value in admission.items()}
        return settings_hash(load_settings(None, flags, environment={}).config)

    assert hashed(max_shift=0.01) == hashed()
    assert len({hashed(), hashed(enabled=False), hashed(enabled=False, max_shift=0.01)}) == 3


@pytest.mark.slow
def test_other_limits_judge_again_without_measuring_again(run, lake, frames):
    run(frames)
    tighter = {"admission.max_shift": 1e-4, "admission.max_rms": 1e-4}
    report = run(frames, flags=tighter)
    assert (report.measured, report.withdrawn, len(report.rejected)) == (0, 4, 4)
    assert current(lake) == {}
    with open_lake(lake) as opened:
        assert {row["stage"] for row in opened.sql("FROM rejects").rows()} == {"position"}
    back = run(frames)
    assert (back.measured, back.renewed) == (0, 4)
    # Where nothing is refused the limits say whose apertures follow the stars.
    assert run(frames, flags=tighter | {"admission.enabled": False}).measured == 4


@pytest.mark.slow
def test_what_align_refuses_after_it_was_measured_is_withdrawn_and_shown(run, lake, frames):
    run(frames)
    settings = load_settings(lake, {"align.gate.max_rms": 1e-3}, environment={})
    done = align(StageArguments(stored(lake), (str(frames),), settings, workers=WorkerSettings(0)))
    assert (len(done.quarantined), done.withdrawn) == (2, 4)
    assert all("best offset" in told["detail"] for told in done.quarantined)
    with open_lake(lake) as opened:
        assert opened.sql("FROM exposures").rows() == []
        assert opened.sql("FROM phot").rows() == []
        assert {row["stage"] for row in opened.sql("FROM rejects").rows()} == {"align"}
    report = run(frames)
    assert (report.measured, report.withdrawn, len(report.rejected)) == (0, 0, 4)
    shown = CliRunner().invoke(app, ["status", "--lake", str(lake), "--json"])
    state = json.loads(shown.stdout)["state"]
    assert state["rejected"] == 4


@pytest.mark.slow
def test_a_file_gone_bad_is_withdrawn_and_a_bad_copy_takes_nothing(run, lake, frames, tmp_path):
    run(frames)
    path = frames / "ic7801aaq_flt.fits"
    copies = tmp_path / "copies"
    copies.mkdir()
    copy = copies / path.name
    copy.write_bytes(path.read_bytes()[:100_000])
    report = run(frames, copies)
    assert (report.withdrawn, len(report.rejected)) == (0, 1)
    assert len(current(lake)) == 4
    whole = path.read_bytes()
    path.write_bytes(whole[:100_000])
    report = run(frames)
    assert report.withdrawn == 1
    assert path.name not in current(lake)
    with open_lake(lake) as opened:
        assert str(path) in {row["path"] for row in opened.sql("FROM rejects").rows()}
    path.write_bytes(whole)
    assert run(frames).renewed == 1


@pytest.mark.slow
def test_ingest_alone_says_what_it_lacks(run, lake, frames):
    report = run(frames)
    assert "4 of 4 images have no cosmic-ray mask" in report.lacking
    assert "4 of 4 have the header's WCS" in report.lacking
    assert "`cte-lake run FOLDER`" in run(frames).lacking
    settings = load_settings(lake, environment={})
    align(StageArguments(stored(lake), (str(frames),), settings, workers=WorkerSettings(0)))
    assert "header's WCS" not in run(frames).lacking


def test_rounding_without_dither_is_recorded_and_told(run, lake, frames):
    source = frames / "ic7801aaq_flt.fits"
    packed = frames / "ic7801aaq_flt.fits.fz"
    with fits.open(source) as hdus:
        planes = [
            fits.CompImageHDU(hdu.data, hdu.header, quantize_level=4.0, quantize_method=-1)
            if hdu.name in {"SCI", "ERR"}
            else hdu.copy()
            for hdu in hdus[1:]
            if hdu.name not in {"HDRLET", "WCSCORR"}
        ]
        fits.HDUList([hdus[0].copy(), *planes]).writeto(packed)
    for frame in frames.glob("*.fits"):
        frame.unlink()
    report = run(frames)
    assert (report.measured, report.rounded) == (1, 1)
    assert any("without dither" in note for note in report.notes)
    (row,) = current(lake).values()
    assert row["quantum"] == pytest.approx(report.coarsest)
