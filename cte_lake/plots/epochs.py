"""Epochs as colours: dark the first, light the last; a legend of few, a colour bar of many."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from cte_lake.model.tables import column, has, numbers
from cte_lake.plots.palette import marker, sequence
from cte_lake.plots.series import Mask, Series, filetype_samples, known, sample_of
from cte_lake.plots.style import MOST_IN_LEGEND, pt
from cte_lake.wording import year_of


@dataclass(frozen=True)
class Epochs:
    """The epochs of a table, each with its look.

    Attributes
    ----------
    years : list of float
        The epochs, rounded so that targets observed together share one.
    of_row : ndarray of float
        Epoch of each row.
    filetype : ndarray of str, or None
        File type of each row, where there are two.
    """

    years: list[float]
    of_row: NDArray[np.float64]
    filetype: NDArray[Any] | None

    @property
    def in_bar(self) -> bool:
        """Whether a colour bar shows the epochs, because a legend would be too long."""
        return len(self.years) > MOST_IN_LEGEND

    def series(self, here: Mask) -> Iterator[Series]:
        """The epochs that some rows have, FLT and FLC apart where the table has both."""
        shades = sequence(len(self.years))
        for number, (year, shade) in enumerate(zip(self.years, shades, strict=True)):
            of_epoch = here & (self.of_row == year)
            look = Series(f"{year:.2f}", of_epoch, shade, marker(number))
            kinds = [look]
            if self.filetype is not None:
                kinds = [
                    replace(look, index=of_epoch & ((self.filetype != "flc") == filled), filled=filled)
                    for filled in (True, False)
                ]
            yield from (one for one in kinds if one.index.any())

    def samples(self, here: Mask) -> list[Line2D]:
        """Entries of a legend: the epochs of some rows, and what filled and open markers are."""
        kinds = {series.label: replace(series, filled=True) for series in self.series(here)}
        return [*map(sample_of, kinds.values()), *self.filetypes()]

    def filetypes(self) -> list[Line2D]:
        """What filled and open markers are, where there are both."""
        return [] if self.filetype is None else filetype_samples()

    def name_in(self, axes: Axes, here: Mask) -> None:
        """Write a legend of the epochs of some rows into a panel."""
        handles = self.samples(here)
        columns = 1 + (len(handles) > 6)
        look: dict[str, Any] = {"title": "Epoch (year)", "title_fontsize": pt(11.5), "fontsize": pt(11.5)}
        axes.legend(handles=handles, ncols=columns, loc="upper right", **look)


def epochs_of(table: Any) -> Epochs:
    """Return the epochs of a table with mjd, or epoch_mjd."""
    dates = numbers(table, "epoch_mjd" if has(table, ("epoch_mjd",)) else "mjd")
    rounded = np.asarray(np.round(year_of(dates), 2), dtype=np.float64)
    both = len(known(table, "filetype")) > 1
    return Epochs(sorted(set(rounded.tolist())), rounded, column(table, "filetype") if both else None)
