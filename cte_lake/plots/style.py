"""The one style of all figures: sizes, fonts, titles, legends, captions, files; `palette` has the colours.

Nothing here touches pyplot: figures are made as `matplotlib.figure.Figure`, so they work without a screen and
in any thread. The settings hold while a figure is drawn and are put back after it.
"""

from __future__ import annotations

import functools
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, ParamSpec

import matplotlib
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from cte_lake.errors import UsageError
from cte_lake.lake.write import replacing
from cte_lake.plots.palette import GRID, INK, SOFT, sequence
from cte_lake.wording import with_capital

P = ParamSpec("P")
Share = Literal["none", "all", "row", "col"] | bool

#: Most epochs that a legend shows; beyond that, a colour bar does.
MOST_IN_LEGEND = 8
#: Width of a figure on a screen, inch. Fonts are chosen for it: at half the width the caption is 5.5 pt.
WIDTH = 8.0
FORMATS = ("png", "pdf", "svg")
_DPI, _PRINT_DPI = 150, 300


@dataclass(frozen=True)
class Paper:
    """What a figure is drawn for.

    Attributes
    ----------
    name : str
        What it is called on the command line.
    width : float, optional
        Width of the finished figure, inch; None: as wide as its panels want it.
    bare : bool
        Whether title and caption are left to the text around the figure.
    """

    name: str
    width: float | None = None
    bare: bool = False


#: A screen; the text width of an Instrument Science Report; a column of a journal.
SCREEN, PAGE, COLUMN = Paper("screen"), Paper("page", 6.5, True), Paper("column", 3.4, True)
PAPERS = {paper.name: paper for paper in (SCREEN, PAGE, COLUMN)}
#: Width at which one column of panels is laid out for a journal's column, before it shrinks to it, inch.
_COLUMN_LAYOUT = 5.2
_paper: ContextVar[Paper] = ContextVar("paper", default=SCREEN)
_scale: ContextVar[float] = ContextVar("scale", default=1.0)

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
    "grid.color": GRID,
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


#: Settings that shrink with a figure for print; those left out here are matplotlib's defaults.
_SIZES = {
    key: float(_SETTINGS.get(key, default))
    for key, default in {
        "font.size": 0, "axes.titlesize": 0, "axes.titlepad": 0, "axes.labelsize": 0, "axes.labelpad": 4.0,
        "axes.linewidth": 0, "grid.linewidth": 0, "xtick.labelsize": 0, "ytick.labelsize": 0,
        "xtick.major.size": 3.5, "ytick.major.size": 3.5, "xtick.minor.size": 2.0, "ytick.minor.size": 2.0,
        "xtick.major.pad": 3.5, "ytick.major.pad": 3.5, "legend.fontsize": 0, "lines.linewidth": 0,
        "lines.markersize": 0,
    }.items()
}  # fmt: skip

#: Settings of windows and of the process, which a figure has no part in.
_OF_WINDOWS = ("backend", "interactive", "toolbar", "timezone", "tk.", "webagg.", "docstring.", "date.epoch")


