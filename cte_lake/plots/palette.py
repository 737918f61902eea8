"""The colours and markers of every figure, on paper and on the page: one place for both."""

from __future__ import annotations

#: Okabe and Ito (2008), distinct to every eye; in the order in which series take them (its yellow, too pale
#: for lines on white, is left out).
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "p", "h")
#: Sizes, point, at which the markers look equally large.
_MARKER_SIZES = {"o": 7.0, "s": 6.6, "^": 8.2, "D": 6.2, "v": 8.2, "p": 8.0, "h": 8.0}
INK, SOFT, FAINT, GRID = "#1b1f24", "#5b6570", "#c9d0d7", "#e4e8ec"
#: What is shown for comparison, behind the data.
BEHIND = "#8a939c"
#: Ordered values (dates) take colours from here, the palest end left out: distinct by lightness alone too.
SEQUENCE = "plasma"
_LIGHTEST = 0.78


def colour(index: int) -> str:
    """Colour of the series with this number."""
    return PALETTE[index % len(PALETTE)]


def marker(index: int) -> str:
    """Marker of the series with this number."""
    return MARKERS[index % len(MARKERS)]


def marker_size(shape: str) -> float:
    """Size at which a marker looks as large as the others, point."""
    return _MARKER_SIZES.get(shape, 7.0)


def darker(shade: str) -> str:
    """A colour dark enough for text and thin lines on white."""
    # Pages take the colours alone: matplotlib takes longer to load than a page of a quiet night.
    from matplotlib.colors import to_hex, to_rgb

    red, green, blue = to_rgb(shade)
    return to_hex((0.66 * red, 0.66 * green, 0.66 * blue))


def sequence(count: int) -> list[str]:
    """Colours for `count` ordered values, dark to light."""
    import numpy as np
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    shades = colormaps[SEQUENCE](np.linspace(0.0, _LIGHTEST, max(count, 2)))
    return [to_hex(shade) for shade in shades[:count]]
