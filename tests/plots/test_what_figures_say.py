"""What figures must say and show, whatever they look like: legends, units, models, gaps, sizes for print."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from cte_lake.errors import UsageError
from cte_lake.model.loss_unit import MAGNITUDES, PERCENT, loss_unit
from cte_lake.plots.background import background_plot
from cte_lake.plots.epochs import epochs_of
from cte_lake.plots.flash import flash_plot
from cte_lake.plots.flux import flux_plot
from cte_lake.plots.ratio import ratio_plot
from cte_lake.plots.recovery import recovery_plot
from cte_lake.plots.rolled import overlay_plot
from cte_lake.plots.stretch import round_levels
from cte_lake.plots.style import COLUMN, MOST_IN_LEGEND, PAGE, Paper, caption_of, drawn_for
from cte_lake.plots.time import time_plot
from cte_lake.wording import power_text
from tests.plots import samples

FEW, OTHERS = samples.EPOCHS[:3], samples.EPOCHS[4:7]


def two_targets(**options: object) -> pa.Table:
    """Two clusters that were observed on different dates."""
    one = samples.losses(("ngc104",), epochs=FEW, **options)
    return pa.concat_tables([one, samples.losses(("ngc6791",), epochs=OTHERS, **options)])


def texts(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(Text))


def named(axes: Axes) -> list[str]:
    legend = axes.get_legend()
    return [] if legend is None else [text.get_text() for text in legend.get_texts()]


def main_panels(figure: Figure) -> list[Axes]:
    return [axes for axes in figure.axes if axes.get_title(loc="left")]


def points(axes: Axes) -> np.ndarray:
    """Places of the points with error bars of a panel."""
    return np.concatenate([bars.lines[0].get_xydata() for bars in axes.containers])


@pytest.mark.parametrize("filetypes", [("flt",), ("flt", "flc")])
def test_a_panel_of_losses_against_flux_names_the_epochs_in_it(filetypes: tuple[str, ...]) -> None:
    panels = main_panels(flux_plot(two_targets(bins=samples.FLUX_BINS, filetypes=filetypes)))
    kinds = ["FLT", "FLC"] if len(filetypes) > 1 else []
    assert [named(panel) for panel in panels] == [
        ["2009.75", "2010.74", "2011.80", *kinds],
        ["2014.04", "2015.09", "2015.54", *kinds],
    ]


@pytest.mark.parametrize("count", [1, 3, 30])
def test_epochs_are_named_once(count: int) -> None:
    epochs = tuple(np.linspace(55106, 60600, count))
    flux = flux_plot(samples.losses(("ngc104",), samples.FLUX_BINS, epochs=epochs))
    flash = flash_plot(samples.losses(flashes=(0, 12), filetypes=("flt", "flc"), epochs=epochs))
    entries = [text.get_text() for legend in flash.legends for text in legend.get_texts()]
    if count > MOST_IN_LEGEND:
        assert named(flux.axes[0]) == []
        assert entries == ["FLT", "FLC"]
        assert all("Epoch (year)" in texts(figure) for figure in (flux, flash))
    else:
        assert len(named(flux.axes[0])) == count
        assert len(entries) == count + 2


def test_targets_observed_a_day_apart_share_an_epoch() -> None:
    epochs = epochs_of({"mjd": [57601.0, 57602.0, 57901.0]})
    assert epochs.years == [2016.58, 2017.4]
    assert epochs.of_row.tolist() == [2016.58, 2016.58, 2017.4]


def test_flc_has_open_markers_and_flt_filled_ones() -> None:
    epochs = epochs_of({"mjd": [57601.0, 57601.0], "filetype": ["flt", "flc"]})
    looks = {one.filled: one.index.tolist() for one in epochs.series(np.ones(2, dtype=bool))}
    assert looks == {True: [True, False], False: [False, True]}


def test_no_curve_leaves_its_panel() -> None:
    table = two_targets(bins=samples.FLUX_BINS)
    curves = samples.curves_in_flux(table)
    # A model that is steep at its faint end, beyond the data and among them.
    steep = np.array(curves["loss"]) * (1 + 60 / np.array(curves["flux"]))
    curves = curves.set_column(curves.column_names.index("loss"), "loss", pa.array(steep))
    for panel in main_panels(flux_plot(table, curves)):
        (left, right), (low, high) = panel.get_xlim(), panel.get_ylim()
        for line in panel.lines:
            if len(line.get_xdata()) > 10:
                x, y = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
                assert left <= x.min()
                assert x.max() <= right
                assert low < y.min()
                assert y.max() < high


def test_flt_and_flc_of_an_epoch_have_a_curve_each() -> None:
    table = samples.losses(("ngc104",), samples.FLUX_BINS, filetypes=("flt", "flc"), epochs=FEW)
    one = samples.curves_in_flux(table)
    both = [
        one.append_column("filetype", pa.array([kind] * one.num_rows)).set_column(
            one.column_names.index("loss"), "loss", pa.array(np.array(one["loss"]) * share)
        )
        for kind, share in (("flt", 1.0), ("flc", 0.4))
    ]
    (panel,) = main_panels(flux_plot(table, pa.concat_tables(both)))
    curves = [np.asarray(line.get_ydata()) for line in panel.lines if len(line.get_xdata()) > 10]
    assert len(curves) == 2 * len(FEW)
    assert all((np.diff(curve) < 0).all() for curve in curves)


def test_each_target_has_its_panel_of_losses_against_flash() -> None:
    figure = flash_plot(two_targets(flashes=(0, 12), filetypes=("flt", "flc")))
    heads = [panel.get_title(loc="left") for panel in main_panels(figure)]
    assert [head.rsplit(", ", 1)[1] for head in heads] == ["NGC 104", "NGC 6791"] * 3


def test_short_and_long_exposures_stand_side_by_side() -> None:
    figure = time_plot(samples.losses(("ngc104",), lengths=("s", "l")))
    heads = [panel.get_title(loc="left") for panel in main_panels(figure)]
    assert len(heads) == 6
    assert heads[0].endswith("long exposures")
    assert heads[1].endswith("short exposures")
    assert "exposures" not in caption_of(figure)
    assert "long exposures" in caption_of(time_plot(samples.losses()))


def test_residuals_are_loss_less_model() -> None:
    table = samples.losses(("ngc104",), modelled=True)
    for figure in (
        time_plot(table, samples.curves_in_time(table)),
        flux_plot(table, samples.curves_in_flux(table)),
    ):
        small = [panel for panel in figure.axes if panel.get_ylabel().startswith("Residual")]
        drawn = np.sort(np.concatenate([points(panel)[:, 1] for panel in small]))
        wanted = 100 * (np.array(table["cte_loss"]) - np.array(table["model_loss"]))
        np.testing.assert_allclose(drawn, np.sort(wanted), atol=1e-12)
        assert "measured less model" in caption_of(figure)
        assert "no coefficients" not in texts(figure)
    rows = table.to_pylist()
    faintest = min(row["bin_lo"] for row in rows)
    part = [row | ({"model_loss": None} if row["bin_lo"] == faintest else {}) for row in rows]
    assert texts(time_plot(pa.Table.from_pylist(part))).count("no coefficients") == 1
    assert "measured less" not in caption_of(time_plot(samples.losses()))


@pytest.mark.parametrize("draw", [time_plot, flux_plot, flash_plot])
def test_losses_in_magnitudes(draw: Callable[..., Figure]) -> None:
    table = samples.losses(("ngc104",))
    percent, magnitudes = draw(table), draw(table, unit=MAGNITUDES)
    assert PERCENT.label in texts(percent)
    assert MAGNITUDES.label == "CTE loss per 2051 rows (mag)"
    assert MAGNITUDES.label in texts(magnitudes)
    for one, other in zip(main_panels(percent), main_panels(magnitudes), strict=True):
        told = 2.5 / np.log(10) * points(one)[:, 1] / 100 * 2051 / 2048
        np.testing.assert_allclose(points(other)[:, 1], told, rtol=1e-12)


def test_a_unit_is_one_that_is_known() -> None:
    assert loss_unit("MAG") is MAGNITUDES
    assert PERCENT.text(0.1234, 0.01) == "12.34 ± 1.00"
    assert MAGNITUDES.text(0.1, None) == "0.1087"
    assert PERCENT.text(None, None) is None
    with pytest.raises(UsageError, match="'ratio' is not known; it is percent or mag"):
        loss_unit("ratio")


def test_a_ratio_plot_says_what_is_over_what_and_how_steep() -> None:
    figure = ratio_plot(samples.stars(), samples.fits(), unit=MAGNITUDES)
    said = texts(figure)
    assert "Flux ratio chip 1 / chip 2 (1)" in said
    fit = samples.fits().to_pylist()[0]
    assert power_text(fit["slope"], fit["slope_err"]) in said
    assert f"{MAGNITUDES.text(fit['cte_loss'], fit['cte_loss_err'])} mag" in said
    rolled = texts(ratio_plot(samples.stars(), samples.fits(), rolled=True))
    assert "second visit / first visit" in rolled


def test_a_ratio_plot_has_lines_at_no_loss_and_in_the_middle_of_the_chip() -> None:
    axes = ratio_plot(samples.stars(), samples.fits()).axes[0]
    places = [np.asarray(line.get_data(), dtype=float) for line in axes.lines]
    assert any(np.array_equal(x, [1024.0, 1024.0]) for x, _ in places)
    assert any(np.array_equal(y, [1.0, 1.0]) for _, y in places)


def test_stars_beyond_a_ratio_plot_are_marked_at_its_edge() -> None:
    stars = samples.stars()
    figure = ratio_plot(stars, samples.fits())
    low, high = figure.axes[0].get_ylim()
    ratio = np.array(stars["ratio"])
    marked = [line for axes in figure.axes for line in axes.lines if line.get_marker() in {"^", "v"}]
    assert sum(len(line.get_xdata()) for line in marked) == int(((ratio < low) | (ratio > high)).sum()) > 0


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (2.58e-4, 1.1e-5, "(2.58 ± 0.11) × 10⁻⁴"),  # noqa: RUF001
        (-3.0e-5, 4.0e-5, "(-3.00 ± 4.00) × 10⁻⁵"),  # noqa: RUF001
        (0.0, 0.0, "(0.00 ± 0.00) × 10⁰"),  # noqa: RUF001
        (2.0e-4, np.nan, "(2.00 ± nan) × 10⁻⁴"),  # noqa: RUF001
    ],
)
def test_small_numbers(value: float, error: float, text: str) -> None:
    assert power_text(value, error) == text


def _far_stars(levels: tuple[float, ...], spread: float) -> tuple[pa.Table, pa.Table]:
    noise = np.random.default_rng(3)
    count = 300
    background = np.concatenate([noise.normal(level, spread, count) for level in levels])
    many = background.size
    stars = {"bin_lo": np.full(many, 500.0), "bin_hi": np.full(many, 2000.0), "background": background}
    means = {"bin_lo": 500.0, "bin_hi": 2000.0, "mean": 0.9, "mean_err": 0.01, "n": count}
    return (
        pa.table(stars | {"kept_flux": np.full(many, 0.9)}),
        pa.Table.from_pylist([means | {"background": level} for level in levels]),
    )


def _joined(figure: Figure) -> list[int]:
    """How many levels each line between means holds."""
    lines = [line for line in figure.axes[0].lines if line.get_linestyle() == "-"]
    return sorted(
        len(line.get_xdata()) for line in lines if not line.get_gid() and len(line.get_xdata()) < 20
    )


def test_no_mean_is_drawn_across_a_gap() -> None:
    far_apart = background_plot(*_far_stars((1.0, 3.0, 33.0), 0.9))
    assert 3 not in _joined(far_apart)
    assert 2 in _joined(far_apart)
    assert 3 in _joined(background_plot(*_far_stars((1.0, 3.0, 5.0), 0.9)))


@given(st.floats(-50, 5000), st.floats(1e-2, 1e5))
def test_the_marks_of_a_frame_are_round_signals_in_their_places(low: float, span: float) -> None:
    high = low + span
    marks = round_levels(low, high)
    span = high - low
    soft = span / 60
    assert marks
    for place, signal in marks:
        assert -1e-9 <= place <= 1 + 1e-9
        shown = np.arcsinh((signal - low) / soft) / np.arcsinh(span / soft)
        assert shown == pytest.approx(place, abs=1e-6)
        finest = 10 ** np.floor(np.log10(soft))
        assert signal / finest == pytest.approx(round(signal / finest), rel=1e-9, abs=1e-6)
    places = [place for place, _ in marks]
    assert np.diff(places, prepend=-1).min() > 0.08


def test_the_rolled_set_lies_over_the_nominal_data_along_log_flux() -> None:
    rolled = samples.rolled(samples.FLUX_BINS)
    nominal = samples.losses(("ngc104",), samples.FLUX_BINS, epochs=(56131.0,), lengths=("l", "s"))
    figure = overlay_plot(rolled, nominal)
    assert [panel.get_xscale() for panel in figure.axes] == ["log", "log"]
    assert all(panel.get_xlabel() == "Mean flux (e⁻)" for panel in figure.axes)
    assert sum(points(panel).shape[0] for panel in figure.axes) == rolled.num_rows + nominal.num_rows
    entries = [text.get_text() for text in figure.legends[0].get_texts()]
    assert sorted(entries) == ["FLC", "FLT", "NGC 104, chip 1 / chip 2", "chip 1", "chip 2"]
    assert "NGC 6583" in caption_of(figure)


@pytest.mark.parametrize(("paper", "width"), [(PAGE, 6.5), (COLUMN, 3.4)])
def test_figures_for_print_have_its_width_and_leave_the_words_to_it(paper: Paper, width: float) -> None:
    with drawn_for(paper):
        figure = time_plot(samples.losses(), caption="Mine.")
    assert figure.get_size_inches()[0] == pytest.approx(width)
    assert [text.get_text() for text in figure.texts] == [PERCENT.label]
    assert caption_of(figure).startswith("CTE loss against time. Proposal 14378")
    assert caption_of(figure).endswith("Mine.")
    sizes = {text.get_fontsize() for text in figure.findobj(Text) if text.get_text() and text.get_visible()}
    assert 6.5 < min(sizes) <= max(sizes) < 12
    assert time_plot(samples.losses()).get_size_inches()[0] == 8.0


def test_a_column_takes_figures_of_two_columns_as_a_page_does() -> None:
    with drawn_for(COLUMN):
        figure = time_plot(samples.losses(lengths=("l", "s")))
    assert figure.get_size_inches()[0] == pytest.approx(6.5)


def test_the_marks_of_far_stars_lie_below_those_of_near_ones():
    panel = recovery_plot(samples.recovery()).axes[0]
    drawn = {bars.get_label(): bars[0].get_ydata().mean() for bars in panel.containers}
    (near,) = (share for label, share in drawn.items() if "near the amplifiers" in label)
    (far,) = (share for label, share in drawn.items() if "far from the amplifiers" in label)
    assert far < near - 1.0
