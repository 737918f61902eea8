"""A surface S(date, flux, background) as a table, which anybody can read: coefficient sets of version 2.

S is a product of quadratic B-splines on three uniform grids. With x = (v - origin) / step, i the whole part
of x and r the rest, the three coefficients i, i + 1, i + 2 have the weights (1 - r)^2 / 2, 1/2 + r - r^2
and r^2 / 2. So S is smooth, and within a cell of the flux axis a parabola, of which readout has an exact
inverse (`cte_lake.model.readout`). Its standard deviations are tables on grids of their own, linear between
their nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cte_lake.arrays import FloatArray
from cte_lake.errors import UsageError
from cte_lake.model.jumps import Gap, ramp
from cte_lake.model.terms import background_variable

#: Step of what a set writes: of S, and of its errors. A surface is rounded to it when it is made: a tenth of
#: the least error of any, and a twentieth.
VALUE_UNIT, ERROR_UNIT = 1e-6, 1e-5
#: The parts of an error that have a table: see docs/model.md.
TABLED = ("slopes", "visits", "form", "future")
#: Error of ln flux, of the law alone, up to which a star is trusted: 4.5 are the 1% that a correction
#: may be off by. Under `FAINT` electrons it may be more, by a factor.
TRUSTED, FAINT, FAINT_FACTOR = 0.0022, 500.0, 1.5
#: All parts; that of the chips, with that of the kinds, is a fraction of the loss.
PARTS = (*TABLED, "chips")


@dataclass(frozen=True)
class Grid:
    """A uniform grid of an axis.

    Attributes
    ----------
    origin, step : float
        Place of the first knot (or node) and distance to the next.
    size : int
        Coefficients of a spline (or nodes of a table); 1: the axis does not matter.
    """

    origin: float
    step: float
    size: int

    def place(self, values: ArrayLike) -> tuple[NDArray[np.int64], FloatArray]:
        """Return the cell of a spline's axis and the rest in it; the nearer edge outside."""
        cells = self.size - 2
        x = np.clip((np.asarray(values, dtype=np.float64) - self.origin) / self.step, 0.0, cells)
        cell = np.minimum(x.astype(np.int64), cells - 1)
        return cell, x - cell

    def spline(self, values: ArrayLike) -> FloatArray:
        """Return the weights of all coefficients, shape (n, size)."""
        at = np.atleast_1d(np.asarray(values, dtype=np.float64))
        if self.size == 1:
            return np.ones((at.size, 1))
        cell, r = self.place(at)
        weights = np.zeros((at.size, self.size))
        rows = np.arange(at.size)
        for shift, weight in enumerate((0.5 * (1.0 - r) ** 2, 0.5 + r - r**2, 0.5 * r**2)):
            weights[rows, cell + shift] = weight
        return weights

    def linear(self, values: ArrayLike) -> FloatArray:
        """Return the weights of all nodes of a table that is linear between them, shape (n, size)."""
        at = np.atleast_1d(np.asarray(values, dtype=np.float64))
        if self.size == 1:
            return np.ones((at.size, 1))
        x = np.clip((at - self.origin) / self.step, 0.0, self.size - 1.0)
        cell = np.minimum(x.astype(np.int64), self.size - 2)
        weights = np.zeros((at.size, self.size))
        rows = np.arange(at.size)
        weights[rows, cell] = 1.0 - (x - cell)
        weights[rows, cell + 1] = x - cell
        return weights

    def nodes(self) -> FloatArray:
        """Return the places of the nodes of a table."""
        return np.asarray(self.origin + self.step * np.arange(self.size))


Grids = tuple[Grid, Grid, Grid]
#: A date axis that does not matter.
_ANY_DATE = Grid(0.0, 1.0, 1)


