"""Small parts of the report."""

from __future__ import annotations

import io
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cte_lake.correction.renewal import SetState
from cte_lake.errors import Rejected
from cte_lake.model.loss_unit import PERCENT
from cte_lake.report.charts import time_chart
from cte_lake.report.coefficients import coefficient_cells
from cte_lake.report.coverage import lines
from cte_lake.report.curves import suits
from cte_lake.report.frames import FEW, drawing_frames, frame_cells
from cte_lake.report.moves import latest_losses
from cte_lake.report.pairplot import DOT_UNIT, HEIGHT, SIZE, ratio_panels
from cte_lake.report.static import figures_of_last
from cte_lake.report.status import last_report, news
from cte_lake.report.tables import bin_table, date_text, pair_slug
from cte_lake.report.thumbnails import AVIF, JPEG, Format, Picture, _blocks, best_format, picture
from cte_lake.wording import word
from tests.model.sets import make_set
from tests.plots import samples


def _row(**changed: object) -> dict[str, object]:
    return {
        "target": "ngc104", "filter": "F502N", "length": "l", "flash": 0, "filetype": "flt", "chip": None,
        "pairing": "chips", "bin_lo": 500.0, "bin_hi": 2000.0, "aperture": 3, "estimator": "mean_flux",
        "epoch": 1, "epoch_mjd": 55400.0, "mjd": 55400.0, "n": 100, "cte_loss": 0.1, "cte_loss_err": 0.01,
        "pair_id": 7,
    } | changed  # fmt: skip


def test_latest_losses_are_weighted_means_of_the_last_epoch() -> None:
    rows = [
        _row(),
        _row(epoch=2, epoch_mjd=55800.0, cte_loss=0.2, cte_loss_err=0.01),
        _row(epoch=2, epoch_mjd=55800.0, cte_loss=0.5, cte_loss_err=0.02),
        _row(epoch=2, epoch_mjd=55800.0, cte_loss=0.9, cte_loss_err=None),
        _row(bin_lo=1.0),
    ]
    (found,) = latest_losses(rows, [(500.0, 2000.0)])
    # Weights 4 to 1: (4 * 0.2 + 0.5) / 5, and 1 / sqrt(10000 + 2500).
    assert found["cte_loss"] == pytest.approx(0.26)
    assert found["cte_loss_err"] == pytest.approx(0.00894427191)
    assert (found["n_pairs"], found["n"], found["mjd"]) == (2, 200, 55800.0)


def test_a_chart_shows_plain_data_first() -> None:
    rows = [_row(), _row(filetype="flc"), _row(flash=12), _row(bin_lo=2000.0, bin_hi=8000.0)]
    chart = time_chart(rows, {7: "pairs/x.html"})
    on = {facet["title"]: (facet["values"], facet["on"]) for facet in chart["facets"]}
    assert on["File type"] == (["FLT", "FLC"], [True, False])
    assert on["Post-flash"] == (["no flash", "flash 12 e\u207b/px"], [True, False])
    assert on["Flux bin"][1] == [True, True]
    assert chart["points"][0]["y"] == 10.0
    assert chart["points"][0]["link"] == "pairs/x.html"
    assert "10.00 ± 1.00 % (100 stars, pair 7)" in chart["points"][0]["text"]


def test_what_has_only_other_data_shows_that() -> None:
    chart = time_chart([_row(flash=33)], {})
    assert [facet["on"] for facet in chart["facets"] if facet["title"] == "Post-flash"] == [[True]]
    assert "link" not in chart["points"][0]


def test_dots_of_a_pair_stand_where_its_stars_are() -> None:
    stars = {"bin_lo": [1.0] * 3, "bin_hi": [2.0] * 3, "y": [0.0, 1024.0, 2050.0], "ratio": [0.9, 1.0, 1.1]}
    row = _row(bin_lo=1.0, bin_hi=2.0, slope=1e-4, slope_err=1e-5, intercept=0.9) | {
        "distance_mean": 1024.0,
        "distance_std": 590.0,
    }
    (panel,) = ratio_panels(stars | {"kept": [True, True, True]}, [row])
    steps = np.array(re.findall(r"m(-?\d+) ?(-?\d+)h0", panel.dots), dtype=float)
    places = np.cumsum(steps, axis=0) * DOT_UNIT
    assert places.shape == (3, 2)
    assert places[1, 1] == pytest.approx(panel.one, abs=DOT_UNIT)
    assert places[1, 0] == pytest.approx(panel.rows[1][0], abs=DOT_UNIT)
    # Up is larger, and equal steps in ratio are equal steps on the page.
    np.testing.assert_allclose(np.diff(places[:, 1]), np.diff(places[:, 1]).mean(), atol=2 * DOT_UNIT)
    assert places[0, 1] > places[2, 1]
    line = np.array(re.findall(r"[\d.]+", panel.line), dtype=float).reshape(-1, 2)
    assert line[0, 1] == pytest.approx(places[0, 1], abs=0.3)
    assert 0 < line[:, 1].min() < line[:, 1].max() < HEIGHT


