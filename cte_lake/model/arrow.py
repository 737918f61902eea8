"""Any table as an Arrow table with units."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from astropy.table import Table
from astropy.table.serialize import represent_mixins_as_columns
from astropy.time import Time
from astropy.units import Quantity

from cte_lake.errors import UsageError
from cte_lake.model.column_facts import column_facts
from cte_lake.model.correct_table import as_table


def arrow_of(table: Any) -> pa.Table:
    """Return an astropy, pandas, polars or Arrow table as Arrow; units are in the fields' metadata.

    Parameters
    ----------
    table : table
        Times become timestamps in UTC, coordinates columns of numbers, missing values NULL, columns of
        several values a row lists, what pandas indexes by columns.

    Raises
    ------
    UsageError
        If it is no table, or a column holds values of several types or too large a number.
    """
    own = as_table(table)
    if isinstance(own, pa.Table):
        return own
    try:
        return _of_astropy(own) if isinstance(own, Table) else _of_pandas(own)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
        raise UsageError(f"a column holds values of several types, or too large a number: {error}") from None


def _of_pandas(frame: Any) -> pa.Table:
    units = column_facts(frame)[1]
    levels = [level for level in frame.index.names if level is not None and level not in frame.columns]
    frame = frame.reset_index(levels) if levels else frame
    periods = {
        name: "datetime64[us]" for name, kind in frame.dtypes.items() if str(kind).startswith("period[")
    }
    found = pa.Table.from_pandas(frame.astype(periods), preserve_index=False)
    fields = [field.with_metadata({"unit": units.get(field.name, "")}) for field in found.schema]
    return found.cast(pa.schema(fields))


def _of_astropy(own: Table) -> pa.Table:
    arrays, fields = [], []
    # Coordinates become columns of numbers, as sky.ra and sky.dec.
    own = represent_mixins_as_columns(own, exclude_classes=(Quantity, Time))
    for name in own.colnames:
        array = _array(own[name])
        info = own[name].info
        notes = {"unit": "" if info.unit is None else str(info.unit), "description": info.description or ""}
        arrays.append(array)
        fields.append(pa.field(name, array.type, metadata=notes))
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def _array(column: Any) -> pa.Array:
    if hasattr(column, "jd1"):
        moments = column.utc.datetime64.astype("datetime64[us]")
        return pa.array(np.ma.getdata(moments), pa.timestamp("us", "UTC"), mask=np.asarray(column.mask))
    mask = (
        np.ma.getmaskarray(column) if isinstance(column, np.ma.MaskedArray) else getattr(column, "mask", None)
    )
    plain = np.asarray(getattr(column, "unmasked", getattr(column, "value", column)))
    plain = np.ma.getdata(plain)
    if plain.dtype.kind == "S":
        plain = np.char.decode(plain, "utf-8", "replace")
    if plain.dtype.byteorder not in "=|" and plain.dtype.kind != "O":
        # FITS keeps the other byte order, which Arrow does not take.
        plain = plain.astype(plain.dtype.newbyteorder("="))
    if plain.ndim > 1:
        return pa.array(plain.tolist())
    return pa.array(plain, mask=None if mask is None else np.asarray(mask), from_pandas=True)
