"""Every figure, drawn from small tables: against a stored picture, and for what each must say."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import matplotlib
import numpy as np
import pyarrow as pa
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from cte_lake.model.loss_unit import MAGNITUDES
from cte_lake.plots import style
from cte_lake.plots.background import background_plot
from cte_lake.plots.compare import compare_plot
from cte_lake.plots.field import field_plot
from cte_lake.plots.flash import flash_plot
from cte_lake.plots.flux import flux_plot
from cte_lake.plots.model import model_plot
from cte_lake.plots.overview import overview_plot
from cte_lake.plots.ratio import ratio_plot
from cte_lake.plots.recovery import recovery_plot
from cte_lake.plots.rolled import overlay_plot, rolled_plot
from cte_lake.plots.star import star_plot
from cte_lake.plots.style import save
from cte_lake.plots.time import chips_plot, time_plot
from tests.plots import samples

BASELINE = Path(__file__).parent / "baseline"
#: Set to draw the stored pictures anew (REDRAW_FIGURES=1 pytest tests/plots); look at them before a commit.
REDRAW = "REDRAW_FIGURES"


def _flux() -> Figure:
    table = samples.losses(("ngc104",), samples.FLUX_BINS)
    return flux_plot(table, samples.curves_in_flux(table))


def _flux_of_many_epochs() -> Figure:
    epochs = tuple(np.linspace(55106, 60600, 26))
    return flux_plot(samples.losses(("ngc104",), samples.FLUX_BINS, epochs=epochs))


def _flash() -> Figure:
    flashes = (0, 6, 12, 33, 55, 91, 116)
    return flash_plot(
        samples.losses(("ngc104",), flashes=flashes, filetypes=("flt", "flc"), epochs=samples.EPOCHS[5:])
    )


def _time_with_model() -> Figure:
    return time_plot(samples.losses(filetypes=("flt", "flc")), samples.curves_in_time(samples.losses()))


def _overlay() -> Figure:
    both = ("flt", "flc")
    nominal = samples.losses(
        ("ngc104",), samples.FLUX_BINS, filetypes=both, epochs=(56131.0,), lengths=("l", "s")
    )
    return overlay_plot(samples.rolled(samples.FLUX_BINS), nominal)


def _time_of_both_lengths() -> Figure:
    table = samples.losses(lengths=("l", "s"), modelled=True)
    return time_plot(table, samples.curves_in_time(table), unit=MAGNITUDES)


def _flux_of_two_targets() -> Figure:
    """Two clusters that were observed on different dates."""
    one = samples.losses(("ngc104",), samples.FLUX_BINS, epochs=samples.EPOCHS[:3], modelled=True)
    other = samples.losses(("ngc6791",), samples.FLUX_BINS, epochs=samples.EPOCHS[4:7], modelled=True)
    table = pa.concat_tables([one, other])
    return flux_plot(table, samples.curves_in_flux(table))


def _flash_of_two_targets() -> Figure:
    one = samples.losses(("ngc104",), flashes=(0, 6, 12, 18, 24, 33), filetypes=("flt", "flc"))
    other = samples.losses(("ngc6791",), flashes=(0, 12), filetypes=("flt", "flc"), epochs=samples.EPOCHS[4:])
    return flash_plot(pa.concat_tables([one, other]))


def _field() -> Figure:
    image, stars = samples.frame()
    return field_plot(image, stars, chip=2, step=8)


FIGURES: dict[str, Callable[[], Figure]] = {
    "ratio-y": lambda: ratio_plot(samples.stars(), samples.fits(), "NGC 104, 14378/02, 2016-07-31", "FLT."),
    "cte-time": lambda: time_plot(samples.losses()),
    "cte-time-model": _time_with_model,
    "cte-time-one-epoch": lambda: time_plot(samples.losses(("ngc104",), epochs=(57601.0,))),
    "cte-flux": _flux,
    "cte-flux-many": _flux_of_many_epochs,
    "cte-flash": _flash,
    "cte-time-lengths": _time_of_both_lengths,
    "cte-flux-two": _flux_of_two_targets,
    "cte-flash-two": _flash_of_two_targets,
    "cte-180": lambda: rolled_plot(samples.rolled()),
    "cte-180-overlay": _overlay,
    "chips": lambda: chips_plot(samples.of_chips()),
    "model-vs-data": lambda: model_plot(samples.corrected(), samples.curves_in_time(samples.losses())),
    "flux-background": lambda: background_plot(*samples.far_stars()),
    "recovery": lambda: recovery_plot(samples.recovery()),
    "compare": lambda: compare_plot(samples.compared(), "standard", "iraf"),
    "star": lambda: star_plot(samples.history(), "Star 4711 of NGC 104"),
    "field": _field,
    "overview": lambda: overview_plot(samples.coverage()),
}


@functools.cache
def figure_of(name: str) -> Figure:
    """A figure for tests that only look at it."""
    return FIGURES[name]()


def _small(figure: Figure, path: Path) -> np.ndarray:
    figure.set_dpi(40)
    with matplotlib.rc_context({"savefig.dpi": 40}):
        figure.savefig(path, dpi=40)
    return np.asarray(Image.open(path).convert("RGB"), dtype=np.float64)


def _coarse(image: np.ndarray) -> np.ndarray:
    # Means over 8 x 8 pixels: a letter that another font library sets half a pixel aside hardly changes them.
    ny, nx = (size // 8 * 8 for size in image.shape[:2])
    return image[:ny, :nx].reshape(ny // 8, 8, nx // 8, 8, 3).mean(axis=(1, 3))


@pytest.mark.parametrize("name", FIGURES)
def test_looks_as_it_did_when_it_was_looked_at(name: str, tmp_path: Path) -> None:
    drawn = _small(figure_of(name), tmp_path / "drawn.png")
    stored = BASELINE / f"{name}.png"
    if os.environ.get(REDRAW):
        Image.open(tmp_path / "drawn.png").convert("RGB").quantize(64).save(stored, optimize=True)
    expected = np.asarray(Image.open(stored).convert("RGB"), dtype=np.float64)
    assert drawn.shape == expected.shape
    difference = np.abs(_coarse(drawn) - _coarse(expected))
    assert difference.mean() < 2.0
    assert np.percentile(difference, 99) < 40.0


def test_the_comparison_sees_another_figure(tmp_path: Path) -> None:
    one = _small(time_plot(samples.losses()), tmp_path / "a.png")
    other = _small(time_plot(samples.losses(epochs=samples.EPOCHS[4:])), tmp_path / "b.png")
    difference = np.abs(_coarse(one) - _coarse(other))
    assert difference.mean() > 2.0 or np.percentile(difference, 99) > 40.0


def _texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text)]


@pytest.mark.parametrize("name", FIGURES)
def test_every_axis_has_a_unit_and_every_figure_a_count(name: str) -> None:
    figure = figure_of(name)
    joint = "" if figure._supylabel is None else figure._supylabel.get_text()
    for axes in figure.axes:
        if not axes.axison or axes.get_label() == "<colorbar>":
            continue
        shared = axes.get_subplotspec() is None or not axes.get_subplotspec().is_last_row()
        assert (axes.get_xlabel() == "" and shared) or _has_unit(axes.get_xlabel()), axes.get_xlabel()
        first = axes.get_subplotspec() is not None and axes.get_subplotspec().is_first_col()
        if first:
            assert _has_unit(axes.get_ylabel() or joint), axes.get_ylabel()
    caption = max(_texts(figure), key=len)
    assert any(character.isdigit() for character in caption) or name == "ratio-y"


def _has_unit(label: str) -> bool:
    return "(" in label and label.rstrip().endswith(")")


@pytest.mark.parametrize("name", FIGURES)
def test_text_is_legible_at_half_size(name: str) -> None:
    figure = figure_of(name)
    # 5 pt are what a caption in a journal has at least; figures are 8 to 11 inch wide and shown at 4 to 5.5.
    sizes = {text.get_fontsize() for text in figure.findobj(Text) if text.get_text() and text.get_visible()}
    assert min(sizes) >= 10.0


def test_drawing_needs_no_screen() -> None:
    code = (
        "import sys, pkgutil, importlib, cte_lake.plots as plots\n"
        "names = [module.name for module in pkgutil.iter_modules(plots.__path__, 'cte_lake.plots.')]\n"
        "for name in names: importlib.import_module(name)\n"
        "from cte_lake.plots.time import time_plot\n"
        "columns = ('mjd', 'bin_lo', 'bin_hi', 'cte_loss', 'cte_loss_err')\n"
        "time_plot({name: [55500.0] for name in columns})\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "print(len(names))\n"
    )
    environment = {key: value for key, value in os.environ.items() if key not in {"DISPLAY", "MPLBACKEND"}}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == len(list(Path(style.__file__).parent.glob("[!_]*.py")))


@pytest.mark.parametrize("name", ["cte-time", "field"])
def test_settings_of_matplotlib_are_as_before(name: str, tmp_path: Path) -> None:
    before = dict(matplotlib.rcParams)
    save(FIGURES[name](), tmp_path / "figure.svg")
    assert dict(matplotlib.rcParams) == before


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_equal_numbers_give_equal_files(suffix: str, tmp_path: Path) -> None:
    for name in ("a", "b"):
        save(time_plot(samples.losses()), tmp_path / f"{name}.{suffix}")
    assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_text_of_a_target_is_never_a_formula(tmp_path: Path) -> None:
    table = samples.losses(("ngc104", "x$\\frac{1}{"))
    figure = time_plot(table)
    save(figure, tmp_path / "a.svg")
    assert "x$\\frac{1}{" in (tmp_path / "a.svg").read_text()


def test_stars_that_the_clip_left_out_are_crosses() -> None:
    figure = ratio_plot(samples.stars(), samples.fits())
    clipped = int((~samples.stars()["kept"].to_numpy(zero_copy_only=False)).sum())
    crosses = [line for axes in figure.axes for line in axes.lines if line.get_marker() == "x"]
    assert sum(len(line.get_xdata()) for line in crosses) == clipped > 0


def test_the_fitted_line_is_the_one_of_the_table() -> None:
    fits = samples.fits()
    figure = ratio_plot(samples.stars(), fits)
    first = fits.to_pylist()[0]
    lines = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 60]
    assert len(lines) == 1
    x, y = np.asarray(lines[0].get_xdata()), np.asarray(lines[0].get_ydata())
    np.testing.assert_allclose(y, first["intercept"] + first["slope"] * x)


def test_flc_markers_are_open_where_flt_is_there_too() -> None:
    figure = time_plot(samples.losses(("ngc104",), filetypes=("flt", "flc")))
    faces = [line.get_markerfacecolor() for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert faces[0] != "white"
    assert faces[1] == "white"


def test_a_figure_of_nothing_shows_nothing() -> None:
    figure = time_plot(samples.losses().slice(0, 0))
    assert "0 flux ratios" in " ".join(_texts(figure))


def test_the_ratio_plot_shows_all_rows_of_a_chip_and_its_line_reaches_the_last():
    panel = ratio_plot(samples.stars(), samples.fits()).axes[0]
    low, high = panel.get_xlim()
    assert low < 0
    assert 2051 < high < 2200
    assert max(line.get_xdata()[-1] for line in panel.lines if len(line.get_xdata()) > 2) == 2050
    assert [tick for tick in panel.get_xticks() if low < tick < high] == [0, 512, 1024, 1536, 2048]
