"""What a model leaves of the losses: the small panels under the figures of losses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from cte_lake.model.loss_unit import LossUnit
from cte_lake.plots.axes import limits, note, reference
from cte_lake.plots.series import Mask, Series, draw_points, residuals
from cte_lake.plots.style import pt

#: How much smaller the points are than in the panel above.
_SMALLER = 0.75


def residual_panel(
    axes: Axes, table: Any, x: ArrayLike, series: Iterable[Series], here: Mask, scale: Mask, unit: LossUnit
) -> None:
    """Draw losses less the model's.

    The panel shows the rows `here` of a table with model_loss beside cte_loss; its axis holds those of
    `scale`.
    """
    across, (left, error) = np.asarray(x), residuals(table, unit)
    for one in series:
        chosen = here & one.index & np.isfinite(left)
        draw_points(axes, across[chosen], left[chosen], error[chosen], one, label="_", size=_SMALLER)
    reference(axes, 0.0)
    if here.any() and not (here & np.isfinite(left)).any():
        note(axes, "no coefficients")
    axes.set_ylim(*limits(left[scale], error[scale], include=(0.0,), smallest=0.5 * unit.least, margin=0.15))
    axes.yaxis.set_major_locator(MaxNLocator(3))


def residual_label(axes: Axes, unit: LossUnit) -> None:
    """Say what the small panel shows."""
    axes.set_ylabel(f"Residual\n({unit.symbol})", fontsize=pt(10.5))
