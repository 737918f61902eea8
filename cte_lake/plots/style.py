"""The one style of all figures: palette, sizes, words for values, captions, files.

Nothing here touches pyplot: figures are made as `matplotlib.figure.Figure`, so they work without a screen and
in any thread. The settings hold while a figure is drawn and are put back after it.
"""

from __future__ import annotations

import functools
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, ParamSpec

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from cte_lake.errors import UsageError
from cte_lake.lake.write import replacing

P = ParamSpec("P")
Share = Literal["none", "all", "row", "col"] | bool

#: Okabe and Ito (2008), distinct to every eye; in the order in which series take them (its yellow, too pale
#: for lines on white, is left out).
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "p", "h")
#: Sizes, point, at which the markers look equally large.
_MARKER_SIZES = {"o": 7.0, "s": 6.6, "^": 8.2, "D": 6.2, "v": 8.2, "p": 8.0, "h": 8.0}
INK, SOFT, FAINT = "#1b1f24", "#5b6570", "#c9d0d7"
#: Ordered values (dates) take colours from here, the palest end left out: distinct by lightness alone too.
SEQUENCE = "plasma"
#: Most epochs that a legend shows; beyond that, a colour bar does.
MOST_IN_LEGEND = 10
#: Width of every figure, inch. Fonts are chosen for it: at half the width the caption is still 5.5 pt.
WIDTH = 8.0
FORMATS = ("png", "pdf", "svg")
_DPI = 150

# Typed Any: matplotlib types its settings by a literal of every key.
_SETTINGS: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 12.5,
    "axes.titlesize": 12.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 6,
    "axes.labelsize": 13,
    "axes.labelcolor": INK,
    "axes.edgecolor": SOFT,
    "axes.linewidth": 0.9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e8ec",
    "grid.linewidth": 0.8,
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 12,
    "ytick.labelsize": 12,
    "legend.fontsize": 12,
    "legend.frameon": False,
    "legend.handlelength": 1.6,
    "legend.borderaxespad": 0.2,
    "legend.columnspacing": 1.4,
    "lines.linewidth": 2.0,
    "lines.markersize": 7,
    "errorbar.capsize": 0,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.dpi": _DPI,
    "savefig.dpi": _DPI,
    # Text stays text in SVG and PDF, and the same numbers give the same bytes.
    "svg.fonttype": "none",
    "svg.hashsalt": "cte-lake",
    "pdf.fonttype": 42,
}


#: Settings of windows and of the process, which a figure has no part in.
_OF_WINDOWS = ("backend", "interactive", "toolbar", "timezone", "tk.", "webagg.", "docstring.", "date.epoch")


def _own_settings() -> Any:
    """Return every setting of a figure: matplotlib's defaults, then ours; no matplotlibrc has a say."""
    defaults: Any = dict(matplotlib.rcParamsDefault)
    return {key: value for key, value in defaults.items() if not key.startswith(_OF_WINDOWS)} | _SETTINGS


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw in the style of this module, and put matplotlib's settings back afterwards."""

    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with matplotlib.rc_context(_own_settings()):
            return draw(*args, **kwargs)

    return drawn


def save(figure: Figure, path: Path, metadata: Mapping[str, str] | None = None) -> None:
    """Write a figure as PNG, PDF or SVG, by the file's suffix; equal figures give equal files.

    Raises
    ------
    UsageError
        If the suffix is none of these.
    """
    kind = path.suffix.lower().lstrip(".")
    if kind not in FORMATS:
        raise UsageError(f"{path} does not end in {', '.join('.' + name for name in FORMATS)}")
    undated: dict[str, dict[str, Any]] = {
        "png": {"Software": "cte-lake"},
        "pdf": {"CreationDate": None},
        "svg": {"Date": None},
    }
    # Beside its place and renamed: a full disk or Ctrl-C leaves no half of a figure under its name.
    with replacing(path) as temporary, matplotlib.rc_context(_own_settings()):
        figure.savefig(temporary, format=kind, metadata=undated[kind] | dict(metadata or {}))


def panels(
    rows: int = 1,
    columns: int = 1,
    height: float = 5.0,
    sharex: Share = False,
    sharey: Share = False,
    width: float = WIDTH,
    height_ratios: Sequence[float] | None = None,
) -> tuple[Figure, NDArray[Any]]:
    """Return a new figure and its axes, shape (rows, columns); height is that of the figure, inch."""
    layout = ConstrainedLayoutEngine(w_pad=0.06, h_pad=0.06, hspace=0.03, wspace=0.03)
    figure = Figure(figsize=(width, height), layout=layout)
    axes = figure.subplots(
        rows, columns, sharex=sharex, sharey=sharey, squeeze=False, height_ratios=height_ratios
    )
    return figure, axes


