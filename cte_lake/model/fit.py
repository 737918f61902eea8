"""The surface S(d, f) of all epochs together, one epoch's quadratic, and their refusals."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from cte_lake.arrays import FloatArray
from cte_lake.errors import FitRefused
from cte_lake.model.points import EPOCH_WIDTH, FitPoints, epochs
from cte_lake.model.robust import LinearFit, Loss, solve
from cte_lake.model.terms import (
    MJD_ZERO,
    Centring,
    Term,
    background_variable,
    design_matrix,
    publish,
    tensor_terms,
)

#: Range (e-/px) under which a background says nothing of how the loss depends on it.
MIN_BACKGROUND_SPAN = 1.0
#: Flux bins that a quadratic in log flux needs.
MIN_BINS = 3


@dataclass(frozen=True)
class SurfaceFit:
    """A fitted surface S(d, f) or S(d, f, b), a fraction of flux per 2048 rows.

    Attributes
    ----------
    terms : tuple of Term
        Exponents of d = MJD - 55400, f = log10 electrons and b = log10(1 + background).
    centring : Centring
        Zero and unit of the fit's own variables.
    linear : LinearFit
        The fit in those variables, with weights and residuals of the points.
    points : FitPoints
        What was fitted.
    chi2 : float
        Sum of squared residuals over errors, without robust weights.
    aic, bic : float
        Akaike's and Schwarz's criteria, from the robust deviance.
    """

    terms: tuple[Term, ...]
    centring: Centring
    linear: LinearFit
    points: FitPoints
    chi2: float
    aic: float
    bic: float

    @cached_property
    def _published(self) -> tuple[FloatArray, FloatArray]:
        # Exact arithmetic costs ten times the fit, and of a cross-validation's fits nobody asks for it.
        return publish(self.terms, self.centring, self.linear.values, self.linear.covariance)

    @property
    def coefficients(self) -> FloatArray:
        """The published c_ij (c_ijk) in the order of `terms`."""
        return self._published[0]

    @property
    def covariance(self) -> FloatArray:
        """Full covariance of the published coefficients."""
        return self._published[1]

    @property
    def errors(self) -> FloatArray:
        """Standard errors of the coefficients."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def time_degree(self) -> int:
        """Highest power of d."""
        return max(i for i, _, _ in self.terms)

    @property
    def background_degree(self) -> int:
        """Highest power of b; 0 where the background is no variable."""
        return max(k for _, _, k in self.terms)

    def design(self, points: FitPoints) -> FloatArray:
        """Centred design matrix of other points."""
        return _design(self.terms, self.centring, points)

    def predict(self, points: FitPoints) -> FloatArray:
        """Loss that the surface gives other points."""
        return self.design(points) @ self.linear.values


@dataclass(frozen=True)
class EpochQuadratic:
    """The loss of one epoch, a0 + a1 f + a2 f**2 with f = log10 electrons.

    One date carries these three numbers and no more; the nine that the 2017 code printed for an epoch were
    the minimum-norm member of a six-dimensional family and said nothing of other dates.

    Attributes
    ----------
    coefficients, covariance : ndarray, shapes (3,) and (3, 3)
        a0, a1, a2.
    mjd : float
        The epoch.
    log_flux_range : tuple of float
        Range of f of the points.
    linear : LinearFit
        The fit in centred variables.
    """

    coefficients: FloatArray
    covariance: FloatArray
    mjd: float
    log_flux_range: tuple[float, float]
    linear: LinearFit

    def loss(self, flux: ArrayLike) -> FloatArray:
        """Loss per 2048 rows at a flux in electrons."""
        f = np.log10(np.asarray(flux, dtype=np.float64))
        return np.asarray(np.polyval(self.coefficients[::-1], f), dtype=np.float64)


def _sky(points: FitPoints, terms: tuple[Term, ...]) -> FloatArray:
    if max(k for _, _, k in terms) == 0:
        return np.zeros(len(points))
    return background_variable(points.background)


def _design(terms: tuple[Term, ...], centring: Centring, points: FitPoints) -> FloatArray:
    moments = np.stack([points.log_flux, points.log_flux_sq])
    return design_matrix(terms, centring, points.mjd - MJD_ZERO, moments, _sky(points, terms))


def _refuse(points: FitPoints, time_degree: int, background_degree: int, epoch_width: float) -> None:
    dates = epochs(points.mjd, epoch_width)
    if dates.size <= time_degree:
        raise FitRefused(
            f"{dates.size} epoch{'s' * (dates.size != 1)} cannot carry a time dependence of degree "
            f"{time_degree}, which needs {time_degree + 1}; fit one epoch alone, or a lower degree in time"
        )
    bins = {*zip(points.bin_lo.tolist(), points.bin_hi.tolist(), strict=True)}
    if len(bins) < MIN_BINS:
        raise FitRefused(
            f"{len(bins)} flux bin{'s' * (len(bins) > 1)} cannot carry a quadratic in log flux, "
            f"which needs {MIN_BINS}"
        )
    if background_degree:
        sky = points.background
        if not np.all(np.isfinite(sky)):
            without = int(np.sum(~np.isfinite(sky)))
            raise FitRefused(
                f"{without} slope{' has' if without == 1 else 's have'} no background to fit against"
            )
        if np.ptp(sky) < MIN_BACKGROUND_SPAN:
            raise FitRefused(
                f"the backgrounds span only {np.ptp(sky):.2f} e-/px; a fit with background as a variable "
                "needs several flash levels"
            )


