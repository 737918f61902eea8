"""Palette, limits, axes and words."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from cte_lake.errors import UsageError
from cte_lake.plots.axes import limits, log_axis
from cte_lake.plots.palette import MARKERS, PALETTE, colour, marker, sequence
from cte_lake.plots.series import split
from cte_lake.plots.style import save
from cte_lake.wording import (
    bin_text,
    count_text,
    mjd_of,
    target_text,
    with_capital,
    word,
    year_of,
)

# Machado, Oliveira & Fernandes (2009), severity 1.0, linear RGB.
DEFICIENCIES = {
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}


def _lab(rgb: np.ndarray, matrix: object) -> np.ndarray:
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.asarray(matrix) @ linear, 0, 1)
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ seen
    f = np.cbrt(xyz / np.array([0.9505, 1.0, 1.089]))
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_colours_are_told_apart_by_colour_blind_readers(deficiency: str) -> None:
    matrix = DEFICIENCIES[deficiency]
    seen = {shade: _lab(np.array(to_rgb(shade)), matrix) for shade in PALETTE}
    for one, other in combinations(PALETTE, 2):
        # A difference of 10 in CIELAB is plain to see side by side.
        assert np.linalg.norm(seen[one] - seen[other]) > 10, (one, other)


def test_series_differ_in_more_than_colour() -> None:
    assert len({marker(number) for number in range(7)}) == len(MARKERS) == 7
    assert colour(7) == colour(0)


def test_ordered_colours_get_lighter() -> None:
    lightness = [_lab(np.array(to_rgb(shade)), np.eye(3))[0] for shade in sequence(9)]
    assert lightness == sorted(lightness)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30))
def test_limits_hold_every_value(values: list[float]) -> None:
    low, high = limits(values)
    assert low < min(values)
    assert high > max(values)


def test_limits_are_not_ruled_by_one_wild_error_bar() -> None:
    low, high = limits([1.0, 2.0, 3.0], [0.1, 0.1, 500.0])
    assert -2 < low < 1
    assert 3 < high < 6


@pytest.mark.parametrize(("values", "expected"), [([], (0.0, 1.0)), ([np.nan], (0.0, 1.0))])
def test_limits_of_nothing(values: list[float], expected: tuple[float, float]) -> None:
    assert limits(values) == expected


def test_limits_of_one_date_are_a_year_about_it() -> None:
    low, high = limits([2016.5], smallest=1.0, margin=0.0)
    assert (low, high) == (2016.0, 2017.0)


def test_dates_go_both_ways() -> None:
    assert float(year_of(51544.5)) == 2000.0
    np.testing.assert_allclose(mjd_of(year_of([55106.0, 57601.3])), [55106.0, 57601.3])


def test_log_axis_has_plain_numbers() -> None:
    figure = Figure()
    axes = figure.add_subplot()
    axes.set_xlim(300, 20000)
    log_axis(axes)
    figure.draw_without_rendering()
    shown = [tick.get_text() for tick in axes.get_xticklabels()]
    assert {"500", "1000", "2000", "5000", "10000", "20000"} <= set(shown)


def test_save_refuses_what_it_cannot_write(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"does not end in \.png, \.pdf, \.svg"):
        save(Figure(), tmp_path / "figure.gif")


def test_words() -> None:
    assert target_text("ngc104") == "NGC 104"
    assert target_text("omega-cen") == "omega-cen"
    assert bin_text(500, 2000) == "500\u20132000 e\u207b"
    assert count_text(1, "pair") == "1 pair"
    assert count_text(12345, "star") == "12,345 stars"
    assert word("flash", 0) == "no flash"
    assert word("filetype", "flc") == "FLC"


def test_only_what_differs_makes_series() -> None:
    table = {"target": ["a", "b", "a"], "flash": [0, 0, 0], "filetype": ["flt", "flt", "flc"]}
    parts = split(table)
    assert parts.shared == "no flash"
    assert [series.label for series in parts.series] == ["a, FLT", "a, FLC", "b, FLT"]
    assert [series.filled for series in parts.series] == [True, False, True]
    assert parts.series[0].colour == parts.series[1].colour != parts.series[2].colour
    assert [int(series.index.sum()) for series in parts.series] == [1, 1, 1]


def test_a_column_without_values_is_left_unsaid() -> None:
    parts = split({"target": ["a", "a"], "chip": [None, None]})
    assert parts.shared == "a"


@pytest.mark.parametrize(
    ("caption", "shown"),
    [
        ("bars: 1 sigma", "Bars: 1 sigma"),
        ("ic7801abq_flt.fits over ic7801aaq_flt.fits", "ic7801abq_flt.fits over ic7801aaq_flt.fits"),
        ("", ""),
    ],
)
def test_a_caption_begins_with_a_capital_and_leaves_names_alone(caption: str, shown: str) -> None:
    assert with_capital(caption) == shown
