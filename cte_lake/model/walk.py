"""A star's way through a surface that is a parabola in each cell of log10 flux, cell by cell and exactly."""

from __future__ import annotations

import math

from cte_lake.arrays import FloatArray
from cte_lake.compiled import compiled
from cte_lake.model.loss_unit import LN10
from cte_lake.model.readout import moebius_leg


@compiled
def axis_place(value: float, origin: float, step: float, size: int, weights: FloatArray) -> int:
    """Fill the three weights of a spline's axis and return the first coefficient; the nearer edge outside."""
    if size == 1:
        weights[0], weights[1], weights[2] = 1.0, 0.0, 0.0
        return 0
    x = min(max((value - origin) / step, 0.0), size - 2.0)
    cell = min(int(x), size - 3)
    r = x - cell
    weights[0], weights[1], weights[2] = 0.5 * (1.0 - r) * (1.0 - r), 0.5 + r - r * r, 0.5 * r * r
    return cell


@compiled
def jump_weights(day: float, jumps: FloatArray, weights: FloatArray) -> None:
    """Fill the weights of jumps, which follow the three of the date: `cte_lake.model.jumps.ramp`."""
    for k in range(jumps.shape[0]):
        u = min(max((day - jumps[k, 0]) / (jumps[k, 1] - jumps[k, 0]), 0.0), 1.0)
        weights[3 + k] = 2.0 * u * u if u < 0.5 else 1.0 - 2.0 * (1.0 - u) * (1.0 - u)


@compiled
def parabola(
    values: FloatArray,
    first: int,
    date: FloatArray,
    cell: int,
    level: int,
    sky: FloatArray,
    origin: float,
    step: float,
    factors: FloatArray,
    out: FloatArray,
) -> None:
    """Fill a0, a1, a2 of S = a0 + a1 u + a2 u**2 in a cell of the flux axis; jumps lead in the values.

    The factors of a chip hold at the cells' edges and are linear between them; one factor holds everywhere.
    """
    depth = min(3, values.shape[2])
    c0, c1, c2 = 0.0, 0.0, 0.0
    for i in range(date.size):
        row = first + i if i < 3 else i - 3
        for k in range(depth):
            weight = date[i] * sky[k]
            c0 += weight * values[row, cell, level + k]
            c1 += weight * values[row, cell + 1, level + k]
            c2 += weight * values[row, cell + 2, level + k]
    # In r, the place in the cell: (c0 + c1) / 2 + (c1 - c0) r + (c0 - 2 c1 + c2) / 2 r**2.
    p, q, s = 0.5 * (c0 + c1), c1 - c0, 0.5 * (c0 - 2.0 * c1 + c2)
    below, above = factors[0], factors[0]
    if factors.size > 1:
        below, above = factors[cell], factors[cell + 1]
    lean = above - below
    # A line times S is a cubic; the parabola nearest to it in the cell (Chebyshev) is off by less than the
    # table is rounded: lean s / 32.
    p, q, s = (
        below * p + 0.03125 * lean * s,
        below * q + lean * (p - 0.5625 * s),
        below * s + lean * (q + 1.5 * s),
    )
    zero = origin + cell * step
    out[2] = s / (step * step)
    out[1] = q / step - 2.0 * out[2] * zero
    out[0] = p - zero * (q / step - out[2] * zero)


@compiled
def walk(
    u: float,
    t: float,
    values: FloatArray,
    first: int,
    date: FloatArray,
    level: int,
    sky: FloatArray,
    origin: float,
    step: float,
    factors: FloatArray,
    a: FloatArray,
) -> float:
    """Move ``u = log10(flux)`` over `t` chip heights, taking (t > 0) or giving back (t < 0) the loss."""
    cells = values.shape[1] - 2
    low, high = origin, origin + cells * step
    cell = min(max(int((u - origin) / step), 0), cells - 1)
    for _ in range(4 * cells):
        parabola(values, first, date, cell, level, sky, origin, step, factors, a)
        edge_low, edge_high = origin + cell * step, origin + (cell + 1) * step
        if u < low or u > high:
            edge = low if u < low else high
            rate = -(a[0] + edge * (a[1] + a[2] * edge)) / LN10
            if (edge - u) * rate * t <= 0 or abs(rate * t) <= abs(edge - u):
                return float(u + rate * t)
            t -= (edge - u) / rate
            u = edge
        u, left, passed = moebius_leg(u, t, a[0], a[1], a[2], edge_low, edge_high)
        if passed == 0:
            return u
        t = left
        cell += passed
        if cell < 0 or cell >= cells:
            edge = low if cell < 0 else high
            rate = -(a[0] + edge * (a[1] + a[2] * edge)) / LN10
            return float(edge + rate * t)
    return u


@compiled
def nodes_at(value: float, origin: float, step: float, size: int) -> tuple[int, float]:
    """Return the node below a value and the part of the way to the next, for a table linear between nodes."""
    if size == 1:
        return 0, 0.0
    x = min(max((value - origin) / step, 0.0), size - 1.0)
    cell = min(int(x), size - 2)
    return cell, x - cell


@compiled
def table_at(table: FloatArray, i: int, x: float, j: int, y: float, k: int, z: float) -> float:
    """Return a table's value between its nodes."""
    total = 0.0
    for di in range(2 if table.shape[0] > 1 else 1):
        wi = x if di else 1.0 - x
        for dj in range(2 if table.shape[1] > 1 else 1):
            wj = wi * (y if dj else 1.0 - y)
            for dk in range(2 if table.shape[2] > 1 else 1):
                total += wj * (z if dk else 1.0 - z) * table[i + di, j + dj, k + dk]
    return total


@compiled
def chip_factors(apart: FloatArray, i: int, x: float, sign: float, factors: FloatArray) -> None:
    """Fill a chip's factors on S at a date: 1 + sign x the chips' difference, at the nodes of the flux."""
    for j in range(factors.size):
        value = apart[i, j]
        if x > 0.0:
            value += x * (apart[i + 1, j] - value)
        factors[j] = 1.0 + sign * value


@compiled
def feedback(a: FloatArray, middle: float, t: float) -> float:
    """An early error of S shifts the flux at which the rest of the way is evaluated."""
    return math.exp((a[1] + 2.0 * a[2] * middle) / LN10 * 0.5 * t)