def fit_surface(
    points: FitPoints,
    time_degree: int = 2,
    background_degree: int = 0,
    loss: Loss = "huber",
    centring: Centring | None = None,
    epoch_width: float = EPOCH_WIDTH,
) -> SurfaceFit:
    """Fit the surface to all points together.

    Parameters
    ----------
    points : FitPoints
        Losses of all epochs.
    time_degree : {0, 1, 2}
        Highest power of d.
    background_degree : {0, 1, 2}, optional
        Highest power of b = log10(1 + background); 0 leaves the background out.
    loss : {'huber', 'tukey', 'none'}, optional
        How far a point may pull; see `cte_lake.model.robust`.
    centring : Centring, optional
        Zero and unit of the variables; by default the middle and half the range of the points.
    epoch_width : float, optional
        Days within which visits count as one epoch.

    Raises
    ------
    FitRefused
        If the epochs, flux bins, backgrounds or points do not carry the terms.
    """
    _refuse(points, time_degree, background_degree, epoch_width)
    terms = tensor_terms(time_degree, 2, background_degree)
    centring = centring or Centring.of(points.mjd - MJD_ZERO, points.log_flux, _sky(points, terms))
    linear = solve(_design(terms, centring, points), points.loss, points.loss_err, loss)
    return SurfaceFit(
        terms=terms,
        centring=centring,
        linear=linear,
        points=points,
        chi2=float(np.sum(linear.residuals**2)),
        aic=linear.deviance + 2.0 * len(terms),
        bic=linear.deviance + float(np.log(len(points))) * len(terms),
    )


def fit_epoch(
    log_flux: ArrayLike,
    loss: ArrayLike,
    loss_err: ArrayLike | None = None,
    mjd: float = np.nan,
    log_flux_sq: ArrayLike | None = None,
    robust: Loss = "huber",
) -> EpochQuadratic:
    """Fit one epoch's quadratic in log flux.

    Parameters
    ----------
    log_flux, loss : array_like, shape (n,)
        log10 electrons (bin means) and loss per 2048 rows.
    loss_err : array_like, optional
        Standard errors; without them the fit is unweighted and plain, as in 2017.
    mjd : float, optional
        The epoch.
    log_flux_sq : array_like, optional
        Bin means of log_flux**2; by default its square.
    robust : {'huber', 'tukey', 'none'}, optional
        Used where there are errors.

    Raises
    ------
    FitRefused
        If fewer than 4 points with errors (3 without), or fewer than 3 different fluxes, are given.
    """
    f, value = np.asarray(log_flux, dtype=np.float64), np.asarray(loss, dtype=np.float64)
    terms = tensor_terms(0)
    if np.unique(f).size < 3:
        raise FitRefused(f"{np.unique(f).size} different fluxes cannot carry a quadratic in log flux")
    centring = Centring.of(np.zeros(1), f, np.zeros(1))
    squares = f**2 if log_flux_sq is None else np.asarray(log_flux_sq, dtype=np.float64)
    design = design_matrix(terms, centring, np.zeros(f.size), np.stack([f, squares]), np.zeros(f.size))
    if loss_err is not None:
        linear = solve(design, value, np.asarray(loss_err, dtype=np.float64), robust)
    else:
        linear = _unweighted(design, value)
    coefficients, covariance = publish(terms, centring, linear.values, linear.covariance)
    return EpochQuadratic(coefficients, covariance, mjd, (float(f.min()), float(f.max())), linear)


def _unweighted(design: FloatArray, value: FloatArray) -> LinearFit:
    """Plain least squares, the error of a point estimated from the scatter (NaN with 3 points)."""
    values, _, _, singular = np.linalg.lstsq(design, value, rcond=None)
    residuals = value - design @ values
    freedom = value.size - design.shape[1]
    variance = float(residuals @ residuals) / freedom if freedom else np.nan
    return LinearFit(
        values=np.asarray(values, dtype=np.float64),
        covariance=np.linalg.inv(design.T @ design) * variance if freedom else np.full((3, 3), np.nan),
        weights=np.ones(value.size),
        residuals=residuals / np.sqrt(variance) if freedom else np.zeros(value.size),
        scale=1.0,
        condition=float(singular[0] / singular[-1]),
        deviance=float(residuals @ residuals),
    )
