"""Every kind of figure, from a lake: the rows that it shows are the lake's."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest

from cte_lake import Lake, open_lake
from cte_lake.correction.fit_lake import fit_lake
from cte_lake.correction.followed import FitRequest
from cte_lake.errors import NothingToDo, UsageError
from cte_lake.lake.selection import Selection
from cte_lake.report.figures import KINDS, Request, draw
from cte_lake.report.figures.request import bins_in
from tests.plots.samples import TIME_BINS
from tests.report.big_lake import make_lake

ASKED = Request(time_bins=TIME_BINS)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_lake(tmp_path_factory.mktemp("figures") / "lake", images=32, stars=1500)


@pytest.fixture(scope="module")
def lake(root: Path) -> Iterator[Lake]:
    with open_lake(root) as opened:
        yield opened


def test_time_shows_plain_pairs_unless_told_otherwise(lake: Lake) -> None:
    drawing = draw("cte-time", lake, ASKED)
    table = drawing.tables["losses"]
    assert set(table["filetype"].to_pylist()) == {"flt"}
    assert set(table["flash"].to_pylist()) == {0}
    assert set(table["estimator"].to_pylist()) == {"log_ratio"}
    assert drawing.said[0] == "shown: --flash 0 --filetype flt"
    everything = Request(selection=Selection(filetype=("FLC",), flash=(12, 33)), time_bins=TIME_BINS)
    other = draw("cte-time", lake, everything).tables["losses"]
    assert set(other["filetype"].to_pylist()) == {"flc"}
    assert set(other["flash"].to_pylist()) == {12, 33}


def test_bins_can_be_chosen(lake: Lake) -> None:
    asked = Request(bins=((250.0, 500.0),), time_bins=TIME_BINS)
    table = draw("cte-time", lake, asked).tables["losses"]
    assert set(zip(table["bin_lo"].to_pylist(), table["bin_hi"].to_pylist(), strict=True)) == {(250.0, 500.0)}
    with pytest.raises(NothingToDo, match=r"none of the flux bins .* there are 250-500, 500-1000"):
        draw("cte-time", lake, Request(bins=((1.0, 2.0),), time_bins=TIME_BINS))


def test_flux_shows_no_star_twice(lake: Lake) -> None:
    table = draw("cte-flux", lake, ASKED).tables["losses"]
    bins = sorted(set(zip(table["bin_lo"].to_pylist(), table["bin_hi"].to_pylist(), strict=True)))
    assert all(one[1] <= other[0] for one, other in pairwise(bins))
    assert len(bins) == 6


def test_flash_shows_every_level(lake: Lake) -> None:
    table = draw("cte-flash", lake, ASKED).tables["losses"]
    assert set(table["flash"].to_pylist()) == {0, 12, 33}
    by_epoch = {epoch: set() for epoch in table["epoch"].to_pylist()}
    for row in table.to_pylist():
        by_epoch[row["epoch"]].add(row["flash"])
    assert {len(levels) for levels in by_epoch.values()} == {2}


@pytest.mark.slow
def test_ratio_shows_the_stars_of_the_slope(lake: Lake) -> None:
    pair = lake.pairs(filetype="flt").rows()[-1]
    asked = Request(pair=pair["pair_id"], estimator="mean_flux", time_bins=TIME_BINS)
    drawing = draw("ratio-y", lake, asked)
    stars, fits = drawing.tables["stars"], drawing.tables["fits"].to_pylist()
    assert len(fits) == 6
    rows = lake.slopes(pair_id=pair["pair_id"], estimator="mean_flux").rows()
    slopes = {(row["bin_lo"], row["bin_hi"]): row for row in rows}
    for fit in fits:
        bin_ = (fit["bin_lo"], fit["bin_hi"])
        here = stars.filter(pc.equal(stars["bin_lo"], fit["bin_lo"]))
        kept = here.filter(here["kept"])
        assert kept.num_rows == slopes[bin_]["n"]
        assert here.num_rows == slopes[bin_]["n_in_bin"]
        y, ratio = kept["y"].to_numpy(), kept["ratio"].to_numpy()
        slope, intercept = np.polyfit(y, ratio, 1)
        assert fit["slope"] == pytest.approx(slope, rel=1e-9)
        assert fit["intercept"] == pytest.approx(intercept, rel=1e-9)
        assert fit["distance_mean"] == pytest.approx(y.mean())
        assert fit["distance_std"] == pytest.approx(y.std())


@pytest.mark.slow
def test_ratio_of_the_logarithm_shows_its_line_and_its_stars(lake: Lake) -> None:
    pair = lake.pairs(filetype="flt").rows()[-1]
    asked = Request(pair=pair["pair_id"], estimator="log_ratio", time_bins=TIME_BINS)
    drawing = draw("ratio-y", lake, asked)
    stars, fits = drawing.tables["stars"], drawing.tables["fits"].to_pylist()
    assert len(fits) == 6
    for fit, axes in zip(fits, drawing.figure.axes, strict=False):
        here = stars.filter(pc.equal(stars["bin_lo"], fit["bin_lo"]))
        kept = here.filter(here["kept"])
        assert kept.num_rows == fit["n"]
        slope, intercept = np.polyfit(kept["y"].to_numpy(), np.log(kept["ratio"].to_numpy()), 1)
        assert fit["slope"] == pytest.approx(slope, rel=1e-9)
        drawn = [line.get_xydata() for line in axes.lines if len(line.get_xdata()) == 60]
        assert drawn
        for x, y in (points[-1] for points in drawn):
            assert y == pytest.approx(np.exp(intercept + slope * x), rel=1e-9)


@pytest.mark.slow
def test_ratio_takes_the_newest_pair_and_says_so(lake: Lake) -> None:
    drawing = draw("ratio-y", lake, ASKED)
    newest = max(lake.pairs(filetype="flt").rows(), key=lambda row: row["mjd"])
    assert drawing.said == (f"this is the newest of 16 pairs, {newest['pair_id']}; --pair names another",)


@pytest.mark.slow
def test_background_is_about_far_stars(lake: Lake) -> None:
    drawing = draw("flux-background", lake, ASKED)
    stars, means = drawing.tables["stars"], drawing.tables["means"].to_pylist()
    assert min(stars["distance"].to_pylist()) > 1750
    levels = {(row["bin_lo"], row["level"]): row for row in means}
    assert {round(row["background"], 1) for row in means} == {1.5, 13.5, 34.5}
    # Post-flash keeps flux: what is left rises with the background, most for faint stars.
    faint = [row["mean"] for key, row in sorted(levels.items()) if key[0] == 500.0]
    assert faint == sorted(faint)
    assert faint[0] < 0.97
    one = means[0]
    shares = np.array(
        [
            row["kept_flux"]
            for row in stars.to_pylist()
            if (row["bin_lo"], row["bin_hi"], row["level"]) == (one["bin_lo"], one["bin_hi"], one["level"])
        ]
    )
    from scipy.stats import sigmaclip

    assert one["mean"] == pytest.approx(sigmaclip(shares, 4, 4)[0].mean(), rel=1e-12)


def test_recovery_compares_both_file_types(lake: Lake) -> None:
    table = draw("recovery", lake, ASKED).tables["recovery"]
    assert set(table["far"].to_pylist()) == {True, False}
    assert {(100.0, 250.0), (250.0, 500.0)} <= set(bins_in(table))
    for row in table.to_pylist():
        assert row["n_flt"] + row["n_lost"] + row["n_unjudged"] == row["n_flc"] > 0
        assert 0 <= row["recovered_low"] <= row["recovered"] <= row["recovered_high"] <= 1
    with pytest.raises(UsageError, match="leave --filetype out"):
        draw("recovery", lake, Request(selection=Selection(filetype=("flt",)), time_bins=TIME_BINS))


def test_star_history(lake: Lake) -> None:
    table = draw("star", lake, Request(star=17, time_bins=TIME_BINS)).tables["history"]
    assert set(table["master_id"].to_pylist()) == {17}
    assert table.num_rows == 32
    with pytest.raises(NothingToDo, match="star 99999 was measured in no exposure"):
        draw("star", lake, Request(star=99999))
    with pytest.raises(UsageError, match="--star NUMBER"):
        draw("star", lake, ASKED)


def test_overview_counts_the_exposures(lake: Lake) -> None:
    table = draw("overview", lake, ASKED).tables["coverage"]
    assert sum(table["n_exposures"].to_pylist()) == 32
    assert sum(table["n_pairs"].to_pylist()) == 16
    assert sum(table["n_flt"].to_pylist()) == sum(table["n_flc"].to_pylist()) == 16


@pytest.mark.slow
def test_compare_of_a_lake_with_itself_shows_no_difference(lake: Lake, root: Path) -> None:
    with open_lake(root) as other:
        asked = Request(time_bins=TIME_BINS, other=other, names=("one", "other"))
        drawing = draw("compare", lake, asked)
    table = drawing.tables["losses"]
    assert table.num_rows == 48
    # Slopes of two runs of several threads agree to rounding.
    np.testing.assert_allclose(table["cte_loss_1"].to_numpy(), table["cte_loss_2"].to_numpy(), atol=1e-12)
    assert "+0.000 %" in drawing.said[0] or "-0.000 %" in drawing.said[0]
    with pytest.raises(UsageError, match="--with-mode"):
        draw("compare", lake, ASKED)


@pytest.mark.slow
def test_a_fitted_model_takes_the_loss_away(lake: Lake) -> None:
    wanted = FitRequest(Selection(target=("NGC 104",), filetype=("flt",), length=("l",), flash=(0,)))
    fitted = fit_lake(lake, wanted, "hash", "set")
    asked = Request(time_bins=TIME_BINS, coefficients=(fitted.coefficients,))
    drawing = draw("model-vs-data", lake, asked)
    rows = drawing.tables["losses"].to_pylist()
    left = {state: [row for row in rows if row["state"] == state] for state in ("measured", "corrected")}
    assert len(left["measured"]) == len(left["corrected"]) == 12
    size = {state: np.mean([abs(row["cte_loss"]) for row in part]) for state, part in left.items()}
    assert size["corrected"] < 0.25 * size["measured"]
    pulls = [row["cte_loss"] / row["cte_loss_err"] for row in left["corrected"]]
    assert np.abs(np.mean(pulls)) < 1.5
    curves = drawing.tables["curves"].to_pylist()
    assert {row["coefficients"] for row in curves} == {"set"}
    flux = draw("cte-flux", lake, asked).tables
    assert set(flux["curves"]["epoch"].to_pylist()) <= set(flux["losses"]["epoch"].to_pylist())


def test_without_a_model_there_is_none_to_show(lake: Lake) -> None:
    with pytest.raises(NothingToDo, match="no coefficient set"):
        draw("model-vs-data", lake, ASKED)


@pytest.mark.parametrize("kind", ["cte-180", "cte-180-overlay"])
def test_without_a_rolled_set_there_is_none_to_show(kind: str, lake: Lake) -> None:
    with pytest.raises(NothingToDo, match="nothing to plot for all exposures"):
        draw(kind, lake, ASKED)


def test_a_frame_that_is_gone_is_said(lake: Lake) -> None:
    from cte_lake.errors import Rejected

    with pytest.raises(Rejected, match="is not there any more"):
        draw("field", lake, ASKED)


def test_kinds() -> None:
    assert len(KINDS) == 17
    assert all(words and words[0].islower() for words, _ in KINDS.values())


@pytest.mark.slow
def test_displacement_is_the_views_of_one_generation(lake: Lake) -> None:
    table = draw("displacement", lake, ASKED).tables["displacement"]
    rows = table.to_pylist()
    assert {row["against"] for row in rows} == {"bright"}
    stated = {(row["pair_id"], row["bin_lo"]): row["displacement"] for row in lake.displacement()}
    # A query of fewer pairs may take its sums in another order.
    expected = [stated[row["pair_id"], row["bin_lo"]] for row in rows]
    assert [row["displacement"] for row in rows] == pytest.approx(expected, rel=1e-9, abs=1e-12)
    one = draw("displacement", lake, Request(Selection(filetype=("flc",)), bins=((500.0, 1000.0),)))
    assert {row["filetype"] for row in one.tables["displacement"].to_pylist()} == {"flc"}
    assert bins_in(one.tables["displacement"]) == [(500.0, 1000.0)]


def test_growth_is_of_one_image_and_focus_of_all(lake: Lake) -> None:
    drawing = draw("growth", lake, ASKED)
    table = drawing.tables["growth"]
    (image,) = set(table["imagename"].to_pylist())
    assert image in drawing.said[0]
    assert sorted(set(table["aperture"].to_pylist())) == [2, 3, 5, 7]
    asked = min(row["imagename"] for row in lake.exposures())
    other = draw("growth", lake, Request(image=asked))
    assert set(other.tables["growth"]["imagename"].to_pylist()) == {asked} != {image}
    focus = draw("focus", lake, ASKED).tables["focus"].to_pylist()
    assert {row["filetype"] for row in focus} == {"flc"}
    assert len(focus) == 16
    with pytest.raises(NothingToDo):
        draw("growth", lake, Request(image="none.fits"))
