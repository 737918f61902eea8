"""A surface as text: the section ``[surface]`` of a coefficient set, whole numbers in rows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from cte_lake.arrays import FloatArray
from cte_lake.model.jumps import Gap
from cte_lake.model.surface import ERROR_UNIT, TABLED, VALUE_UNIT, Apart, Grid, Surface

#: What the head of a set with a surface says after the coefficients' formula.
HEAD = """\
#
# S(d, f, b) above is the published form and the nearest of its kind. The losses that the data asked for are
# the table [surface], by which cte-lake predicts and corrects: a product of quadratic B-splines on uniform
# grids of MJD, log10(flux) and log10(1 + background). On each axis, x = (v - origin) / step held to 0 ..
# size - 2, i = whole part of x (at most size - 3), r = x - i, and the weights of the coefficients i, i+1,
# i+2 are (1-r)^2/2, 1/2+r-r^2, r^2/2; S = unit * sum of weight * weight * weight * values. An axis of size
# 1 has weight 1. `values` has a row for each (date, flux), dates slowest, with a number for each
# background. A chip's own S is (1 + chips) S on chip 1 and (1 - chips) S on chip 2; chips_err is the error
# of `chips`. Where there is a section [surface.apart], both are those of one date and flux, and it has them
# of all, tables that are linear between their nodes. [surface.errors]: standard deviations of S, tables
# that are linear between their nodes origin + step * i: slopes (errors of the slopes), visits (their
# scatter), form (what no form followed), future (the walk of the slope in time beyond the dates); their
# squares add up, with (chips_err S)^2. `scatter` is by how much one visit's losses scatter about S, as a
# fraction; it is no error of S. Where there is a section
# [surface.kinds], S is the mean of several targets, filters or lengths, and each one's own is (1 + k) S with
# k and its error there. Where there are `jumps`, from one epoch (MJD) to the next, S has r J on top, r = 0
# before, 1 after, and with u the part of the time between that has passed 2 u^2 up to u = 1/2 and
# 1 - 2 (1-u)^2 beyond; J has the weights of flux and background, and `steps` has its coefficients, a row for
# each (jump, flux). Its variance r (1-r) J^2 between the epochs, for the day is not known, belongs to form.
# No jump is looked for next to the first or last epoch: it would be that epoch's own scatter. Where there is
# `usual`, all exposures were of one level of flash, of which the sky scattered: mean and standard deviation
# of log10(1 + background). A star whose background is not known has the mean, and in its error half the
# difference of S at the mean plus and minus the deviation.
"""


def _rows(name: str, table: FloatArray, unit: float) -> list[str]:
    whole = np.rint(table / unit).astype(np.int64).reshape(-1, table.shape[2])
    return [f"{name} = [", *(f"    [{', '.join(map(str, row))}]," for row in whole.tolist()), "]"]


def _unit(tables: Iterable[FloatArray], unit: float) -> float:
    """Return a unit in which tables are whole numbers: a tenth for sets of before."""
    whole = all(
        np.allclose(table, np.rint(table / unit) * unit, rtol=0.0, atol=1e-3 * unit) for table in tables
    )
    return unit if whole else float(f"{0.1 * unit:.3g}")


def _grid_lines(grids: tuple[Grid, Grid, Grid], unit: float) -> list[str]:
    return [
        f"origin = [{', '.join(repr(grid.origin) for grid in grids)}]",
        f"step = [{', '.join(repr(grid.step) for grid in grids)}]",
        f"size = [{', '.join(str(grid.size) for grid in grids)}]",
        f"unit = {unit!r}",
    ]


def surface_lines(surface: Surface) -> list[str]:
    """Return the lines of a surface's section."""
    unit, error_unit = _unit([surface.values], VALUE_UNIT), _unit(surface.parts.values(), ERROR_UNIT)
    lines = ["", "[surface]", *_grid_lines(surface.grids, unit)]
    lines += [f"{name} = {getattr(surface, name)!r}" for name in ("chips", "chips_err", "scatter")]
    if surface.usual is not None:
        lines.append(f"usual = [{surface.usual[0]!r}, {surface.usual[1]!r}]")
    if surface.jumps:
        lines.append(f"jumps = [{', '.join(f'[{gap.start!r}, {gap.end!r}]' for gap, _ in surface.jumps)}]")
        lines += _rows("steps", np.stack([size for _, size in surface.jumps]), unit)
    lines += _rows("values", surface.values, unit)
    lines += ["", "[surface.errors]", *_grid_lines(surface.error_grids, error_unit)]
    for name in TABLED:
        if name in surface.parts:
            lines += _rows(name, surface.parts[name], error_unit)
    if surface.apart is not None:
        grids = (*surface.apart.grids, Grid(0.0, 1.0, 1))
        lines += ["", "[surface.apart]", *_grid_lines(grids, ERROR_UNIT)]
        lines += _rows("chips", surface.apart.chips[:, :, None], ERROR_UNIT)
        lines += _rows("chips_err", surface.apart.chips_err[:, :, None], ERROR_UNIT)
    if surface.kinds:
        lines += ["", "[surface.kinds]"]
        lines += [f"{json.dumps(name)} = [{k!r}, {error!r}]" for name, (k, error) in surface.kinds.items()]
    return lines


def _read_grids(data: Mapping[str, Any]) -> tuple[Grid, Grid, Grid]:
    one, two, three = (
        Grid(float(origin), float(step), int(size))
        for origin, step, size in zip(data["origin"], data["step"], data["size"], strict=True)
    )
    return one, two, three


def _read_table(rows: Any, data: Mapping[str, Any]) -> FloatArray:
    return np.array(rows, dtype=np.float64).reshape([int(n) for n in data["size"]]) * float(data["unit"])


def _read_apart(data: Mapping[str, Any]) -> Apart:
    date, flux, _ = _read_grids(data)
    chips, errors = (_read_table(data[name], data)[:, :, 0] for name in ("chips", "chips_err"))
    return Apart((date, flux), chips, errors)


def read_surface(data: Mapping[str, Any]) -> Surface:
    """Return the surface of a parsed section; `KeyError`, `TypeError` or `ValueError` where it is none."""
    errors = data["errors"]
    gaps, grids = data.get("jumps", []), _read_grids(data)
    steps = np.array(data.get("steps", []), dtype=np.float64) * float(data["unit"])
    sizes = list(steps.reshape(len(gaps), grids[1].size, grids[2].size)) if gaps else []
    return Surface(
        grids=grids,
        values=_read_table(data["values"], data),
        error_grids=_read_grids(errors),
        parts={name: _read_table(errors[name], errors) for name in TABLED if name in errors},
        chips=float(data["chips"]),
        chips_err=float(data["chips_err"]),
        scatter=float(data["scatter"]),
        kinds={name: (float(k), float(error)) for name, (k, error) in data.get("kinds", {}).items()},
        jumps=tuple((Gap(*map(float, gap)), size) for gap, size in zip(gaps, sizes, strict=True)),
        apart=_read_apart(data["apart"]) if "apart" in data else None,
        usual=(float(data["usual"][0]), float(data["usual"][1])) if "usual" in data else None,
    )
