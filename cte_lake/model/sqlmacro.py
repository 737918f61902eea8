"""The correction inside DuckDB: macros of ``sql/`` and the coefficient set as a session variable."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from cte_lake.model.coefficients import CoefficientSet
from cte_lake.model.correct import kernel_arguments
from cte_lake.resources import data_dir

if TYPE_CHECKING:
    import duckdb

#: The macros, those that others use first; each is a file of ``sql/``.
MACROS = (
    "cte_set",
    "cte_sky",
    "cte_powers",
    "cte_quadratic",
    "cte_quartic",
    "cte_variance",
    "cte_refused",
    "cte_tau",
    "cte_time",
    "cte_flow",
    "cte_corrected",
)
VARIABLE = "cte_coefficients"


def _number(value: float) -> str:
    if math.isnan(value):
        return "'nan'::DOUBLE"
    return f"{value!r}::DOUBLE"


def _list(values: Any) -> str:
    inside = (_list(v) if hasattr(v, "__len__") else _number(float(v)) for v in values)
    return f"[{', '.join(inside)}]"


def as_struct(coefficients: CoefficientSet) -> str:
    """Return a set as the DuckDB struct that ``cte_corrected`` takes, in SQL."""
    cube, variance, centre, limits, needs_sky = kernel_arguments(coefficients)
    names = ("f_low", "f_high", "mjd_low", "mjd_high", "background_low", "background_high", "b_low", "b_high")
    numbers = dict(zip(names, limits, strict=True))
    for row, what in enumerate(("zero", "unit")):
        numbers |= {f"{axis}_{what}": centre[row, column] for column, axis in enumerate("dfb")}
    for name in ("background_low", "background_high"):
        # DuckDB orders NaN above every number; an unknown range must not flag anything.
        if math.isnan(numbers[name]):
            numbers[name] = -math.inf if name.endswith("low") else math.inf
    fields = [
        # One list per power of f: the powers of d run fastest, those of b slowest.
        f"cube: {_list(cube.transpose(1, 2, 0).reshape(3, 9))}",
        f"variance: {_list(variance.transpose(1, 2, 0).reshape(5, 25))}",
        *(f"{name}: {_infinite(float(value))}" for name, value in numbers.items()),
        f"needs_sky: {str(needs_sky).lower()}",
        f"radius: {coefficients.validity.radius}",
        f"filetype: '{coefficients.validity.filetype}'",
    ]
    return "{" + ", ".join(fields) + "}"


def _infinite(value: float) -> str:
    if math.isinf(value):
        return f"'{'-' if value < 0 else ''}infinity'::DOUBLE"
    return _number(value)


def create_macros(connection: duckdb.DuckDBPyConnection) -> None:
    """Create ``cte_corrected`` and its helpers in a connection."""
    folder = data_dir("sql")
    for name in MACROS:
        connection.execute((folder / f"{name}.sql").read_text(encoding="utf-8"))


def use_coefficients(connection: duckdb.DuckDBPyConnection, coefficients: CoefficientSet) -> None:
    """Make a set the one that ``cte_corrected`` uses in a connection."""
    connection.execute(f"SET VARIABLE {VARIABLE} = {as_struct(coefficients)}")
