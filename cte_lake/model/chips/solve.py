"""Solves for each chip's losses: passes over all stars until the terms stand still."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cte_lake.arrays import FloatArray
from cte_lake.errors import FitRefused
from cte_lake.model.chips.conditions import ROLLED, UNFIXED, Rolled, as_rolled, no_loss_at_launch
from cte_lake.model.chips.equations import Condition, Determined, Reduced, determine, pairs_of_chips, reduce
from cte_lake.model.chips.equations import solve as solve_equations
from cte_lake.model.chips.rows import Exposures, StarRows, StarState, Terms
from cte_lake.model.chips.sums import PULL_EDGES, Sums, pass_over

#: Passes over a part of the stars to begin with, passes until bins stand, and most of all passes.
_FIRST_PASSES, _BIN_PASSES, _MOST_PASSES = 3, 5, 20
#: Of many groups of stars every n-th takes part in the first passes.
_FIRST_PART = 6
#: Step of a loss, in its own errors (and at least 1e-6), under which the terms stand still.
_STILL = 0.02
#: Median of |normal deviate|.
_MEDIAN = 0.6745
#: Scatter of a flux beyond its noise to begin with.
_SCATTER = 0.01


@dataclass(frozen=True, eq=False)
class Task:
    """A group of stars in one pass: its number, its state, and what holds for all."""

    group: int
    state: StarState
    terms: Terms
    last: bool
    judge: bool


#: Carries out the tasks of a pass and yields the outcomes in the order of the tasks.
Run = Callable[[Sequence[Task]], Iterable[tuple[Sums, StarState]]]


@dataclass(frozen=True)
class Method:
    """How the losses are solved for.

    Attributes
    ----------
    zero_per_bin : bool
        Whether each flux bin of an exposure has its own zero point. Then the level of a bin says nothing,
        only its slope along the rows; errors are about twice as large.
    rolled : tuple of Rolled
        Differences of the chips in a 180-degree set, which fix an open tilt instead of the launch.
    """

    zero_per_bin: bool = False
    rolled: tuple[Rolled, ...] = ()


@dataclass(frozen=True, eq=False)
class ChipSolution:
    """The solution.

    Attributes
    ----------
    terms : Terms
        Zero points, losses and scatter.
    covariance : ndarray, shape (losses, losses)
        Of the losses, a flux bin after the other; NaN where nothing was measured.
    determined : Determined
        What the stars left open.
    fixed_by : tuple of str
        By what each open tilt was fixed.
    sums : Sums
        Of the last pass.
    outside : int
        Stars in no flux bin.
    noisy : int
        Stars that scatter by more than twice their noise.
    passes : int
        Passes over the stars.
    """

    terms: Terms
    covariance: FloatArray
    determined: Determined
    fixed_by: tuple[str, ...]
    sums: Sums
    outside: int
    noisy: int
    passes: int


def here(groups: Sequence[StarRows], exposures: Exposures) -> Run:
    """Return what carries out the tasks of a pass in this process, one after the other."""

    def run(tasks: Sequence[Task]) -> Iterator[tuple[Sums, StarState]]:
        for task in tasks:
            yield pass_over(groups[task.group], task.state, task.terms, exposures, task.last, task.judge)

    return run


def solve(
    levels: Sequence[FloatArray], exposures: Exposures, run: Run, method: Method | None = None
) -> ChipSolution:
    """Solve for the losses of each chip, epoch, post-flash and flux bin.

    Parameters
    ----------
    levels : sequence of ndarray
        ln(flux) of the stars of each group (`StarRows.mean_log`), to begin with.
    exposures : Exposures
        What the losses are of.
    run : callable
        Carries out passes over the groups (`here`).
    method : Method, optional
        How they are solved for.

    Raises
    ------
    FitRefused
        If no star counts.
    """
    method = method or Method()
    bins, g = len(exposures.bins), len(exposures.settings)
    nothing, none = np.zeros((g, bins)), np.zeros(bins)
    terms = Terms(np.tile(exposures.zero, (bins, 1)), nothing, np.full(bins, _SCATTER), none, none, nothing)
    states = [_state(level, exposures) for level in levels]
    first = list(range(0, len(levels), _FIRST_PART)) if len(levels) >= 2 * _FIRST_PART else []
    determined: Determined | None = None
    fixed: tuple[str, ...] = ()
    step = np.inf
    for number in range(_MOST_PASSES):
        early = number < _FIRST_PASSES
        last = not early and number >= _BIN_PASSES and step < 1.0
        groups = first if early and first else list(range(len(levels)))
        tasks = [Task(k, states[k], terms, last, number > 1) for k in groups]
        sums = Sums.empty(exposures, last)
        for k, (one, state) in zip(groups, run(tasks), strict=True):
            sums.add(one)
            states[k] = state if number >= _BIN_PASSES else replace(state, bin=_bins(state.level, exposures))
        reduced = reduce(sums, exposures, method.zero_per_bin)
        if not np.any(reduced.alone > 0):
            raise FitRefused("no star in the flux bins was measured in two exposures; nothing can be solved")
        if number in {0, _BIN_PASSES} or determined is None:
            determined = determine(reduced, exposures)
        conditions, closed, fixed = _held(reduced, exposures, determined, terms.loss.T.ravel(), method)
        found = solve_equations(reduced, sums, exposures, conditions, closed, terms.loss.T.ravel())
        terms = replace(
            terms,
            zero=terms.zero + found.zero,
            loss=terms.loss + found.loss.reshape(bins, g).T,
            scatter=_scatter(terms.scatter, sums) if number else terms.scatter,
        )
        if number < _BIN_PASSES:
            terms = _within_bins(terms, sums, reduced, exposures)
        step = _largest(found.loss, reduced)
        if last and step < _STILL:
            break
    assert determined is not None
    noisy = sum(int(np.sum((state.spread > 4.0) & (state.bin >= 0))) for state in states)
    outside = sum(int(np.sum(state.bin < 0)) for state in states)
    return ChipSolution(terms, found.covariance, determined, fixed, sums, outside, noisy, number + 1)


def _within_bins(terms: Terms, sums: Sums, reduced: Reduced, exposures: Exposures) -> Terms:
    """Return how losses change with the flux within each bin, from the neighbouring bins."""
    shape = len(exposures.bins), len(exposures.settings)
    common = terms.loss.T.ravel().copy()
    two, one, _ = pairs_of_chips(exposures, reduced.alone > 0)
    common[two] = common[one] = (common[two] + common[one]) / 2.0
    of_bin = common.reshape(shape)
    known = (reduced.alone > 0).reshape(shape)
    with np.errstate(invalid="ignore", divide="ignore"):
        pivot = np.where(sums.moments[0] > 0, sums.moments[1] / sums.moments[0], 0.0)
    power = np.zeros(shape[0])
    measured = np.flatnonzero(known.any(axis=1))
    for place, k in enumerate(measured):
        low, high = measured[max(place - 1, 0)], measured[min(place + 1, measured.size - 1)]
        both = known[low] & known[high] & known[k]
        if low == high or not both.any():
            continue
        mean = of_bin[:, both].mean(axis=1)
        error = np.sqrt(np.max(np.sum(1.0 / reduced.alone.reshape(shape)[[low, high]][:, both], axis=1)))
        error = error / both.sum()
        # Losses near zero, or of either sign, follow no power.
        if abs(mean[low]) > 5.0 * error and abs(mean[high]) > 5.0 * error and mean[low] * mean[high] > 0:
            power[k] = np.clip(np.log(mean[high] / mean[low]) / (pivot[high] - pivot[low]), -2.0, 2.0)
    return replace(terms, pivot=pivot, power=power, common=of_bin.T)


def _state(level: FloatArray, exposures: Exposures) -> StarState:
    return StarState(np.nan_to_num(level, nan=-20.0), _bins(level, exposures), np.ones(level.size))


def _bins(level: FloatArray, exposures: Exposures) -> np.ndarray[tuple[int], np.dtype[np.int8]]:
    return exposures.bin_of(np.exp(level))


def _largest(step: FloatArray, reduced: Reduced) -> float:
    """Largest step in errors that a loss had if the stars' fluxes were known."""
    known = reduced.alone > 0
    error = np.maximum(reduced.alone[known] ** -0.5, 1e-6)
    return float(np.max(np.abs(step[known]) / error))


