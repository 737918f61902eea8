"""Rows of any SQL type as rows that a table format can hold: what it cannot becomes text, digits kept."""

from __future__ import annotations

import json
import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.types as types

_INT64 = 2**63


def plain_table(table: pa.Table, numbers: bool = True) -> pa.Table:
    """Return a table of whole numbers, floats, booleans, texts and timestamps.

    Parameters
    ----------
    table : pyarrow.Table
        Rows of any type: lists, structs, maps, intervals, dates, times, blobs, decimals, hugeints, enums.
    numbers : bool, optional
        Whether decimals become floats (and whole ones integers where they fit), instead of exact text.
    """
    columns, fields = [], []
    for field, column in zip(table.schema, table.columns, strict=True):
        plain = _plain(column, numbers)
        columns.append(plain)
        fields.append(pa.field(field.name, plain.type, metadata=field.metadata))
    return pa.Table.from_arrays(columns, schema=pa.schema(fields, metadata=table.schema.metadata))


def storable(table: pa.Table) -> pa.Table:
    """Return a table that Parquet can hold: all types but intervals, which become texts."""
    for place, field in enumerate(table.schema):
        if pa.types.is_interval(field.type):
            words = [None if v is None else text_of(v) for v in table.column(place).to_pylist()]
            table = table.set_column(place, field.with_type(pa.string()), pa.array(words, pa.string()))
    return table


def _plain(column: Any, numbers: bool) -> Any:
    kind = column.type
    if types.is_dictionary(kind):
        return _plain(column.cast(kind.value_type), numbers)
    if types.is_null(kind):
        return column.cast(pa.float64())
    if types.is_timestamp(kind):
        return column.cast(pa.timestamp("us", kind.tz), safe=False).cast(pa.timestamp("us"))
    if types.is_uint64(kind) or types.is_decimal(kind):
        return _numbers(column, numbers)
    if any(
        is_kind(kind) for is_kind in (types.is_integer, types.is_floating, types.is_boolean, types.is_string)
    ):
        return column
    return pa.array([None if v is None else text_of(v) for v in column.to_pylist()], pa.string())


def _numbers(column: Any, numbers: bool) -> Any:
    values = column.to_pylist()
    whole = types.is_uint64(column.type) or column.type.scale == 0
    if numbers and whole and all(v is None or -_INT64 <= v < _INT64 for v in values):
        return pa.array([None if v is None else int(v) for v in values], pa.int64())
    if numbers and not whole:
        return pa.array([None if v is None else float(v) for v in values], pa.float64())
    return pa.array([None if v is None else str(v) for v in values], pa.string())


def text_of(value: Any) -> str:
    """Return a value of any type as text: JSON for lists, hexadecimal for blobs, ISO 8601 for times."""
    if isinstance(value, str):
        return value
    plain = json_value(value)
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


def json_value(value: Any) -> Any:
    """Return a value as JSON has it; a number that is not finite is null, for JSON has none."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        whole = value == value.to_integral_value()
        # A float that cannot tell the digits back is no copy of the number.
        return int(value) if whole else float(value) if Decimal(repr(float(value))) == value else str(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, dict):
        return {str(key): json_value(part) for key, part in value.items()}
    if isinstance(value, list):
        return [json_value(part) for part in value]
    if isinstance(value, tuple) and hasattr(value, "nanoseconds"):
        # Arrow's months, days and nanoseconds.
        months, days, nanoseconds = value
        return f"P{months}M{days}DT{nanoseconds / 1e9:g}S"
    if isinstance(value, tuple):
        return [json_value(part) for part in value]
    return str(value)
