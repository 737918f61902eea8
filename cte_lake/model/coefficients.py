"""A coefficient set: everything a correction needs, and where it is good."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from cte_lake.arrays import FloatArray
from cte_lake.errors import UsageError
from cte_lake.model.fit import SurfaceFit
from cte_lake.model.points import MIXED, epochs
from cte_lake.model.shift import ShiftLaw
from cte_lake.model.surface import Surface, background_of
from cte_lake.model.terms import MJD_ZERO, Centring, Term, background_variable, recentre, term_name

Range = tuple[float, float]
#: Of a covariance, relative to the errors: what rounding can leave.
_ASYMMETRY = 1e-3


@dataclass(frozen=True)
class Validity:
    """Where a coefficient set rests on data.

    Attributes
    ----------
    flux : tuple of float
        Electrons within the aperture, less the sky.
    mjd : tuple of float
        Dates.
    background : tuple of float
        Electrons per pixel; NaN where it is not known.
    radius : int
        Aperture radius of the fluxes, px.
    filetype : {'flt', 'flc'}
        Whether the pixels had been corrected already.
    """

    flux: Range
    mjd: Range
    background: Range
    radius: int
    filetype: str

    def __post_init__(self) -> None:
        for name, (low, high) in (("flux", self.flux), ("mjd", self.mjd)):
            if not low <= high:
                raise UsageError(f"validity range {name} = [{low}, {high}] must rise")
        if self.flux[0] <= 0:
            raise UsageError(f"validity range flux starts at {self.flux[0]}; it must be above zero")
        if self.filetype not in {"flt", "flc"}:
            raise UsageError(f"validity filetype {self.filetype!r} must be flt or flc")


@dataclass(frozen=True, eq=False)
class CoefficientSet:
    """A published surface S(d, f) or S(d, f, b).

    Attributes
    ----------
    name : str
        Name of the set, also of its file.
    terms : tuple of Term
        Exponents of d = MJD - 55400, f = log10 electrons, b = log10(1 + e-/px).
    coefficients : ndarray, shape (p,)
        Loss per 2048 rows as a fraction, per unit of the terms.
    covariance : ndarray, shape (p, p)
        NaN throughout where it is not known (the 2017 files).
    validity : Validity
        Where it rests on data.
    selection : mapping of str to str
        What was fitted: target, filter, length, flash, estimator, ...
    quality : mapping of str to float
        Figures of the fit: points, visits, epochs, chi2, aic, bic, scale, condition, outliers; bootstrap_min
        and bootstrap_max, errors from bootstrap resamples over visits over the fit's, where these were made;
        background and background_scatter, mean and standard deviation (e-/px), where it is no variable.
    provenance : mapping of str to str
        lake_hash, config_hash, date, versions of the software, or the source of a foreign set.
    surface : Surface or None
        The surface that the data chose, by which losses are predicted and corrected; the coefficients are
        then the nearest member of the published family, for tables. None: the coefficients are all there
        is.
    shift : ShiftLaw or None
        How far readout moves centroids; None where it was not fitted.
    """

    name: str
    terms: tuple[Term, ...]
    coefficients: FloatArray
    covariance: FloatArray
    validity: Validity
    selection: Mapping[str, str] = field(default_factory=dict)
    quality: Mapping[str, float] = field(default_factory=dict)
    provenance: Mapping[str, str] = field(default_factory=dict)
    surface: Surface | None = None
    shift: ShiftLaw | None = None

    def __post_init__(self) -> None:
        size = len(self.terms)
        if self.coefficients.shape != (size,) or self.covariance.shape != (size, size):
            raise UsageError(
                f"coefficient set {self.name!r}: {size} terms, but coefficients of shape "
                f"{self.coefficients.shape} and a covariance of shape {self.covariance.shape}"
            )
        if len(set(self.terms)) != size or any(not 0 <= p <= 2 for term in self.terms for p in term):
            raise UsageError(f"coefficient set {self.name!r}: a term is given twice or has a power over 2")
        if not np.isfinite(self.coefficients).all():
            raise UsageError(f"coefficient set {self.name!r}: a coefficient is not a finite number")
        self._check_covariance()

    def _check_covariance(self) -> None:
        """Refuse what is no covariance; NaN stands for all of a term whose error is not known."""
        variances = self.covariance.diagonal()
        known = np.isfinite(variances)
        if np.isinf(self.covariance).any() or (variances[known] < 0).any():
            raise UsageError(f"coefficient set {self.name!r}: a variance is infinite or negative")
        if (np.isnan(self.covariance) == np.outer(known, known)).any():
            raise UsageError(f"coefficient set {self.name!r}: the covariance has gaps")
        block = self.covariance[np.ix_(known, known)]
        scale = np.sqrt(np.outer(variances[known], variances[known]))
        if (np.abs(block - block.T) > _ASYMMETRY * scale).any():
            raise UsageError(f"coefficient set {self.name!r}: the covariance is not symmetric")

    def __repr__(self) -> str:
        held, names = self.validity, ", ".join(self.term_names)
        flux, mjd = (f"{low:.0f}-{high:.0f}" for low, high in (held.flux, held.mjd))
        files = f"{held.filetype.upper()}, aperture {held.radius} px"
        return f"<CoefficientSet {self.name}: {files}, {flux} e-, MJD {mjd}; terms {names}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CoefficientSet):
            return NotImplemented
        return (
            (self.name, self.terms, repr(self.validity)) == (other.name, other.terms, repr(other.validity))
            and np.array_equal(self.coefficients, other.coefficients)
            and np.array_equal(self.covariance, other.covariance, equal_nan=True)
            and dict(self.selection) == dict(other.selection)
            and repr(dict(self.quality)) == repr(dict(other.quality))
            and dict(self.provenance) == dict(other.provenance)
            and self.surface == other.surface
            and repr(self.shift) == repr(other.shift)
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def has_background(self) -> bool:
        """Whether the background of a star must be known: it is a variable, and there is no usual one."""
        if self.surface is not None:
            return self.surface.grids[2].size > 1 and self.surface.usual is None
        return self._terms_have_background

    @property
    def _terms_have_background(self) -> bool:
        return any(k for _, _, k in self.terms)

    @property
    def term_names(self) -> list[str]:
        """Names of the coefficients, ``c00`` ... ``c22`` or with a third index."""
        return [term_name(term, self._terms_have_background) for term in self.terms]

    @property
    def errors(self) -> FloatArray:
        """Standard errors of the coefficients."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def log_flux_range(self) -> Range:
        """Range of log10 flux outside which the surface keeps its edge value."""
        return (math.log10(self.validity.flux[0]), math.log10(self.validity.flux[1]))

    @property
    def background_range(self) -> Range:
        """Range of b outside which the surface keeps its edge value."""
        if not (self.has_background or self._terms_have_background):
            return (0.0, 0.0)
        low, high = background_variable(self.validity.background)
        return (float(low), float(high))

    @cached_property
    def centred(self) -> tuple[Centring, FloatArray, FloatArray]:
        """Centring on the validity ranges, with coefficients and covariance in it.

        Errors are evaluated there: in c_ij the variance of a loss is a small difference of large numbers.
        """
        ranges = (np.array(self.validity.mjd) - MJD_ZERO, self.log_flux_range, self.background_range)
        centring = Centring.of(*ranges)
        if np.isnan(self.covariance).any():
            return centring, self.coefficients, self.covariance
        return centring, *recentre(self.terms, centring, self.coefficients, self.covariance)

    @cached_property
    def cube(self) -> FloatArray:
        """Coefficients as an array indexed [i, j, k], shape (3, 3, 3)."""
        cube = np.zeros((3, 3, 3))
        for term, value in zip(self.terms, self.coefficients, strict=True):
            cube[term] = value
        return cube

    def quadratic(self, mjd: ArrayLike, background: ArrayLike = 0.0) -> FloatArray:
        """Return a0, a1, a2 of the coefficients' S = a0 + a1 f + a2 f**2, a row per date and background."""
        date, sky = np.broadcast_arrays(
            np.asarray(mjd, dtype=np.float64), np.asarray(background, dtype=np.float64)
        )
        d = date.ravel() - MJD_ZERO
        b = (
            np.clip(background_variable(sky.ravel()), *self.background_range)
            if self._terms_have_background
            else 0.0 * d
        )
        time, level = np.stack([d**0, d, d * d]), np.stack([b**0, b, b * b])
        return np.asarray(np.einsum("in,kn,ijk->nj", time, level, self.cube), dtype=np.float64)

    def of_kind(self, kind: str) -> CoefficientSet:
        """Return the set for one of the targets, filters or lengths that its surface is of.

        Raises
        ------
        UsageError
            If there is none of the name.
        """
        if self.surface is None:
            raise UsageError(f"coefficient set {self.name!r} has no surface, and no losses of {kind!r}")
        mixed = [name for name in MIXED if "," in self.selection.get(name, "")]
        return replace(
            self,
            name=f"{self.name}[{kind}]",
            surface=self.surface.of_kind(kind),
            selection={**self.selection, **dict(zip(mixed, kind.split(" "), strict=False))},
        )

    def loss(self, mjd: ArrayLike, flux: ArrayLike, background: ArrayLike = np.nan) -> FloatArray:
        """Return S, the loss per 2048 rows as a fraction, at a flux half-way down the chip (electrons)."""
        date, star, sky = np.broadcast_arrays(
            *(np.asarray(v, dtype=np.float64) for v in (mjd, flux, background))
        )
        if self.surface is not None:
            return self.surface.loss(date, np.log10(star), background_of(self.surface, sky))
        return self.published_loss(date, star, sky)

    def published_loss(self, mjd: ArrayLike, flux: ArrayLike, background: ArrayLike = np.nan) -> FloatArray:
        """Return the S of the coefficients, whatever surface the set has beside them."""
        date, star, sky = np.broadcast_arrays(
            *(np.asarray(v, dtype=np.float64) for v in (mjd, flux, background))
        )
        a = self.quadratic(date, sky)
        f = np.clip(np.log10(star.ravel()), *self.log_flux_range)
        loss: FloatArray = a[:, 0] + f * (a[:, 1] + f * a[:, 2])
        return loss.reshape(star.shape)

    def left(
        self, flux: ArrayLike, distance: ArrayLike, mjd: ArrayLike, background: ArrayLike = np.nan
    ) -> FloatArray:
        """Return what `distance` rows of readout leave of true fluxes (electrons), the mean of both chips."""
        star, rows, date, sky = np.broadcast_arrays(
            *(np.asarray(v, dtype=np.float64) for v in (flux, distance, mjd, background))
        )
        # Of what reads a set few move stars by it: numba takes half a second to import.
        if self.surface is not None:
            from cte_lake.model.correct_surface import leave

            return leave(self.surface, star, rows, date, background_of(self.surface, sky))
        from cte_lake.model.readout import lose

        return lose(star, rows, self.quadratic(date, sky), self.log_flux_range)

    def loss_err(self, mjd: ArrayLike, flux: ArrayLike, background: ArrayLike = np.nan) -> FloatArray:
        """Return the standard error of `loss`, all parts that the set has; NaN where it is not known."""
        date, star, sky = np.broadcast_arrays(
            *(np.asarray(v, dtype=np.float64) for v in (mjd, flux, background))
        )
        if self.surface is not None:
            return self.surface.error(date, np.log10(star), background_of(self.surface, sky))
        centring, _, covariance = self.centred
        f = np.clip(np.log10(star.ravel()), *self.log_flux_range)
        b = (
            np.clip(background_variable(sky.ravel()), *self.background_range)
            if self._terms_have_background
            else np.zeros(f.size)
        )
        variables = np.stack([date.ravel() - MJD_ZERO, f, b])
        x = (variables - np.array(centring.zero)[:, None]) / np.array(centring.unit)[:, None]
        basis = np.stack([x[0] ** i * x[1] ** j * x[2] ** k for i, j, k in self.terms])
        variance = np.einsum("pn,pq,qn->n", basis, covariance, basis)
        return np.asarray(np.sqrt(np.maximum(variance, 0.0)), dtype=np.float64).reshape(star.shape)


