"""Sets that the configuration asks for and the lake has not: made as soon as their visits carry one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from cte_lake.correction.coefficient_files import path_in_lake, read_sets, write_coefficients
from cte_lake.correction.fit_lake import fit_lake
from cte_lake.correction.followed import ADVICE, FitRequest, request_of
from cte_lake.correction.renewal import free_name
from cte_lake.errors import FitRefused, NothingToDo
from cte_lake.lake.selection import Selection
from cte_lake.lake.stored import StoredLake
from cte_lake.model.fit import MIN_BINS
from cte_lake.model.points import epochs
from cte_lake.wording import target_text

if TYPE_CHECKING:
    from cte_lake.api import Lake
    from cte_lake.config import Settings
    from cte_lake.config.sections import AskedSet
    from cte_lake.correction.fit_lake import FitOutcome
    from cte_lake.model.coefficients import CoefficientSet


@dataclass(frozen=True)
class FirstSet:
    """A set that was asked for and not there: the new one, None where it has to wait, and that in words."""

    new: CoefficientSet | None
    advice: str


def make_first_sets(
    lake: StoredLake, settings: Settings, sets: Iterable[CoefficientSet] | None = None
) -> list[FirstSet]:
    """Fit the sets of ``refresh.sets`` of which the lake has none; one by hand of the same exposures counts.

    `sets` are those of the lake, by default read here.

    Raises
    ------
    UnknownName
        If the configuration asks for a target that there is not.
    """
    from cte_lake.api import open_lake

    asked = settings.config.refresh.sets
    if not asked:
        return []
    with open_lake(lake, settings=settings) as opened:
        there = list(_selections(opened, read_sets(lake)[0] if sets is None else sets))
        wanted = [(one, opened.select(_selection(one))) for one in asked]
        return [_first(opened, settings, one, chosen) for one, chosen in wanted if chosen not in there]


def _selections(opened: Lake, sets: Iterable[CoefficientSet]) -> Iterator[Selection]:
    for one in sets:
        if (found := request_of(one)) is not None:
            yield opened.select(replace(found[0].selection, until=None))


def _selection(asked: AskedSet) -> Selection:
    return Selection(
        target=(asked.target,),
        filter=(asked.filter,),
        length=(asked.length,),
        filetype=(asked.filetype,),
        flash=tuple(asked.flash),
    )


def _first(opened: Lake, settings: Settings, asked: AskedSet, chosen: Selection) -> FirstSet:
    measure = settings.config.measure
    request = FitRequest(chosen, aperture=measure.aperture, estimator=measure.estimator)
    name = f"{target_text(chosen.target[0])} {asked.filter} {asked.length} {asked.filetype.upper()}"
    try:
        opened.keep_slopes(request.aperture, [request.estimator], chosen.of_losses())
        outcome = fit_lake(opened, request, settings.hash())
        _refuse_early(outcome)
    except (FitRefused, NothingToDo) as error:
        return FirstSet(None, f"the first set of {name} has to wait: {error}")
    found = replace(outcome.coefficients, name=free_name(opened.stored, outcome.coefficients.name))
    advice = f"observers may use {found.name}, the first of {name}; look at it before you publish it"
    found = replace(found, provenance={**found.provenance, ADVICE: advice})
    write_coefficients(path_in_lake(opened.stored, found.name), found)
    return FirstSet(found, advice)


def _refuse_early(outcome: FitOutcome) -> None:
    """Refuse a set that nothing contradicts: the night makes it, and nobody looks at it before."""
    by_hand = "`cte-lake fit` makes a set of these by hand"
    fit = next(trial.fit for trial in outcome.candidates if trial.chosen and trial.fit is not None)
    points, degree, needed = fit.points, fit.time_degree, fit.time_degree + 2
    found = epochs(points.mjd).size
    if found < needed:
        raise FitRefused(
            f"{found} epochs cannot test a time dependence of degree {degree}, which needs {needed}; "
            f"{by_hand}"
        )
    bins = [epochs(points.mjd[points.bin_lo == low]).size >= needed for low in np.unique(points.bin_lo)]
    if sum(bins) < MIN_BINS:
        raise FitRefused(
            f"{sum(bins)} flux bins have slopes in {needed} epochs, a quadratic in log flux needs "
            f"{MIN_BINS}; {by_hand}"
        )
    if outcome.no_surface:
        raise FitRefused(f"{outcome.no_surface}; {by_hand}")