@dataclass(frozen=True, eq=False)
class Apart:
    """How far the chips' losses lie apart by date and flux: tables that are linear between their nodes.

    Attributes
    ----------
    grids : tuple of Grid
        Date (MJD) and log10 flux (electrons); the nodes of the flux are the edges of the spline's cells.
    chips, chips_err : ndarray, shape (dates, fluxes)
        Half the relative difference, and its standard deviation.
    """

    grids: tuple[Grid, Grid]
    chips: FloatArray
    chips_err: FloatArray

    def at(self, table: FloatArray, mjd: ArrayLike, log_flux: ArrayLike) -> FloatArray:
        """Return a table's values at dates and log10 fluxes."""
        t, f = np.broadcast_arrays(np.asarray(mjd, np.float64), np.asarray(log_flux, np.float64))
        weights = [grid.linear(axis.ravel()) for grid, axis in zip(self.grids, (t, f), strict=True)]
        return np.asarray(np.einsum("ni,nj,ij->n", *weights, table, optimize=True)).reshape(t.shape)


@dataclass(frozen=True, eq=False)
class Surface:
    """The table of S and of its errors.

    Attributes
    ----------
    grids : tuple of Grid
        Of the spline: date (MJD), log10 flux (electrons), log10(1 + e-/px).
    values : ndarray, shape (dates, fluxes, backgrounds)
        Coefficients of the spline; loss per 2048 rows as a fraction.
    error_grids : tuple of Grid
        Of the errors' tables.
    parts : mapping of str to ndarray
        Standard deviation of S by what it comes from, of `TABLED`.
    chips : float
        Half the relative difference of the chips' losses: chip 1 loses 1 + chips, chip 2 1 - chips times S.
    chips_err : float
        Its standard deviation: with the chips not distinguished, how far they may be from their mean.
    apart : Apart or None
        Both by date and flux, where the chips were distinguished; `chips` and `chips_err` are then those of
        the date and flux at which they are known best.
    scatter : float
        Standard deviation of one visit's losses about S, relative. It is no error of S, and not in any part.
    kinds : mapping of str to tuple of float
        Of a surface of several targets, filters or lengths: by which part the losses of each lie off S, and
        its error.
    jumps : tuple of (Gap, ndarray)
        Between which epochs all losses jumped, and by how much: coefficients of a spline, shape (fluxes,
        backgrounds). They come on top of `values`, by `cte_lake.model.jumps.ramp`; on which day of the gap
        they did nobody knows, which is in the part ``form`` there.
    usual : tuple of float or None
        Of a surface of one level of flash, whose sky scatters: mean and standard deviation of the background
        variable. Stars whose background is not known have that mean; what the scatter changes of their S is
        in the part ``form``. None: the background must be known, or does not matter.
    """

    grids: Grids
    values: FloatArray
    error_grids: Grids
    parts: Mapping[str, FloatArray] = field(default_factory=dict)
    chips: float = 0.0
    chips_err: float = 0.0
    scatter: float = 0.0
    kinds: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    jumps: tuple[tuple[Gap, FloatArray], ...] = ()
    apart: Apart | None = None
    usual: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        shape = tuple(grid.size for grid in self.grids)
        if self.values.shape != shape:
            raise UsageError(f"a surface of shape {self.values.shape} does not fit its grids, {shape}")
        for gap, size in self.jumps:
            if size.shape != shape[1:] or not gap.end > gap.start:
                raise UsageError(f"a jump of shape {size.shape} from {gap.start} to {gap.end} is not valid")
        self._check_chips()
        nodes = tuple(grid.size for grid in self.error_grids)
        for name, table in self.parts.items():
            if name not in TABLED:
                raise UsageError(
                    f"a surface has no part {name!r} of its error; the parts are {', '.join(TABLED)}"
                )
            if table.shape != nodes:
                raise UsageError(f"the error {name!r} has shape {table.shape}, its grids {nodes}")
        for grid, least in [*((g, 3) for g in self.grids), *((g, 2) for g in self.error_grids)]:
            if not (grid.step > 0 and (grid.size == 1 or grid.size >= least)):
                raise UsageError(f"a grid of {grid.size} with step {grid.step} is not valid")

    def _check_chips(self) -> None:
        if self.apart is None:
            return
        size = tuple(grid.size for grid in self.apart.grids)
        if not (size[0] > 1 and size[1] == self.grids[1].size - 1 and size[1] > 1):
            raise UsageError(f"the chips' difference on {size} nodes does not fit the cells of the fluxes")
        if not self.apart.chips.shape == self.apart.chips_err.shape == size:
            raise UsageError(f"the chips' difference has shape {self.apart.chips.shape}, its grids {size}")

    def _plain(self) -> tuple[object, ...]:
        tables = {name: table.tolist() for name, table in self.parts.items()}
        numbers = (self.chips, self.chips_err, self.scatter, dict(self.kinds))
        jumps = [(gap, size.tolist()) for gap, size in self.jumps]
        chips = self.apart and (self.apart.grids, self.apart.chips.tolist(), self.apart.chips_err.tolist())
        return self.grids, self.values.tolist(), self.error_grids, tables, numbers, jumps, chips, self.usual

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Surface):
            return NotImplemented
        return self._plain() == other._plain()

    __hash__ = None  # type: ignore[assignment]

    def chips_at(self, mjd: ArrayLike, log_flux: ArrayLike) -> FloatArray:
        """Return half the relative difference of the chips' losses at dates and log10 fluxes."""
        if self.apart is None:
            return np.full(np.broadcast_shapes(np.shape(mjd), np.shape(log_flux)), self.chips)
        return self.apart.at(self.apart.chips, mjd, log_flux)

    @property
    def kinds_error(self) -> float:
        """Error of S, as a part of it, for which kind the stars are is not said."""
        total = sum(value**2 + error**2 for value, error in self.kinds.values())
        return float(np.sqrt(total / max(len(self.kinds), 1)))

    def relative_error(self, mjd: ArrayLike, log_flux: ArrayLike) -> FloatArray:
        """Return the error of S as a part of it: of the chips, and of which kind the stars are."""
        chips: ArrayLike = self.chips_err
        if self.apart is not None:
            chips = self.apart.at(self.apart.chips_err, mjd, log_flux)
        return np.asarray(np.hypot(chips, self.kinds_error))

    def of_kind(self, name: str) -> Surface:
        """Return the surface of one of the kinds it is of.

        Raises
        ------
        UsageError
            If there is none of the name.
        """
        if name not in self.kinds:
            there = ", ".join(self.kinds) or "none"
            raise UsageError(f"the surface has no losses of {name!r} of their own; it has {there}")
        value, error = self.kinds[name]
        factor = 1.0 + value
        return replace(
            self,
            values=factor * self.values,
            jumps=tuple((gap, factor * size) for gap, size in self.jumps),
            parts={part: factor * table for part, table in self.parts.items()},
            kinds={name: (0.0, error / factor)},
        )

    @cached_property
    def total(self) -> FloatArray:
        """Standard deviation of S of all parts that have a table, on the grid of the errors."""
        square = np.zeros(tuple(grid.size for grid in self.error_grids))
        for table in self.parts.values():
            square += table**2
        return np.asarray(np.sqrt(square))

    def loss(self, mjd: ArrayLike, log_flux: ArrayLike, b: ArrayLike) -> FloatArray:
        """Return S, the mean of the chips, at dates, log10 fluxes and background variables."""
        sky = self.sky(b)
        jumped = (ramp(gap, np.asarray(mjd)) * self.jump(size, log_flux, sky) for gap, size in self.jumps)
        return sum(jumped, start=self._at(self.grids, self.values, Grid.spline, mjd, log_flux, sky))

    def sky(self, b: ArrayLike) -> FloatArray:
        """Return background variables, the usual one where none is known."""
        known = np.asarray(b, dtype=np.float64)
        return known if self.usual is None else np.where(np.isnan(known), self.usual[0], known)

    def _of_unknown_sky(self, mjd: ArrayLike, log_flux: ArrayLike, b: ArrayLike) -> FloatArray:
        """Standard deviation of S where no background is known: half of its change over the usual scatter."""
        if self.usual is None:
            return np.zeros(np.shape(b))
        low, high = (self.loss(mjd, log_flux, self.usual[0] + sign * self.usual[1]) for sign in (-1, 1))
        return np.asarray(np.where(np.isnan(b), 0.5 * np.abs(high - low), 0.0))

    def jump(self, size: FloatArray, log_flux: ArrayLike, b: ArrayLike) -> FloatArray:
        """Return by how much S jumped at log10 fluxes and background variables."""
        grids = (_ANY_DATE, *self.grids[1:])
        return self._at(grids, size[None], Grid.spline, 0.0, log_flux, b)

    def _day_of_jumps(self, mjd: ArrayLike, log_flux: ArrayLike, b: ArrayLike) -> FloatArray:
        """Variance of S between two epochs with a jump: nothing says on which day it was."""
        total = np.zeros(np.broadcast_shapes(np.shape(mjd), np.shape(log_flux), np.shape(b)))
        for gap, size in self.jumps:
            part = ramp(gap, np.asarray(mjd))
            total = total + part * (1.0 - part) * self.jump(size, log_flux, b) ** 2
        return total

    def error(self, mjd: ArrayLike, log_flux: ArrayLike, b: ArrayLike, part: str | None = None) -> FloatArray:
        """Return the standard deviation of `loss`, all of it or one part's (0 where the surface has none)."""
        chips = self.relative_error(mjd, log_flux) * np.abs(self.loss(mjd, log_flux, b))
        if part == "chips":
            return chips
        table = self.total if part is None else self.parts.get(part)
        own = 0.0 * chips
        if table is not None:
            own = self._at(self.error_grids, table, Grid.linear, mjd, log_flux, self.sky(b))
        if part in ("form", None):
            day = self._day_of_jumps(mjd, log_flux, self.sky(b))
            own = np.sqrt(own**2 + day + self._of_unknown_sky(mjd, log_flux, b) ** 2)
        return own if part else np.hypot(own, chips)

    def _at(
        self,
        grids: Grids,
        values: FloatArray,
        weights: Callable[[Grid, ArrayLike], FloatArray],
        *variables: ArrayLike,
    ) -> FloatArray:
        t, f, b = np.broadcast_arrays(*(np.asarray(v, dtype=np.float64) for v in variables))
        one, two, three = (weights(grid, axis.ravel()) for grid, axis in zip(grids, (t, f, b), strict=True))
        by_date = values.reshape(values.shape[0], -1)
        # In parts: the weights of a million stars on a grid of a hundred dates are a gigabyte.
        found = np.empty(t.size)
        for start in range(0, t.size, 4_000):
            at = slice(start, start + 4_000)
            then = (one[at] @ by_date).reshape(-1, *values.shape[1:])
            found[at] = np.einsum("nj,nj->n", (then @ three[at, :, None])[..., 0], two[at])
        return found.reshape(t.shape)


