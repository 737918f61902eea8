"""The correction inside DuckDB: a macro of ``sql/`` calls `cte_lake.model.correct.correct`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cte_lake.digests import digest
from cte_lake.model.coefficient_text import to_toml
from cte_lake.model.coefficients import CoefficientSet

if TYPE_CHECKING:
    import duckdb

#: The macro, a file of ``sql/``, and the function that it calls.
MACRO, FUNCTION = "cte_corrected", "correct_stars"
#: Session variable that names the set in use.
VARIABLE = "cte_coefficients"

_NUMBERS = ("corrected_flux", "cte_loss", "cte_dmag", "cte_dmag_err")
_TYPE = f"STRUCT({', '.join(f'{name} DOUBLE' for name in _NUMBERS)}, cte_flag INTEGER)"
_PARAMETERS = ["DOUBLE"] * 6 + ["VARCHAR", "VARCHAR"]
# What a query names is a hash of a set's content: equal names are equal sets in every connection.
_sets: dict[str, CoefficientSet] = {}


def key_of(coefficients: CoefficientSet) -> str:
    """Return the key by which SQL names a set: what ``cte_corrected(..., coefficients := key)`` takes."""
    key = digest(to_toml(coefficients).encode())
    _sets[key] = coefficients
    return key


def create_function(connection: duckdb.DuckDBPyConnection) -> None:
    """Register the function that ``cte_corrected`` calls."""
    connection.create_function(
        FUNCTION, _corrected, _PARAMETERS, _TYPE, type="arrow", null_handling="special"
    )  # type: ignore[call-overload]


def use_coefficients(connection: duckdb.DuckDBPyConnection, coefficients: CoefficientSet) -> None:
    """Make a set the one that ``cte_corrected`` uses in a connection."""
    connection.execute(f"SET VARIABLE {VARIABLE} = '{key_of(coefficients)}'")


def _corrected(
    flux: pa.Array,
    y: pa.Array,
    chip: pa.Array,
    mjd: pa.Array,
    background: pa.Array,
    radius: pa.Array,
    filetype: pa.Array,
    key: pa.Array,
) -> pa.Array:
    """Correct one batch of rows; NULL and NaN say the same, both ways."""
    # The kernel is compiled code: what asks for no correction does not wait for it.
    from cte_lake.model.correct import correct

    f, row, on, date, sky = (_numbers(column) for column in (flux, y, chip, mjd, background))
    numbers = np.full((len(_NUMBERS), len(f)), np.nan)
    flags = np.zeros(len(f), dtype=np.int32)
    for at, which, px, kind in _alike(key, radius, filetype):
        result = correct(
            _looked_up(which), f[at], row[at], on[at], date[at], sky[at], radius=px, filetype=kind
        )
        for number, name in enumerate(_NUMBERS):
            numbers[number, at] = getattr(result, name)
        flags[at] = result.cte_flag
    columns = [pa.array(values, from_pandas=True) for values in numbers]
    return pa.StructArray.from_arrays([*columns, pa.array(flags)], [*_NUMBERS, "cte_flag"])


def _looked_up(key: str | None) -> CoefficientSet:
    if key is None:
        raise ValueError("cte_corrected has no coefficients: choose a set, or pass one")
    if key not in _sets:
        raise ValueError(f"cte_corrected knows no coefficient set {key!r}")
    return _sets[key]


def _numbers(column: pa.Array) -> NDArray[np.float64]:
    return np.asarray(pc.fill_null(column, float("nan")).to_numpy(zero_copy_only=False), dtype=np.float64)


def _alike(
    key: pa.Array, radius: pa.Array, filetype: pa.Array
) -> Iterator[tuple[NDArray[np.intp], str | None, float | None, str | None]]:
    """Yield the rows of a batch that share set, aperture radius and file type: nearly always all of them."""
    table = pa.table({"key": key, "radius": radius, "filetype": filetype, "row": np.arange(len(key))})
    groups = table.group_by(["key", "radius", "filetype"]).aggregate([("row", "list")])
    for which, px, kind, rows in zip(
        *(groups[name].to_pylist() for name in ("key", "radius", "filetype")), groups["row_list"], strict=True
    ):
        yield rows.values.to_numpy(), which, px, kind
