"""What readout does to a star's flux, and its exact inverse.

A charge packet on its way to the amplifier loses the fraction ``S(u) / 2048`` of what is left of it in every
row, where ``S`` is the surface of the fit at the packet's present flux and ``u = log10`` of that flux:

    du / dt = -S(u) / ln 10,    t = rows / 2048,    S(u) = a0 + a1 u + a2 u**2.

This is the differential reading of the field's convention (docs/field.md#the-effect), slope / 2 x 2048 as a
fraction of the flux half-way, as Dolphin (2009, PASP 121, 655) does it for WFPC2. The equation is autonomous
and of Riccati's kind, so that its flow is one Moebius map of ``u``: the loss and the correction are the same
map with ``t`` of either sign, they undo each other to rounding, no two stars change their order, and the
correction grows with the distance.

Outside the flux range of a surface ``S`` keeps its value at the nearer edge; a parabola says nothing there.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from cte_lake.arrays import FloatArray
from cte_lake.compiled import compiled, compiled_loop
from cte_lake.errors import UsageError
from cte_lake.model.loss_unit import CHIP_HEIGHT, LN10

# Below this |z|**2 the series of tanh(z)/z is exact to 1e-16 and free of the 0/0 at a double root.
_SERIES_LIMIT = 1e-3


@compiled
def _tau(discriminant: float, t: float) -> float:
    """Moebius parameter of the flow over `t`; infinite where the flow has left every bound by then."""
    z2 = 0.25 * discriminant * t * t
    if abs(z2) < _SERIES_LIMIT:
        return t * (1.0 + z2 * (-1 / 3 + z2 * (2 / 15 + z2 * (-17 / 315 + z2 * (62 / 2835)))))
    half = 0.5 * math.sqrt(abs(discriminant))
    if discriminant > 0:
        return math.tanh(half * t) / half
    if abs(half * t) >= 0.5 * math.pi:
        return math.inf
    return math.tan(half * t) / half


@compiled
def _time_of(discriminant: float, tau: float) -> float:
    """Inverse of `_tau`."""
    z2 = 0.25 * discriminant * tau * tau
    if abs(z2) < _SERIES_LIMIT:
        return tau * (1.0 + z2 * (1 / 3 + z2 * (1 / 5 + z2 * (1 / 7 + z2 / 9))))
    half = 0.5 * math.sqrt(abs(discriminant))
    if discriminant > 0:
        return math.atanh(half * tau) / half
    return math.atan(half * tau) / half


@compiled
def flow(u: float, t: float, a0: float, a1: float, a2: float, low: float, high: float) -> float:
    """Move ``u = log10(flux)`` of one star along its readout.

    Parameters
    ----------
    u : float
        log10 of the flux in electrons.
    t : float
        Rows / 2048; positive takes the loss, negative gives it back.
    a0, a1, a2 : float
        ``S(u) = a0 + a1 u + a2 u**2``, fraction per 2048 rows.
    low, high : float
        Range of ``u`` outside which ``S`` keeps its edge value (infinite: none).

    Returns
    -------
    float
        log10 of the flux after the readout.
    """
    a, b, c = a0 / LN10, a1 / LN10, a2 / LN10
    discriminant = b * b - 4.0 * a * c
    # A path enters the range and leaves it at most once each: its direction never turns.
    for _ in range(4):
        if u < low or u > high:
            edge = low if u < low else high
            rate = -(a + edge * (b + c * edge))
            if (edge - u) * rate * t <= 0 or abs(rate * t) <= abs(edge - u):
                return u + rate * t
            t -= (edge - u) / rate
            u = edge
        rate = -(a + u * (b + c * u))
        if rate * t == 0:
            return u
        edge = high if rate * t > 0 else low
        if u != edge:
            tau = _tau(discriminant, t)
            slope = 0.5 * b + c * u
            below = 1.0 + slope * tau
            if math.isfinite(tau) and below > 0:
                moved = u + rate * tau / below
                if (edge - moved) * (edge - u) >= 0:
                    return moved
            passed = edge - u
            t -= _time_of(discriminant, passed / (rate - slope * passed))
            u = edge
        return u - (a + u * (b + c * u)) * t
    return u


@compiled
def moebius_leg(
    u: float, t: float, a0: float, a1: float, a2: float, low: float, high: float
) -> tuple[float, float, int]:
    """Move ``u`` within a cell of one parabola, at most to its edge.

    Parameters
    ----------
    u, t, a0, a1, a2
        As in `flow`.
    low, high : float
        The cell's edges; ``u`` lies between them.

    Returns
    -------
    u, left : float
        Where the way ends, and what is left of `t`.
    passed : int
        -1 or 1 where it left the cell at its lower or upper edge, else 0.
    """
    a, b, c = a0 / LN10, a1 / LN10, a2 / LN10
    rate = -(a + u * (b + c * u))
    if rate * t == 0:
        return u, 0.0, 0
    up = rate * t > 0
    edge = high if up else low
    passed = edge - u
    if passed != 0:
        discriminant = b * b - 4.0 * a * c
        tau = _tau(discriminant, t)
        slope = 0.5 * b + c * u
        below = 1.0 + slope * tau
        if math.isfinite(tau) and below > 0:
            moved = u + rate * tau / below
            if (edge - moved) * passed >= 0:
                return moved, 0.0, 0
        t -= _time_of(discriminant, passed / (rate - slope * passed))
    return edge, t, 1 if up else -1


@compiled_loop
def _flow_many(u: FloatArray, t: FloatArray, a: FloatArray, low: float, high: float, out: FloatArray) -> None:
    for row in range(u.size):
        k = row if a.shape[0] > 1 else 0
        out[row] = flow(u[row], t[row], a[k, 0], a[k, 1], a[k, 2], low, high)


def lose(
    flux: ArrayLike,
    distance: ArrayLike,
    quadratic: ArrayLike,
    log_range: tuple[float, float] = (-math.inf, math.inf),
    sign: float = 1.0,
) -> FloatArray:
    """Return the flux that is left of `flux` after `distance` rows, or with ``sign=-1`` the one before them.

    Parameters
    ----------
    flux : array_like
        Flux, electrons.
    distance : array_like
        Rows to the amplifiers, not negative.
    quadratic : array_like, shape (3,) or (n, 3)
        Coefficients of ``S`` in log10 flux, fraction per 2048 rows.
    log_range : tuple of float, optional
        Range of log10 flux outside which ``S`` keeps its edge value.
    sign : {1, -1}, optional
        Direction.

    Returns
    -------
    ndarray
        Electrons; NaN where the flux is not positive, or the distance negative or not finite.

    Raises
    ------
    UsageError
        If the shape of `quadratic` does not fit.
    """
    star, rows = np.broadcast_arrays(
        np.asarray(flux, dtype=np.float64), np.asarray(distance, dtype=np.float64)
    )
    a = np.atleast_2d(np.asarray(quadratic, dtype=np.float64))
    if a.shape[-1] != 3 or a.shape[0] not in (1, star.size):
        raise UsageError(f"quadratic has shape {a.shape}; give (3,) or ({star.size}, 3)")
    good = (star > 0) & np.isfinite(star) & (rows >= 0) & np.isfinite(rows)
    # The logarithm of a refused flux is never used; 1 keeps it quiet.
    u = np.log10(np.where(good, star, 1.0)).ravel()
    out = np.empty_like(u)
    t = np.where(good, rows, 0.0).ravel() * (sign / CHIP_HEIGHT)
    _flow_many(u, t, np.ascontiguousarray(a), float(log_range[0]), float(log_range[1]), out)
    # By the change of the logarithm, so that no transfer is no change to the last bit.
    return np.where(good, star * np.exp((out - u).reshape(star.shape) * LN10), np.nan)