def tabulate(
    function: Callable[[FloatArray, FloatArray, FloatArray], FloatArray], grids: Grids
) -> FloatArray:
    """Return the coefficients of the spline that meets a function in the middle of its cells and at the ends.

    Parameters
    ----------
    function : callable
        S of arrays of date, log10 flux and background variable.
    grids : tuple of Grid
        Of the spline.
    """
    points = [_meeting(grid) for grid in grids]
    mesh = np.meshgrid(*points, indexing="ij")
    wanted = function(*(axis.ravel() for axis in mesh)).reshape(mesh[0].shape)
    one, two, three = (np.linalg.inv(grid.spline(at)) for grid, at in zip(grids, points, strict=True))
    return np.asarray(np.einsum("ia,jb,kc,abc->ijk", one, two, three, wanted, optimize=True))


def _meeting(grid: Grid) -> FloatArray:
    if grid.size == 1:
        return np.array([grid.origin])
    cells = np.arange(grid.size - 2) + 0.5
    return np.asarray(grid.origin + grid.step * np.concatenate([[0.0], cells, [grid.size - 2.0]]))


def background_of(surface: Surface, background: ArrayLike) -> FloatArray:
    """Return the background variable of e-/px, zero where the surface does not depend on it.

    What is not known stays so: `Surface.sky` has a value for it where there is a usual one.
    """
    sky = np.asarray(background, dtype=np.float64)
    return background_variable(sky) if surface.grids[2].size > 1 else np.zeros_like(sky)
