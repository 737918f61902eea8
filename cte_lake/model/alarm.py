"""An alarm for the newest epoch: whether its losses are what those before it predict."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cte_lake.errors import FitRefused
from cte_lake.model.family import FamilyFit, fit_family
from cte_lake.model.points import FitPoints, epoch_dates, epochs, from_table
from cte_lake.model.tables import column, has

#: Departure, in its full errors, that raises the alarm. Beyond 4 errors one jump by 10% in eight is missed;
#: beyond these one in 25, and one alarm in 200 epochs is false (benchmarks/alarm.py).
LIMIT = 3.2
#: Epochs that a prediction needs: fewer say nothing of how losses grow.
MIN_EPOCHS = 5
#: What is predicted together.
_MODE = ("target", "filter", "length", "filetype", "chinject", "generation")


@dataclass(frozen=True)
class Departure:
    """The newest epoch against its past.

    Attributes
    ----------
    mjd : float
        Mean date of the epoch.
    factor, error : float
        Its losses over those predicted, less 1; and the full error of that: slopes, visits, and the
        prediction.
    points, visits : int
        Slopes and visits of the epoch.
    """

    mjd: float
    factor: float
    error: float
    points: int
    visits: int

    @property
    def significance(self) -> float:
        """The departure over its error."""
        return abs(self.factor) / self.error

    @property
    def alarming(self) -> bool:
        """Whether it is beyond `LIMIT`."""
        return self.significance > LIMIT


def departure(points: FitPoints, background: bool = True) -> Departure | None:
    """Compare the newest epoch with what the earlier ones predict; None where they are too few.

    Parameters
    ----------
    points : FitPoints
        Losses of one mode, all epochs.
    background : bool, optional
        Whether the loss may depend on the background.

    Raises
    ------
    FitRefused
        If the earlier epochs carry no surface.
    """
    if epochs(points.mjd).size <= MIN_EPOCHS:
        return None
    past, new = apart(points)
    return against(fit_family(past, background=background), new)


def apart(points: FitPoints) -> tuple[FitPoints, FitPoints]:
    """Return the points of the earlier epochs, and those of the newest of several."""
    start = epoch_dates(points.mjd)[-1][0]
    return points.take(points.mjd < start), points.take(points.mjd >= start)


def against(family: FamilyFit, new: FitPoints) -> Departure | None:
    """Return by which factor all losses of an epoch are off a fit of the past: generalised least squares.

    All fluxes, levels of flash and visits of the epoch count by their common covariance: slopes, visits, the
    prediction, the forms and jumps that it leaves open, and by how much epochs scatter
    (`cte_lake.model.misfit.Misfit`). So no other estimate of a common factor, such as one by flux bins, is
    better.
    """
    past = family.chosen
    predicted, covariance = past.joint(new)
    covariance = covariance + family.doubts.covariance(new)
    names, visit = np.unique(new.visit, return_inverse=True)
    same = visit.ravel()[:, None] == visit.ravel()
    covariance = covariance + past.mixed.visit_variance * np.outer(predicted, predicted) * same
    covariance = covariance + family.misfit.epochs**2 * np.outer(predicted, predicted)
    covariance = covariance + np.diag((past.noise * new.loss_err) ** 2)
    weighted = np.linalg.solve(covariance, predicted)
    information = float(predicted @ weighted)
    if information <= 0:
        return None
    factor = float(weighted @ (new.loss - predicted)) / information
    return Departure(float(new.mjd.mean()), factor, information**-0.5, len(new), int(names.size))


def alarms(table: Any, min_stars: int = 10) -> list[dict[str, Any]]:
    """Return a row for each mode whose newest epoch departs from its past by more than `LIMIT` errors.

    Parameters
    ----------
    table : table or mapping
        Rows of the view ``cte`` of estimator ``log_ratio``, the background with the post-flash in it.
    min_stars : int, optional
        Fewest stars of a slope.
    """
    rows = []
    for mode, part in _modes(table):
        try:
            points = from_table(part, min_stars)
            found = departure(points, np.unique(column(part, "flash")).size > 1)
        except FitRefused:
            # Too few slopes, or slopes that no surface follows: `fit` says so, an alarm cannot.
            continue
        if found is not None and found.alarming:
            rows.append(
                {
                    **mode,
                    "mjd": found.mjd,
                    "departure": found.factor,
                    "departure_err": found.error,
                    "errors": found.significance,
                    "slopes": found.points,
                    "visits": found.visits,
                }
            )
    return rows


def _modes(table: Any) -> Iterator[tuple[dict[str, str], dict[str, NDArray[Any]]]]:
    names = [name for name in _MODE if has(table, (name,))]
    columns = {name: column(table, name) for name in table.column_names}
    keys = np.array(
        ["\0".join(values) for values in zip(*(columns[n].astype(str) for n in names), strict=True)]
    )
    for key in np.unique(keys):
        chosen = keys == key
        yield dict(zip(names, key.split("\0"), strict=True)), {n: v[chosen] for n, v in columns.items()}