def from_fit(
    fit: SurfaceFit,
    name: str,
    radius: int,
    filetype: str,
    selection: Mapping[str, str] | None = None,
    provenance: Mapping[str, str] | None = None,
) -> CoefficientSet:
    """Make a coefficient set of a fit; its validity is the range of the points."""
    points = fit.points
    sky = points.background[np.isfinite(points.background)]
    validity = Validity(
        flux=(float(points.bin_lo.min()), float(points.bin_hi.max())),
        mjd=(float(points.mjd.min()), float(points.mjd.max())),
        background=(float(sky.min()), float(sky.max())) if sky.size else (math.nan, math.nan),
        radius=radius,
        filetype=filetype,
    )
    quality = {
        "points": float(len(points)),
        "visits": float(len(points.visits)),
        "epochs": float(epochs(points.mjd).size),
        "chi2": fit.chi2,
        "aic": fit.aic,
        "bic": fit.bic,
        "scale": fit.linear.scale,
        "condition": fit.linear.condition,
        "outliers": float(np.sum(fit.linear.weights < 0.5)),
    }
    if sky.size and not any(term[2] for term in fit.terms):
        quality |= {"background": float(np.mean(sky)), "background_scatter": float(np.std(sky))}
    return CoefficientSet(
        name=name,
        terms=fit.terms,
        coefficients=fit.coefficients,
        covariance=fit.covariance,
        validity=validity,
        selection=dict(selection or {}),
        quality=quality,
        provenance=dict(provenance or {}),
    )
