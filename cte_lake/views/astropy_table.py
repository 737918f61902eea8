"""Arrow tables as astropy tables with units, descriptions and masks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from astropy.table import QTable, Table


def to_astropy(table: pa.Table) -> QTable:
    """Return an astropy table: units, UCDs and descriptions from the fields' metadata, NULL masked.

    A column with a unit and no NULL becomes a Quantity, one with NULL a masked Quantity; lists and structs
    become columns of Python objects.
    """
    from astropy.table import QTable
    from astropy.units import Unit

    result = QTable()
    for field in table.schema:
        metadata = field.metadata or {}
        column = as_column(table.column(field.name))
        result[field.name] = column
        unit = metadata.get(b"unit", b"").decode()
        if unit:
            # Text or object columns cannot carry one; those of the lake have none.
            result[field.name] = _with_unit(column, Unit(unit))
        result[field.name].info.description = metadata.get(b"description", b"").decode() or None
        if ucd := metadata.get(b"ucd", b"").decode():
            result[field.name].info.meta = {"ucd": ucd}
    return result


def _with_unit(column: Any, unit: object) -> object:
    from astropy.units import Quantity
    from astropy.utils.masked import Masked

    if isinstance(column, np.ma.MaskedArray):
        filler = np.nan if column.dtype.kind == "f" else 0
        return Masked(column.filled(filler), mask=np.ma.getmaskarray(column)) * unit
    # Logarithmic units have a class of their own.
    return Quantity(column, unit, copy=False, subok=True)


def keep_unknown_truths(table: Table) -> None:
    """Make whole numbers of truths some of which are missing: FITS would have those as true."""
    for name in table.colnames:
        column = table[name]
        if isinstance(column, np.ma.MaskedArray) and column.dtype.kind == "b":
            table[name] = column.astype("int16")
            table[name].fill_value = -1


def as_column(column: pa.ChunkedArray) -> Any:
    """Return a column as numbers, texts, times or objects; NULL is masked."""
    kind = column.type
    nulls = column.is_null().to_numpy(zero_copy_only=False)
    if pa.types.is_timestamp(kind):
        from astropy.time import Time

        values = column.cast(pa.timestamp("us"), safe=False).fill_null(0).to_numpy()
        times = Time(np.array(values), format="datetime64", scale="utc")
        if nulls.any():
            times[nulls] = np.ma.masked
        return times
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
        values = column.fill_null(False if pa.types.is_boolean(kind) else 0).to_numpy(zero_copy_only=False)
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        values = np.array(column.fill_null("").to_pylist(), dtype=str)
    elif pa.types.is_decimal(kind):
        values = np.array([0.0 if v is None else float(v) for v in column.to_pylist()])
    else:
        values = np.empty(len(column), dtype=object)
        values[:] = column.to_pylist()
    return np.ma.MaskedArray(values, nulls) if nulls.any() else values