def test_a_panel_says_its_slope_and_hides_no_star() -> None:
    count = 200
    ratio = np.linspace(0.9, 1.1, count)
    ratio[0], ratio[-1] = 0.2, 7.0
    stars = {"bin_lo": np.ones(count), "bin_hi": np.full(count, 2.0), "y": np.linspace(0, 2050, count)}
    row = _row(bin_lo=1.0, bin_hi=2.0, slope=2.58e-4, slope_err=1.1e-5, intercept=0.9, n=199, n_in_bin=200)
    row |= {"distance_mean": 1024.0, "distance_std": 590.0, "estimator": "log_ratio"}
    kept = np.arange(count) < count - 1
    (panel,) = ratio_panels(stars | {"ratio": ratio, "kept": kept}, [row])
    assert panel.slope == "ln ratio: (2.58 ± 0.11) × 10⁻⁴ /px"  # noqa: RUF001
    assert panel.clipped == "1 clipped"
    assert len(re.findall("h0", panel.dots)) == count - 1
    (place,) = re.findall(r"m(-?\d+) ?(-?\d+)h0", panel.out)
    assert int(place[1]) * DOT_UNIT == pytest.approx(SIZE["top"], abs=DOT_UNIT)


def test_a_pair_has_its_losses_in_both_units() -> None:
    row = _row(bin_lo=500.0, bin_hi=2000.0, slope=1e-4, slope_err=1e-5, cte_loss=0.1, cte_loss_err=0.01)
    row |= {"n_in_bin": 9, "mean_flux": 900.0, "background": 1.0, "estimator": "log_ratio"}
    heads, (line,) = bin_table([row])
    assert (line["loss"], line["mag"]) == ("10.00 ± 1.00", "0.1087 ± 0.0109")
    assert [head["title"] for head in heads if head["key"] in {"loss", "mag"}] == ["Loss (%)", "Loss (mag)"]


def test_the_band_is_narrowest_at_the_stars_mean_row() -> None:
    stars = samples.stars(many=200)
    columns = {name: stars[name].to_numpy(zero_copy_only=False) for name in stars.column_names}
    bins = [_row(**row) for row in samples.fits().to_pylist()]
    panel = ratio_panels(columns, bins)[0]
    edge = np.array(re.findall(r"[\d.]+", panel.band), dtype=float).reshape(-1, 2)
    width = np.abs(edge[:9, 1] - edge[9:, 1][::-1])
    assert width.argmin() == 4
    assert width[0] == pytest.approx(width[4] * np.hypot(1, 1024 / 592), rel=0.1)


def test_a_bin_without_slope_has_no_line() -> None:
    row = _row(bin_lo=1.0, bin_hi=2.0, slope=None, intercept=None, slope_err=None, cte_loss=None, n=1)
    stars = {"bin_lo": [1.0], "bin_hi": [2.0], "y": [5.0], "ratio": [1.0], "kept": [True]}
    (panel,) = ratio_panels(stars, [row])
    assert (panel.line, panel.band, panel.note) == ("", "", "no slope from 1 star")


def test_figures_are_taken_over_whole_or_not_at_all(tmp_path: Path) -> None:
    before, work = tmp_path / "before", tmp_path / "work"
    for folder in (before / "figures", before / "data", work / "data"):
        folder.mkdir(parents=True)
    cells = {"name": "focus"}
    last = {"figures_state": "a", "figures": {}, "more_figures": [], "quality_figures": [cells]}
    for file in ("figures/focus.png", "figures/focus.svg"):
        (before / file).write_text(file)
    assert figures_of_last(last, "a", before, work) == []
    (before / "data/focus.csv").write_text("1")
    assert figures_of_last(last, "b", before, work) == figures_of_last(None, "a", before, work) == []
    assert not (work / "figures").exists()
    assert figures_of_last(last, "a", before, work) == [cells]
    assert (work / "figures/focus.svg").read_text() == "figures/focus.svg"
    assert (work / "data/focus.csv").read_text() == "1"


def test_news() -> None:
    last = {"images": {"a": "1", "b": "1", "c": "1"}, "made": "2026-01-01T00:00:00+00:00"}
    found = news({"a": "1", "b": "2", "d": "1"}, last)
    assert (found["new"], found["changed"], found["gone"]) == (["d"], ["b"], ["c"])
    assert found["text"] == "1 new image, 1 measured again, 1 gone"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 99, "images": {}}'])
