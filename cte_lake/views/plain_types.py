"""Rows of any SQL type as rows that a table format can hold: what it cannot becomes text, digits kept."""

from __future__ import annotations

import json
import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.types as types

from cte_lake.errors import UsageError

_INT64 = 2**63
#: Digits that a float always has.
_DIGITS = 15
#: VOTable knows a byte without a sign, and longer whole numbers with one.
_WIDER = {pa.int8(): pa.int16(), pa.uint16(): pa.int32(), pa.uint32(): pa.int64()}
#: Days of 1970 of the first and past the last day that Python knows.
_FIRST_DAY, _LAST_DAY = -719162, 2932897
_PER_DAY = {"s": 86400, "ms": 86400_000, "us": 86400_000_000, "ns": 86400_000_000_000}


def plain_table(table: pa.Table, numbers: bool = True) -> pa.Table:
    """Return a table of whole numbers, floats, booleans, texts and timestamps.

    Parameters
    ----------
    table : pyarrow.Table
        Rows of any type: lists, structs, maps, intervals, dates, times, blobs, decimals, hugeints, enums.
    numbers : bool, optional
        Whether decimals become floats where those have all digits (and whole ones integers where they fit),
        instead of text; without, times in UTC or of nanoseconds become text, too.
    """
    columns, fields = [], []
    for field, column in zip(table.schema, table.columns, strict=True):
        plain = _plain(column, numbers)
        columns.append(plain)
        fields.append(pa.field(field.name, plain.type, metadata=field.metadata))
    return pa.Table.from_arrays(columns, schema=pa.schema(fields, metadata=table.schema.metadata))


def storable(table: pa.Table) -> pa.Table:
    """Return a table that Parquet can hold: all types but intervals and unions, which become texts."""
    for place, field in enumerate(table.schema):
        if _unstorable(field.type):
            words = [None if v is None else text_of(v) for v in table.column(place).to_pylist()]
            table = table.set_column(place, field.with_type(pa.string()), pa.array(words, pa.string()))
    return table


def _unstorable(kind: Any) -> bool:
    return types.is_interval(kind) or types.is_union(kind) or any(map(_unstorable, _inner(kind)))


def _inner(kind: Any) -> list[Any]:
    """Return the types of what a list, struct, map or union holds; none of another type."""
    return [kind.field(place).type for place in range(kind.num_fields)]


def _is_dated(kind: Any) -> bool:
    return types.is_date32(kind) or types.is_timestamp(kind) or any(map(_is_dated, _inner(kind)))


def in_range(table: pa.Table) -> pa.Table:
    """Return a table whose dates and times Python can hold; a column with others (infinity) becomes text."""
    for place, field in enumerate(table.schema):
        known = _known_days(table.column(place))
        if known.type != field.type:
            table = table.set_column(place, field.with_type(known.type), known)
    return table


def _known_days(column: Any) -> Any:
    """Return dates or timestamps as they are, or as texts if one is not of the years 1 to 9999.

    Raises
    ------
    UsageError
        If one within a list or struct is not.
    """
    kind = column.type
    if not (types.is_date32(kind) or types.is_timestamp(kind)):
        if any(map(_is_dated, _inner(kind))):
            try:
                column.to_pylist()
            except (OverflowError, ValueError):
                raise UsageError(
                    "a list or struct holds dates outside the years 1 to 9999; cast them to text in the query"
                ) from None
        return column
    import pyarrow.compute as pc

    bits, unit = (32, 1) if types.is_date32(kind) else (64, _PER_DAY[kind.unit])
    ticks = column.cast(pa.int32() if bits == 32 else pa.int64())
    ends = pc.min_max(ticks).as_py()
    if ends["min"] is None or (_FIRST_DAY * unit <= ends["min"] and ends["max"] < _LAST_DAY * unit):
        return column
    infinite = 2 ** (bits - 1) - 1
    named = {infinite: "infinity", -infinite: "-infinity"}
    words = zip(ticks.to_pylist(), column.cast(pa.string()).to_pylist(), strict=True)
    return pa.chunked_array([[named.get(tick, word) for tick, word in words]], pa.string())


def _plain(column: Any, numbers: bool) -> Any:
    column = _known_days(column)
    kind = column.type
    if kind in _WIDER:
        return column.cast(_WIDER[kind])
    if types.is_dictionary(kind):
        return _plain(column.cast(kind.value_type), numbers)
    if types.is_null(kind):
        return column.cast(pa.float64())
    if types.is_timestamp(kind):
        if not numbers and (kind.tz or kind.unit == "ns"):
            return column.cast(pa.timestamp(kind.unit, "UTC" if kind.tz else None)).cast(pa.string())
        return column.cast(pa.timestamp("us", kind.tz), safe=False).cast(pa.timestamp("us"))
    if types.is_uint64(kind) or types.is_decimal(kind):
        return _numbers(column, numbers)
    if types.is_large_string(kind) or types.is_string_view(kind) or types.is_date32(kind):
        return column.cast(pa.string())
    if any(
        is_kind(kind) for is_kind in (types.is_integer, types.is_floating, types.is_boolean, types.is_string)
    ):
        return column
    return pa.array([None if v is None else text_of(v) for v in column.to_pylist()], pa.string())


def _numbers(column: Any, numbers: bool) -> Any:
    kind = column.type
    whole = types.is_uint64(kind) or kind.scale == 0
    if not numbers:
        return column.cast(pa.string())
    if not whole and kind.precision <= _DIGITS:
        return column.cast(pa.float64())
    values = column.to_pylist()
    if whole and all(v is None or -_INT64 <= v < _INT64 for v in values):
        return pa.array([None if v is None else int(v) for v in values], pa.int64())
    if not whole and all(v is None or _exact(v) for v in values):
        return pa.array([None if v is None else float(v) for v in values], pa.float64())
    return pa.array([None if v is None else str(v) for v in values], pa.string())


def _exact(value: Decimal) -> bool:
    """Whether a float gives the digits back; another is no copy of the number."""
    return Decimal(repr(float(value))) == value


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
        return int(value) if whole else float(value) if _exact(value) else str(value)
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