def _held(
    reduced: Reduced, exposures: Exposures, determined: Determined, loss: FloatArray, method: Method
) -> tuple[list[Condition], FloatArray, tuple[str, ...]]:
    conditions: list[Condition] = []
    closed = [determined.others]
    fixed: list[str] = []
    for tilt in determined.open_tilts:
        rolled = as_rolled(method.rolled, tilt, exposures)
        launch = None if rolled else no_loss_at_launch(tilt, reduced, exposures, loss)
        if rolled:
            conditions += rolled
            fixed.append(ROLLED)
        elif launch is not None:
            conditions.append(launch[0])
            fixed.append(launch[1])
        else:
            closed.append(tilt.direction[:, None])
            fixed.append(UNFIXED)
    return conditions, np.hstack(closed), tuple(fixed)


def _scatter(scatter: FloatArray, sums: Sums) -> FloatArray:
    """Bring each bin's scatter to where half of the pulls are under the median of a normal deviate."""
    found = scatter.copy()
    for number, counts in enumerate(sums.pulls):
        total = int(counts.sum())
        if total < 100 or sums.variance[1, number] <= 0:
            continue
        below = np.concatenate([[0], np.cumsum(counts)])
        half = float(np.interp(0.5 * total, below, PULL_EDGES))
        own = sums.variance[0, number] / sums.variance[1, number] + scatter[number] ** 2
        squared = scatter[number] ** 2 + ((half / _MEDIAN) ** 2 - 1.0) * own
        found[number] = np.sqrt(max(squared, 0.0))
    return found
