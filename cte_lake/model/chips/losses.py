"""Each chip's losses as they are handed on: rows with errors, full covariance, and sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cte_lake.arrays import FloatArray
from cte_lake.detector import DETECTOR
from cte_lake.model.chips.conditions import UNFIXED, Rolled, setting_dates
from cte_lake.model.chips.equations import pairs_of_chips
from cte_lake.model.chips.rows import Exposures
from cte_lake.model.chips.solve import ChipSolution
from cte_lake.model.points import MIN_STARS

_LN10 = float(np.log(10.0))
_DAYS_PER_YEAR = 365.25
_EPOCHS_OF_PARABOLA = 4


@dataclass(frozen=True)
class LeftOut:
    """Measurements that do not count, and why.

    Attributes
    ----------
    rows : int
        Measurements of the selected exposures.
    flagged : int
        Of these, with a flag that excludes, too little good area, or no number.
    """

    rows: int
    flagged: int


@dataclass(frozen=True, eq=False)
class ChipLosses:
    """Losses of each chip, epoch, level of post-flash and flux bin.

    Attributes
    ----------
    solution : ChipSolution
        Losses, covariance, and what fixed them.
    left_out : LeftOut or None
        Counts of the measurements, where they came from a lake.
    min_stars : int
        Fewest stars of a loss that is given.
    """

    exposures: Exposures
    solution: ChipSolution
    left_out: LeftOut | None = None
    min_stars: int = MIN_STARS

    @cached_property
    def is_determined(self) -> NDArray[np.bool_]:
        """Whether a loss is determined, by enough stars; shape (losses,), a flux bin after the other."""
        sums, solved = self.solution.sums, self.solution.determined
        good = self._measured & (sums.stars.ravel() >= self.min_stars)
        good &= ~np.any(np.abs(_shares(solved.others)) > 0.05, axis=1)
        for tilt, fixed in zip(solved.open_tilts, self.solution.fixed_by, strict=True):
            if fixed == UNFIXED:
                good &= tilt.direction == 0
        return good

    @cached_property
    def _measured(self) -> NDArray[np.bool_]:
        return self.solution.sums.alone(self.exposures).ravel() > 0

    @cached_property
    def loss(self) -> FloatArray:
        """S of each loss, a flux bin after the other: fraction of what is left, per 2048 rows."""
        return self.solution.terms.loss.T.ravel()

    @cached_property
    def log_flux(self) -> FloatArray:
        """log10 of the flux half-way down the chips for which each loss stands.

        Half-way a star has lost half of the mean of both chips' losses: so it is what a pair's mean flux is.
        """
        return self.log_flux_before - self._mean_loss() / 2.0 / _LN10

    @cached_property
    def log_flux_before(self) -> FloatArray:
        """log10 of the flux before the loss for which each loss stands: one for each bin."""
        return np.repeat(self.solution.terms.pivot / _LN10, len(self.exposures.settings))

    def _mean_loss(self) -> FloatArray:
        mean = self.loss.copy()
        two, one, _ = pairs_of_chips(self.exposures, self._measured)
        mean[two] = mean[one] = (self.loss[two] + self.loss[one]) / 2.0
        return mean

    @cached_property
    def index(self) -> NDArray[np.intp]:
        """The losses in the order of `rows`: by chip (2 first), epoch, post-flash and flux bin."""
        g = len(self.exposures.settings)
        keys = [
            (-self.exposures.settings[k].chip, self.exposures.settings[k], number)
            for number in range(len(self.exposures.bins))
            for k in range(g)
        ]
        measured = self._measured
        return np.array([k for k in sorted(range(len(keys)), key=keys.__getitem__) if measured[k]], np.intp)

    @cached_property
    def covariance(self) -> FloatArray:
        """Covariance of the losses in the order of `rows`; NaN for those that are not given."""
        whole = np.where(np.outer(self.is_determined, self.is_determined), self.solution.covariance, np.nan)
        return whole[np.ix_(self.index, self.index)]

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each chip, epoch, level of post-flash and flux bin; None for what is not given."""
        g = len(self.exposures.settings)
        error = np.sqrt(np.diag(self.solution.covariance))
        mean = self.log_flux
        facts = self._facts()
        found = []
        for place in self.index:
            number, setting = divmod(int(place), g)
            low, high = self.exposures.bins[number]
            given = bool(self.is_determined[place])
            found.append(
                {
                    **facts[setting],
                    "bin_lo": low,
                    "bin_hi": high,
                    "n": int(self.solution.sums.stars[number, setting]),
                    "mean_log_flux": float(mean[place]),
                    "loss": float(self.loss[place]) if given else None,
                    "loss_err": float(error[place]) if given else None,
                }
            )
        return found

    def _facts(self) -> list[dict[str, Any]]:
        """What the rows of a setting share."""
        of, dates = self.exposures.setting_of, setting_dates(self.exposures)
        counts = np.bincount(of)
        sky = np.bincount(of, self.exposures.background) / counts
        return [
            {
                "chip": one.chip,
                "epoch": one.epoch,
                "mjd": float(dates[k]),
                "flash": one.flash,
                "background": float(sky[k]),
                "n_exposures": int(counts[k]),
            }
            for k, one in enumerate(self.exposures.settings)
        ]

    def of_both_chips(self) -> list[dict[str, Any]]:
        """Return a row for each epoch, level of post-flash and flux bin that both chips have.

        ``loss`` is the mean of the chips, which pairs measure too; ``difference`` that of chip 2 less that of
        chip 1, None where nothing determines it; each with its error.
        """
        g = len(self.exposures.settings)
        enough = self.solution.sums.stars.ravel() >= self.min_stars
        two, one, bins = pairs_of_chips(self.exposures, (self._measured) & enough)
        c = self.solution.covariance
        variances, cross = np.diag(c)[two] + np.diag(c)[one], c[two, one]
        mean = self.log_flux
        facts = self._facts()
        return [
            {
                **{k: v for k, v in facts[j % g].items() if k not in {"chip", "n_exposures"}},
                "mjd": (facts[i % g]["mjd"] + facts[j % g]["mjd"]) / 2.0,
                "background": (facts[i % g]["background"] + facts[j % g]["background"]) / 2.0,
                "bin_lo": self.exposures.bins[number][0],
                "bin_hi": self.exposures.bins[number][1],
                "n": int(self.solution.sums.stars.ravel()[[i, j]].min()),
                "mean_log_flux": float(mean[[i, j]].mean()),
                "loss": float(self.loss[i] + self.loss[j]) / 2.0,
                "loss_err": float(np.sqrt(v + 2.0 * w)) / 2.0,
                "difference": float(self.loss[i] - self.loss[j])
                if self.is_determined[[i, j]].all()
                else None,
                "difference_err": float(np.sqrt(v - 2.0 * w)) if self.is_determined[[i, j]].all() else None,
            }
            for i, j, number, v, w in zip(two, one, bins, variances, cross, strict=True)
        ]

    def rolled(self, bins: Sequence[tuple[float, float]]) -> tuple[Rolled, ...]:
        """Return the chips' differences as what fixes another solution's tilt, with that solution's bins."""
        number = {limits: k for k, limits in enumerate(sorted(bins))}
        return tuple(
            Rolled(number[limits], row["mjd"], row["flash"], row["difference"], row["difference_err"])
            for row in self.of_both_chips()
            if row["difference"] is not None and (limits := (row["bin_lo"], row["bin_hi"])) in number
        )

    def at_launch(self) -> list[tuple[float, float]]:
        """Return the mean of both chips at launch in each flux bin, and its error, by a parabola in time.

        The sum of the chips is determined by every epoch by itself, so that this tries the condition of no
        loss at launch. Of the lowest post-flash that four epochs have; bins with fewer are left out.
        """
        g, found = len(self.exposures.settings), []
        enough = self.solution.sums.stars.ravel() >= self.min_stars
        two, one, bins = pairs_of_chips(self.exposures, self._measured & enough)
        years = (setting_dates(self.exposures)[two % g] - DETECTOR.installed) / _DAYS_PER_YEAR
        flash = np.array([self.exposures.settings[k].flash for k in two % g])
        for number in range(len(self.exposures.bins)):
            for level in sorted(set(flash[bins == number].tolist())):
                here = np.flatnonzero((bins == number) & (flash == level))
                if here.size < _EPOCHS_OF_PARABOLA:
                    continue
                i, j = two[here], one[here]
                c = self.solution.covariance
                covariance = (c[np.ix_(i, i)] + c[np.ix_(j, j)] + c[np.ix_(i, j)] + c[np.ix_(j, i)]) / 4.0
                error = np.sqrt(np.diag(covariance))
                design = np.vander(years[here], 3, increasing=True) / error[:, None]
                share = np.linalg.pinv(design)[0] / error
                value = float(share @ (self.loss[i] + self.loss[j])) / 2.0
                found.append((value, float(np.sqrt(share @ covariance @ share))))
                break
        return found

    def sentences(self) -> list[str]:
        """Say what was left open and by what it was fixed, and what share does not count."""
        said = [*self._what_is_open(), *self._what_is_left_out()]
        return [one[:1].upper() + one[1:] for one in said]

    def _what_is_open(self) -> list[str]:
        determined = self.solution.determined
        said = []
        if count := len(determined.open_tilts):
            several = "" if count == 1 else f" ({count} independent ones, by flux bin or set of stars)"
            said.append(
                "the exposures do not determine a loss that is larger on chip 2 and as much smaller on "
                f"chip 1 at all dates{several}, for every star keeps its row; "
                f"it is fixed by {'; '.join(sorted(set(self.solution.fixed_by)))}"
            )
            if values := self.at_launch():
                value, error = np.array(values).T
                weight = error**-2.0
                said.append(
                    "the mean of both chips, continued to launch as a parabola in time, is "
                    f"{100 * float(np.sum(weight * value) / weight.sum()):.1f} +- "
                    f"{100 * float(weight.sum() ** -0.5):.1f}% there, all flux bins together"
                )
        else:
            said.append("the rows of the stars differ enough between exposures to determine each chip alone")
        if count := determined.others.shape[1]:
            undetermined = int(np.sum(~self.is_determined & (self._measured)))
            said.append(
                f"{count} further combination{'s' * (count != 1)} of losses, of epochs or bins whose "
                f"stars no other exposure shares, {'are' if count != 1 else 'is'} not determined: "
                f"{undetermined} losses are left out"
            )
        return said

    def _what_is_left_out(self) -> list[str]:
        said = []
        if self.left_out is not None and self.left_out.rows:
            said.append(
                f"{100 * self.left_out.flagged / self.left_out.rows:.1f}% of {self.left_out.rows:,} "
                "measurements are left out for a flag, masked area or no flux"
            )
        kept, clean = self.solution.sums.kept.sum(axis=1)
        said.append(
            f"robust weights take {100 * (1 - kept / clean):.1f}% of the weight; {self.solution.noisy} "
            f"stars scatter by over twice their noise; {self.solution.outside} stars lie in no flux bin"
        )
        return said


def _shares(directions: FloatArray) -> FloatArray:
    """Elements of directions over the largest of each."""
    largest = np.max(np.abs(directions), axis=0, initial=0.0)
    return np.asarray(directions / np.maximum(largest, 1e-300))
