"""One way into the columns of an Arrow, astropy or pandas table, or of a mapping of arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cte_lake.errors import UsageError


def column_names(table: Any) -> list[str]:
    """Return the names of a table's columns."""
    if isinstance(table, Mapping):
        return list(table)
    names = getattr(table, "column_names", None) or getattr(table, "colnames", None)
    listed = [str(name) for name in (table.columns if names is None else names)]
    # What pandas indexes by is a column to whoever made the table.
    levels = table.index.names if hasattr(table, "iloc") and names is None else ()
    return listed + [str(level) for level in levels if level is not None and str(level) not in listed]


def values_of(table: Any, name: str) -> Any:
    """Return a column as the table has it; of pandas also a level of its index."""
    if not hasattr(table, "iloc") or hasattr(table, "colnames"):
        return table[name]
    for own in table.columns:
        if str(own) == name:
            return table[own]
    return table.index.get_level_values([str(level) for level in table.index.names].index(name))


def column(table: Any, name: str) -> NDArray[Any]:
    """Return a column as a plain array; a missing number is NaN, a missing text ''.

    Raises
    ------
    UsageError
        If there is no such column.
    """
    if name not in column_names(table):
        raise UsageError(f"the table has no column {name!r}; it has {', '.join(column_names(table))}")
    values = values_of(table, name)
    if hasattr(values, "to_numpy"):
        values = _of_arrow(values) if isinstance(values, pa.ChunkedArray) else values.to_numpy()
    if hasattr(values, "unit") and hasattr(values, "value"):
        values = values.value
    if isinstance(values, np.ma.MaskedArray):
        masked: Any = values if values.dtype.kind == "f" else values.astype(object)
        values = masked.filled(np.nan if values.dtype.kind == "f" else None)
    array = np.asarray(values)
    if array.dtype.kind != "O":
        return array
    if all(value is None or isinstance(value, int | float | np.number) for value in array):
        return np.array([np.nan if value is None else float(value) for value in array])
    return np.array(["" if value is None else str(value) for value in array])


def _of_arrow(values: pa.ChunkedArray) -> NDArray[Any]:
    """Return what `to_numpy` does; of numbers, truths and texts without importing pandas."""
    kind, truths = values.type, pa.types.is_boolean(values.type)
    if pa.types.is_string(kind) or (truths and values.null_count):
        return np.array(values.to_pylist(), dtype=object)
    if not (truths or pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        own: NDArray[Any] = values.to_numpy(zero_copy_only=False)
        return own
    array = values.combine_chunks()
    there = np.from_dlpack(array.drop_null().cast(pa.uint8() if truths else kind))
    if not array.null_count:
        return there.astype(np.bool_ if truths else there.dtype)
    filled = np.full(len(array), np.nan, there.dtype if pa.types.is_floating(kind) else np.float64)
    filled[np.from_dlpack(array.is_valid().cast(pa.uint8())).astype(np.bool_)] = there
    return filled


def numbers(table: Any, name: str) -> NDArray[np.float64]:
    """Return a numeric column as float64, NaN where missing.

    Raises
    ------
    UsageError
        If the column is missing or holds no numbers.
    """
    try:
        return column(table, name).astype(np.float64)
    except ValueError as error:
        raise UsageError(f"column {name!r} does not hold numbers: {error}") from None


def has(table: Any, names: Iterable[str]) -> bool:
    """Return whether the table has all of the columns."""
    return set(names) <= set(column_names(table))
