"""Figures of shifts, growth curves and focus: what they show of a table."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from matplotlib.text import Text

from cte_lake.plots.shapes import focus_plot, growth_plot, shift_plot
from tests.plots import samples


def texts(figure):
    return "\n".join(text.get_text() for text in figure.findobj(Text))


def points(axes):
    return np.concatenate([bars.lines[0].get_xydata() for bars in axes.containers])


def displacements():
    table = samples.losses(("ngc104",), samples.FLUX_BINS[:3], filetypes=("flt", "flc"))
    shifts = {"displacement": table["cte_loss"], "displacement_err": table["cte_loss_err"]}
    columns = {
        name: table[name] for name in ("target", "filter", "length", "flash", "filetype", "mjd", "bin_lo")
    }
    return pa.table(
        columns | shifts | {"bin_hi": table["bin_hi"], "n": table["n"], "against": ["bright"] * len(table)}
    )


def test_shifts_are_drawn_bin_by_bin():
    table = displacements()
    figure = shift_plot(table)
    panels = [axes for axes in figure.axes if axes.containers]
    assert len(panels) == 3
    for axes, low in zip(panels, (250.0, 500.0, 1000.0), strict=True):
        chosen = table.filter(pc.equal(table["bin_lo"], low))
        assert sorted(points(axes)[:, 1]) == sorted(chosen["displacement"].to_pylist())
    said = texts(figure)
    assert "px per 2048 rows" in said
    assert "against the pair's brightest stars" in said
    assert "250–500 e⁻" in said  # noqa: RUF001
    assert {"FLT", "FLC"} <= set(said.split("\n"))


def test_pairs_of_chips_are_drawn_beside_those_of_one_chip():
    table = displacements().slice(0, 6)
    chips = pa.array([None, None, None, 1, 2, 2], pa.int32())
    figure = shift_plot(table.append_column("chip", chips))
    assert sum(len(points(axes)) for axes in figure.axes if axes.containers) == 6


def places():
    rows = [
        {
            "aperture": aperture, "chip": 2, "row_lo": low, "row_hi": low + 256.0, "column_lo": column,
            "n": 12, "growth": 0.9 - 1e-5 * low, "growth_err": 0.001, "imagename": "a", "filetype": "flt",
        }
        for aperture in (3, 5) for low in np.arange(0.0, 2048.0, 256.0) for column in (0.0, 1024.0)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows)


def test_growth_curves_have_a_panel_a_radius_and_places_do_not_hide_each_other():
    figure = growth_plot(places())
    panels = [axes for axes in figure.axes if axes.containers]
    assert [axes.get_title(loc="left") or axes.get_title() for axes in panels] == [
        "Inside 3 px",
        "Inside 5 px",
    ]
    drawn = points(panels[0])
    assert len({tuple(place) for place in drawn}) == 16
    assert "192 bright stars" in texts(figure)


def test_focus_tells_chips_apart():
    table = pa.table(
        {
            "mjd": [57000.0, 57001.0, 58000.0, 58001.0], "chip": [1, 2, 1, 2], "n": [50] * 4,
            "focus": [0.76, 0.77, 0.75, float("nan")], "focus_err": [0.002] * 4, "filetype": ["flc"] * 4,
        }
    )  # fmt: skip
    figure = focus_plot(table)
    assert len(np.concatenate([points(axes) for axes in figure.axes if axes.containers])) == 3
    assert "chip 1" in texts(figure)
    assert "4 exposures" in texts(figure)
