import numpy as np
import pytest

from cte_lake.model.consistency import compare, published


def rows(count, filetype, flux, background, mjd, loss, error=0.005, filter_="F502N"):
    return {
        "mjd": np.full(count, 0.0) + mjd, "cte_loss": np.full(count, 0.0) + loss,
        "cte_loss_err": np.full(count, error), "bin_lo": np.full(count, float(flux[0])),
        "bin_hi": np.full(count, float(flux[1])), "background": np.full(count, 0.0) + background,
        "filetype": [filetype] * count, "filter": [filter_] * count,
    }  # fmt: skip


def joined(*tables):
    return {name: np.concatenate([np.asarray(t[name]) for t in tables]) for name in tables[0]}


def by_key(table):
    return {row.key: row for row in compare(table)}


def test_an_empty_lake_has_no_data():
    result = compare(rows(0, "flt", (500, 2000), 2.0, 57000.0, 0.1))
    assert [row.verdict for row in result] == ["no data"] * len(published()["case"])
    assert all(row.measured is None and row.pairs == 0 for row in result)


def test_values_as_published_are_consistent():
    mjd = np.linspace(55106, 60000, 20)
    growth = rows(20, "flt", (500, 2000), 2.0, mjd, 0.05 / 1.0857 * (mjd - 55000) / 365.25)
    level = rows(4, "flt", (500, 2000), 22.0, 60400.0, -np.log(1 - 0.23) * 2048 / 2051)
    over = rows(4, "flc", (8000, 20000), 60.0, 60400.0, np.log(0.98))
    result = by_key(joined(growth, level, over))
    assert result["rate_faint_low_background"].measured == pytest.approx(0.05, rel=0.01)
    assert result["loss_faint_flashed_flt"].measured == pytest.approx(0.23, abs=1e-6)
    assert result["overcorrection_bright_60"].measured < 0
    for key in ("rate_faint_low_background", "loss_faint_flashed_flt", "overcorrection_bright_60"):
        assert result[key].verdict == "consistent", key
    assert result["loss_faint_flashed_flc"].verdict == "no data"


def test_another_value_differs():
    result = by_key(rows(4, "flt", (500, 2000), 22.0, 60400.0, 0.5))
    assert result["loss_faint_flashed_flt"].verdict == "differs"
    assert "standard errors" in result["loss_faint_flashed_flt"].note


def test_other_filters_bins_and_short_spans_do_not_count():
    other = rows(4, "flt", (500, 2000), 22.0, 60400.0, 0.26, filter_="F606W")
    assert by_key(other)["loss_faint_flashed_flt"].verdict == "no data"
    short = rows(6, "flt", (500, 2000), 2.0, np.linspace(57000, 57200, 6), 0.1)
    assert "years" in by_key(short)["rate_faint_low_background"].note
    wider = rows(4, "flc", (8000, 32000), 60.0, 60400.0, np.log(0.98))
    assert by_key(wider)["overcorrection_bright_60"].pairs == 4


def test_background_beyond_which_little_is_saved():
    sky = np.array([0.0, 5.0, 10.0, 20.0, 40.0, 80.0])
    gain = 0.6
    loss = 0.1 + gain / (1.0 + sky / 10.0)
    result = by_key(rows(6, "flt", (500, 2000), sky, 60400.0, loss))["recommended_background"]
    best = result.measured
    saved = gain / (1 + best / 10) - gain / (1 + (best + 10) / 10)
    assert saved * 2051 / 2048 == pytest.approx(0.05, rel=1e-3)