def test_a_broken_last_report_is_none(content: str, tmp_path: Path) -> None:
    (tmp_path / "latest").mkdir()
    (tmp_path / "latest" / "report.json").write_text(content)
    assert last_report(tmp_path) is None


def test_texts() -> None:
    assert date_text(57601.3) == "2016-08-01"
    assert date_text(None) is None
    assert PERCENT.text(0.1234, 0.0056) == "12.34 ± 0.56"
    assert PERCENT.text(None, None) is None
    assert pair_slug({"image_1": "a_flt.fits", "image_2": "b_flt.fits"}) == "a_flt-b_flt"


def test_a_picture_is_the_mean_of_its_blocks(shared: Path) -> None:
    path = sorted((shared / "frames" / "ngc104").rglob("*flc.fits.fz"))[0]
    small, large = picture(path, 2, 171), picture(path, 2, 342)
    assert small.step == 2 * large.step
    ny, nx = small.pixels.shape
    cut = large.pixels[: 2 * ny, : 2 * nx].reshape(ny, 2, nx, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(small.pixels, cut, rtol=1e-4, atol=1e-3)


def test_a_picture_leaves_bad_pixels_out(tmp_path: Path) -> None:
    pixels = np.arange(48, dtype=">f4").reshape(6, 8)
    pixels[0, 0] = np.nan
    pixels[2:4, 6:8] = np.inf
    found = _blocks(pixels, 2)
    assert found[0, 0] == pytest.approx((1 + 8 + 9) / 3)
    assert np.isnan(found[1, 3])
    assert found[2, 1] == pytest.approx(np.mean([34, 35, 42, 43]))


@pytest.mark.parametrize("form", [AVIF, JPEG], ids=["avif", "jpeg"])
def test_a_picture_is_stored_small_and_the_right_way_up(form: Format) -> None:
    if form is AVIF and best_format() is not AVIF:
        pytest.skip("this Pillow writes no AVIF")
    noise = np.random.default_rng(3)
    pixels = noise.normal(1.5, 0.5, (form.long_side // 2, form.long_side))
    pixels[-20:, :20] += 500.0
    stored = Picture(pixels, 8).encoded(form)
    assert len(stored) < 30_000
    with Image.open(io.BytesIO(stored)) as opened:
        shades = np.asarray(opened.convert("L"), dtype=float)
    assert shades.shape == pixels.shape
    # A star in the last row of the chip is dark, and at the top of the picture.
    assert shades[:15, :15].mean() < 60 < 200 < shades[-15:, :15].mean()


def test_a_frame_that_is_gone_says_so(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match="is not there any more"):
        picture(tmp_path / "gone.fits", 1, 360)


def _drawn(rows: list[dict[str, Any]], folder: Path, *others: Any, workers: int = 0) -> dict[str, Any]:
    last, last_folder, seconds = others or (None, folder / "none", 3600.0)
    with drawing_frames(rows, folder, last, last_folder, seconds, workers) as frames:
        return frames()


def _frame_row(path: Path, **changed: Any) -> dict[str, Any]:
    row = {"imagename": "a_flc.fits", "mjd": 1.0, "chip": 2, "path": str(path), "checksum": "x", "n_stars": 9}
    return row | changed


@pytest.fixture
def frame(shared: Path) -> Path:
    return sorted((shared / "frames" / "ngc104").rglob("*flc.fits.fz"))[0]


def test_a_picture_is_drawn_once(frame: Path, tmp_path: Path) -> None:
    row, one = _frame_row(frame), tmp_path / "one"
    first = _drawn([row], one)
    file = first["a_flc.fits"]["file"]
    assert file == f"a_flc{best_format().suffix}"
    gone = row | {"path": "/nowhere.fits"}
    again = _drawn([gone], tmp_path / "two", {"frames": first}, one, 60.0)
    assert again == first
    assert (tmp_path / "two" / file).read_bytes() == (one / file).read_bytes()
    changed = _drawn([gone | {"checksum": "y"}], tmp_path / "three", {"frames": first}, one, 60.0)
    assert "is not there any more" in changed["a_flc.fits"]["missing"]
    late = _drawn([row], tmp_path / "four", None, one, -1.0)
    assert "for want of time" in late["a_flc.fits"]["missing"]


def test_a_frame_that_gave_no_picture_is_not_tried_again_as_it_is(tmp_path: Path) -> None:
    frame = tmp_path / "a_flc.fits"

    def tried(name: str, last: dict[str, Any]) -> dict[str, Any]:
        # Without time, whatever is tried says so.
        seconds = 60.0 if "once" in name else -1.0
        return _drawn([_frame_row(frame)], tmp_path / name, {"frames": last}, tmp_path, seconds)

    gone = tried("gone once", {})
    assert "is not there any more" in gone["a_flc.fits"]["missing"]
    assert tried("gone", gone) == gone
    frame.write_bytes(b"no frame")
    assert "for want of time" in tried("there", gone)["a_flc.fits"]["missing"]
    bad = tried("there once", gone)
    assert "No picture" in bad["a_flc.fits"]["missing"]
    assert tried("bad", bad) == bad
    late = tried("late", {})
    assert "No picture" in tried("late once", late)["a_flc.fits"]["missing"]


def test_an_old_picture_outlives_the_report_that_drew_it(frame: Path, tmp_path: Path) -> None:
    first = _drawn([_frame_row(frame)], tmp_path / "one")
    file = first["a_flc.fits"]["file"]
    stored = (tmp_path / "one" / file).read_bytes()
    _drawn([_frame_row(frame)], tmp_path / "two", {"frames": first}, tmp_path / "one", 60.0)
    shutil.rmtree(tmp_path / "one")
    assert (tmp_path / "two" / file).read_bytes() == stored


@pytest.mark.slow
def test_many_frames_are_drawn_by_workers_to_the_same_pictures(frame: Path, tmp_path: Path) -> None:
    rows = [_frame_row(frame, imagename=f"{number}_flc.fits") for number in range(FEW)]
    rows.append(_frame_row(tmp_path / "gone.fits", imagename="gone_flc.fits"))
    alone, together = _drawn(rows, tmp_path / "one"), _drawn(rows, tmp_path / "two", workers=2)
    assert together == alone
    assert "is not there any more" in together["gone_flc.fits"]["missing"]
    for name in ("0_flc", f"{FEW - 1}_flc"):
        file = f"{name}{best_format().suffix}"
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_the_newest_pictures_are_sharp_and_older_ones_are_halved(
    frame: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cte_lake.report.frames.SHARP", 1)
    old, new = _frame_row(frame), _frame_row(frame, imagename="b_flc.fits", mjd=2.0)
    first = _drawn([old], tmp_path / "one")
    second = _drawn(
        [old | {"path": "/gone"}, new], tmp_path / "two", {"frames": first}, tmp_path / "one", 60.0
    )
    assert [second[name]["sharp"] for name in ("a_flc.fits", "b_flc.fits")] == [False, True]
    large, small = second["b_flc.fits"], second["a_flc.fits"]
    assert small["step"] == 2 * large["step"]
    for one in (large, small):
        with Image.open(tmp_path / "two" / one["file"]) as opened:
            assert opened.size == (one["width"], one["height"])
    # What was small when it was made becomes sharp as long as its frame is there.
    assert _drawn([old], tmp_path / "three", {"frames": second}, tmp_path / "two", 60.0)["a_flc.fits"][
        "sharp"
    ]
    gone = _drawn([old | {"path": "/gone"}], tmp_path / "four", {"frames": second}, tmp_path / "two", 60.0)
    assert gone["a_flc.fits"] == small


def test_circles_stand_on_their_stars() -> None:
    drawn = {"file": "a.avif", "width": 107, "height": 342, "step": 6}
    row = {"imagename": "a_flc.fits", "chip": 1, "n_stars": 3}
    cells = frame_cells(row, drawn, {"x": [0.0, 599.5], "y": [0.0, 2045.5]})
    # Pixel (0, 0) is the lower left of the picture, whose y counts from above.
    assert cells["stars"] == "0.1,341.9 100.0,1.0"
    assert cells["readout"] == "towards the top"


def test_a_set_of_several_flash_levels_is_shown_and_drawn_over_each(tmp_path: Path) -> None:
    selection = {"target": "ngc104", "filter": "F502N", "length": "l", "flash": "0,12"}
    one = replace(make_set(), selection=selection)
    assert word("flash", "0,12") == "no flash, flash 12 e\u207b/px"
    assert "no flash, flash 12" in coefficient_cells([SetState(one, "current")], tmp_path)[0]["text"]
    told = {"chinject": "NONE", "generation": "flt", "robust": "huber", "form": "relative"}
    state = SetState(replace(one, selection=selection | told), "superseded", "replaced by another", False)
    cells = coefficient_cells([state], tmp_path)[0]
    assert "flash 12 e\u207b/px, huber weights, relative form. Rests on" in cells["text"]
    assert cells["age"].endswith("; replaced by another")
    assert [suits(one, _row(flash=flash)) for flash in (0, 12, 1, 33)] == [True, True, False, False]


def test_the_first_gaps_are_named_and_the_others_counted():
    gaps = {"overdue": ["late"], "incomplete": [f"visit {n}" for n in range(5)], "planned": ["a plan"]}
    rest = "... and 2 more; `cte-lake coverage` lists them"
    assert lines(gaps, 4) == ["late", "visit 0", "visit 1", "visit 2", "visit 3", rest]
    assert lines(gaps, 6)[-1] == "a plan"