def _own_settings() -> Any:
    """Return every setting of a figure: matplotlib's defaults, then ours; no matplotlibrc has a say."""
    defaults: Any = dict(matplotlib.rcParamsDefault)
    return {key: value for key, value in defaults.items() if not key.startswith(_OF_WINDOWS)} | _SETTINGS


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw in the style of this module, and put matplotlib's settings back afterwards.

    The plot functions share optional parameters: `title`, `caption` (what else a reader must know) and, where
    they draw losses, `unit` (a `LossUnit`).
    """

    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Figure:
        before = _scale.set(1.0)
        try:
            with matplotlib.rc_context(_own_settings()):
                return draw(*args, **kwargs)
        finally:
            _scale.reset(before)

    return drawn


@contextmanager
def drawn_for(paper: Paper) -> Iterator[None]:
    """Draw the figures of a block for a screen, a page or a column."""
    before = _paper.set(paper)
    try:
        yield
    finally:
        _paper.reset(before)


def pt(size: float) -> float:
    """A size of the layout on a screen, point, in the figure that is being drawn."""
    return size * _scale.get()


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
        figure.savefig(
            temporary,
            format=kind,
            dpi=max(figure.get_dpi(), _DPI),
            metadata=undated[kind] | dict(metadata or {}),
        )


def panels(
    rows: int = 1,
    columns: int = 1,
    height: float = 5.0,
    sharex: Share = False,
    sharey: Share = False,
    width: float = WIDTH,
    height_ratios: Sequence[float] | None = None,
) -> tuple[Figure, NDArray[Any]]:
    """Return a new figure and its axes, shape (rows, columns); height is that of the figure, inch.

    Width and height are those on a screen. On paper the figure and all in it are smaller by one factor. For
    a journal's column, one column of panels becomes narrower first; more columns stay as wide as a page.
    """
    paper = _paper.get()
    final = width
    if paper.width is not None:
        narrow = paper is COLUMN and columns == 1
        width = min(width, _COLUMN_LAYOUT) if narrow else width
        final = paper.width if narrow or paper is PAGE else PAGE.width or width
    scale = final / width
    _scale.set(scale)
    smaller: Any = {key: size * scale for key, size in _SIZES.items()}
    matplotlib.rcParams.update(smaller)
    pad, space = 0.06 * scale, 0.03
    layout = ConstrainedLayoutEngine(w_pad=pad, h_pad=pad, hspace=space, wspace=space)
    figure = Figure(figsize=(final, height * scale), layout=layout)
    figure.set_dpi(_DPI if paper is SCREEN else _PRINT_DPI)
    axes = figure.subplots(
        rows, columns, sharex=sharex, sharey=sharey, squeeze=False, height_ratios=height_ratios
    )
    return figure, axes


def finish(
    figure: Figure, title: str, caption: str, legend: Axes | Sequence[Line2D] | None = None, columns: int = 4
) -> Figure:
    """Put title and legend above, and below the caption that says what is plotted and from how many stars.

    The figure grows by the room that they need, so the panels keep theirs. A figure for print has the legend
    alone; `caption_of` has the words. A legend made from a panel is left out where it would have one entry.
    """
    scale, bare = _scale.get(), _paper.get().bare
    width, height = (float(size) / scale for size in figure.get_size_inches())
    caption = with_capital(caption)
    figure.set_label(f"{title}. {caption}".strip())
    lines = [] if bare else textwrap.wrap(caption, int(width * 11.6), break_on_hyphens=False)
    handles = _handles(legend) if isinstance(legend, Axes) else list(legend or ())
    if isinstance(legend, Axes) and len(handles) < 2:
        handles = []
    longest = max((len(str(handle.get_label())) for handle in handles), default=0)
    columns = max(1, min(columns, int(width / (0.5 + 0.095 * longest))))
    rows = -(-len(handles) // columns)
    head = 0.0 if bare else 0.40
    top, bottom = head + 0.27 * rows + 0.06 * bool(rows), (0.12 + 0.215 * len(lines)) * (not bare)
    total = height + top + bottom
    figure.set_size_inches(width * scale, total * scale)
    left = 0.10 / width
    if not bare:
        look: dict[str, Any] = {"ha": "left", "fontsize": pt(15.5), "fontweight": "bold"}
        figure.text(left, 1 - 0.10 / total, title, va="top", **look)
        look = {"ha": "left", "fontsize": pt(11), "color": SOFT, "linespacing": 1.3}
        figure.text(left, 0.10 / total, "\n".join(lines), va="bottom", **look)
    if rows:
        # Matplotlib fills a legend by columns; readers read by rows.
        order = [row * columns + column for column in range(columns) for row in range(rows)]
        drawn = [handles[k] for k in order if k < len(handles)]
        figure.legend(
            drawn,
            [str(handle.get_label()) for handle in drawn],
            loc="upper left",
            bbox_to_anchor=(0.04 / width, 1 - (head or 0.06) / total),
            ncols=columns,
            borderpad=0.1,
        )
    engine = figure.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine):
        engine.set(rect=(0, bottom / total, 1, 1 - (top + bottom) / total))
    return figure


def caption_of(figure: Figure) -> str:
    """Title and caption of a figure, for the text around it."""
    return str(figure.get_label())


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
    figure.supylabel(text, fontsize=pt(13), color=INK)