def finish(figure: Figure, title: str, caption: str, legend: Axes | None = None, columns: int = 4) -> Figure:
    """Put title and legend above, and below the caption that says what is plotted and from how many stars.

    The figure grows by the room that they need, so the panels keep theirs.
    """
    width, height = figure.get_size_inches()
    lines = textwrap.wrap(caption, int(width * 11.6), break_on_hyphens=False)
    handles = [] if legend is None else _handles(legend)
    longest = max((len(str(handle.get_label())) for handle in handles), default=0)
    columns = max(1, min(columns, int(width / (0.5 + 0.095 * longest))))
    rows = -(-len(handles) // columns) if len(handles) > 1 else 0
    top, bottom = 0.40 + 0.27 * rows + 0.06 * bool(rows), 0.12 + 0.215 * len(lines)
    total = height + top + bottom
    figure.set_size_inches(width, total)
    left = 0.10 / width
    figure.text(left, 1 - 0.10 / total, title, ha="left", va="top", fontsize=15.5, fontweight="bold")
    figure.text(
        left,
        0.10 / total,
        "\n".join(lines),
        ha="left",
        va="bottom",
        fontsize=11,
        color=SOFT,
        linespacing=1.3,
    )
    if rows:
        # Matplotlib fills a legend by columns; readers read by rows.
        order = [row * columns + column for column in range(columns) for row in range(rows)]
        drawn = [handles[k] for k in order if k < len(handles)]
        figure.legend(
            drawn,
            [str(handle.get_label()) for handle in drawn],
            loc="upper left",
            bbox_to_anchor=(0.04 / width, 1 - 0.40 / total),
            ncols=columns,
            borderpad=0.1,
        )
    engine = figure.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine):
        engine.set(rect=(0, bottom / total, 1, 1 - (top + bottom) / total))
    return figure


def _handles(axes: Axes) -> list[Line2D]:
    """One plain marker or line a series of a panel."""
    result = []
    for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
        line = handle[0] if isinstance(handle, ErrorbarContainer) else handle
        proxy = Line2D([], [])
        proxy.update_from(line)
        proxy.set_label(label)
        result.append(proxy)
    return result


def date_bar(figure: Figure, axes: Iterable[Axes], years: Sequence[float]) -> None:
    """Show which colour of `sequence` is which year, where a legend would be too long."""
    shades = matplotlib.colors.ListedColormap(sequence(len(years)))
    scale = matplotlib.cm.ScalarMappable(matplotlib.colors.Normalize(0, len(years)), shades)
    bar = figure.colorbar(scale, ax=list(axes), aspect=40, pad=0.02, fraction=0.04)
    step = max(1, round(len(years) / 8))
    bar.set_ticks([k + 0.5 for k in range(0, len(years), step)])
    bar.set_ticklabels([f"{years[k]:.1f}" for k in range(0, len(years), step)])
    bar.set_label("Epoch (year)")
    bar.outline.set_visible(False)


def y_label(figure: Figure, text: str) -> None:
    """Label the y axis of all panels at once."""
    figure.supylabel(text, fontsize=13, color=INK)


def colour(index: int) -> str:
    """Colour of the series with this number."""
    return PALETTE[index % len(PALETTE)]


def darker(shade: str) -> str:
    """A colour dark enough for text and thin lines on white."""
    red, green, blue = matplotlib.colors.to_rgb(shade)
    return matplotlib.colors.to_hex((0.66 * red, 0.66 * green, 0.66 * blue))


def marker(index: int) -> str:
    """Marker of the series with this number."""
    return MARKERS[index % len(MARKERS)]


def marker_size(shape: str) -> float:
    """Size at which a marker looks as large as the others, point."""
    return _MARKER_SIZES.get(shape, 7.0)


def sequence(count: int) -> list[str]:
    """Colours for `count` ordered values, dark to light."""
    shades = matplotlib.colormaps[SEQUENCE](np.linspace(0.0, 0.78, max(count, 2)))
    return [matplotlib.colors.to_hex(shade) for shade in shades[:count]]
