"""A user's column as plain values with its unit, whatever the table's type; texts that are numbers, too."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cte_lake.arrays import FloatArray
from cte_lake.errors import CatalogError
from cte_lake.model.missing import MISSING
from cte_lake.model.tables import column_names, values_of

_INDEXED = re.compile(r"^(?P<name>.+)\[(?P<index>\d+)\]$")
#: Fortran's exponent: 1.2D+03.
_FORTRAN = re.compile(r"^([+-]?[0-9.]+)[dD]([+-]?\d+)$")
#: A number with a comma, or with blanks between thousands.
_MARKED = re.compile(r"^[+-]?\d[\d.,\s']*\d$")
_CHIP = re.compile(r"^(?:wfc3[/ _-]?)?(?:uvis|chip|ccdchip)?[ _-]?([12])(?:\.0*)?$")
#: Amplifiers by chip; calwf3 names them so.
_AMPLIFIERS = {"a": 1.0, "b": 1.0, "ab": 1.0, "c": 2.0, "d": 2.0, "cd": 2.0}


#: What who has numbers of extensions instead of chips must know.
EXTENSIONS = "; in a full frame extension SCI,1 is chip 2 and SCI,2 chip 1, as CCDCHIP of its header says"


@dataclass(frozen=True)
class Raw:
    """Values of a column.

    Attributes
    ----------
    values : ndarray, astropy Time or Arrow array of strings
        Missing numbers are NaN, missing texts null.
    unit : str
        Empty for none.
    """

    values: Any
    unit: str = ""


def split_index(name: str, names: list[str]) -> tuple[str, int | None]:
    """Return column and index of ``FLUX_APER[1]``; the index is None where the whole name is a column's."""
    found = _INDEXED.match(name)
    if name in names or found is None or found["name"] not in names:
        return name, None
    return found["name"], int(found["index"])


def raw_column(table: Any, name: str, width: int = 0) -> Raw:
    """Return a column of an Arrow, astropy or pandas table or of a mapping, or one element of its rows.

    Parameters
    ----------
    table : table
        Where the column stands.
    name : str
        Its name; ``FLUX_APER[1]`` is the second element of every row.
    width : int, optional
        How many elements a row must have, where one is asked for.

    Raises
    ------
    CatalogError
        If the rows hold no such element.
    """
    own, index = split_index(name, column_names(table))
    values = values_of(table, own)
    if _lists_of_others(getattr(values, "type", None)):
        raise CatalogError(f"column {own!r} holds lists, and not of numbers; split it into columns")
    raw = _raw_arrow(values) if isinstance(values, pa.Array | pa.ChunkedArray) else _raw_other(values, own)
    raw = _in_two_axes(raw, own)
    if index is None or not hasattr(raw.values, "ndim"):
        one = getattr(raw.values, "ndim", 1) == 2 and raw.values.shape[1] == 1
        return Raw(raw.values[:, 0], raw.unit) if one else raw
    if not raw.values.size:
        return Raw(np.zeros(0), raw.unit)
    held = raw.values.shape[1] if raw.values.ndim == 2 else 1
    if width and held != width:
        raise CatalogError(
            f"column {own!r} holds {held} values per row, but {width} radii are given; give one for each"
        )
    if raw.values.ndim != 2 or index >= held:
        raise CatalogError(
            f"column {own!r} holds {held} values per row; there is no {name!r} (the first is [0])"
        )
    return Raw(raw.values[:, index], raw.unit)


def _lists_of_others(kind: Any) -> bool:
    """Return whether an Arrow type is that of lists (maps too) of something that is no number."""
    if not isinstance(kind, pa.ListType | pa.LargeListType | pa.FixedSizeListType | pa.MapType):
        return False
    own = kind.value_type if not isinstance(kind, pa.MapType) else kind
    return not any(
        is_kind(own)
        for is_kind in (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null)
    )


def _in_two_axes(raw: Raw, name: str) -> Raw:
    """Return a column of arrays (TDIMn) as one of several values a row, and so one whose rows are arrays."""
    values = raw.values
    if not isinstance(values, np.ndarray) or not values.size:
        return raw
    if values.dtype.kind == "O" and any(isinstance(row, np.ndarray | list | tuple) for row in values.flat):
        rows = [np.ravel(row) for row in values]
        if len({row.size for row in rows}) > 1:
            raise CatalogError(
                f"column {name!r} holds a different number of values from row to row; split it into columns"
            )
        values = np.stack(rows)
    if values.ndim > 2 or values is not raw.values:
        return Raw(values.reshape(len(values), -1), raw.unit)
    return raw


def _raw_other(values: Any, name: str) -> Raw:
    if hasattr(values, "to_numpy") or hasattr(values, "__arrow_c_stream__"):
        return _series(values)
    unit = getattr(values, "unit", None)
    text = "" if unit is None or not hasattr(values, "dtype") else _unit_text(unit)
    if hasattr(values, "jd1"):
        return Raw(values)
    known: Any = (np.ndarray, list, tuple)
    if not isinstance(values, known):
        raise CatalogError(f"column {name!r} holds {type(values).__name__}s, and numbers are wanted")
    if hasattr(values, "unmasked"):
        plain = np.array(getattr(values.unmasked, "value", values.unmasked), dtype=np.float64)
        return Raw(np.where(values.mask, np.nan, plain), text)
    if isinstance(values, np.ma.MaskedArray):
        return Raw(_unmasked(values), text)
    plain = getattr(values, "value", values) if unit is not None else values
    return Raw(_decoded(np.asarray(plain)), text)


def _unit_text(unit: Any) -> str:
    return str(getattr(unit, "name", "") or unit.to_string())


def _unmasked(values: Any) -> Any:
    mask = np.ma.getmaskarray(values)
    if values.dtype.kind in "iufb":
        return (
            np.where(mask, np.nan, values.data.astype(np.float64)) if mask.any() else np.asarray(values.data)
        )
    words = _decoded(np.asarray(values.data)).astype(object)
    words[mask] = None
    return words


def _decoded(values: NDArray[Any]) -> NDArray[Any]:
    return np.char.decode(values, "utf-8", "replace") if values.dtype.kind == "S" else values


def _series(values: Any) -> Raw:
    """Return a pandas or polars column: by Arrow, as it is where Arrow lacks its type, as texts if mixed."""
    if hasattr(values, "__arrow_c_stream__") and not hasattr(values, "iloc"):
        return _raw_arrow(pa.chunked_array(values))
    if str(values.dtype).startswith("period["):
        values = values.astype("datetime64[us]")
    try:
        return _raw_arrow(pa.array(values, from_pandas=True))
    except pa.ArrowNotImplementedError:
        # Such as the big-endian numbers of FITS.
        return Raw(np.asarray(values))
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        words = [None if value is None or value != value else str(value) for value in values]
        return Raw(pa.array(words, pa.string()))


def _raw_arrow(values: Any) -> Raw:
    kind = values.type
    if pa.types.is_dictionary(kind):
        return _raw_arrow(plain_values(values))
    if _is_text(kind):
        return Raw(values if pa.types.is_string(kind) else values.cast(pa.string()))
    if any(is_kind(kind) for is_kind in _BINARY):
        words = [None if v is None else v.decode("utf-8", "replace") for v in values.to_pylist()]
        return Raw(pa.array(words, pa.string()))
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        # A timestamp with a zone is stored in UTC; one without is taken for it.
        micro = values.cast(pa.timestamp("us")) if pa.types.is_date(kind) else _micro(values)
        return Raw(micro.to_numpy(zero_copy_only=False).astype("datetime64[us]"))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return Raw(_two_dimensional(values))
    if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        plain = values if pa.types.is_floating(kind) else values.cast(pa.float64(), safe=False)
        if isinstance(plain, pa.ChunkedArray):
            return Raw(plain.to_numpy())
        return Raw(plain.to_numpy(zero_copy_only=False))
    if pa.types.is_null(kind):
        return Raw(np.full(len(values), np.nan))
    return Raw(np.array(values.to_pylist(), dtype=object))


def plain_values(values: Any) -> Any:
    """Return a dictionary column's values; Arrow casts those of an enumeration of polars to nothing else."""
    chunks = values.chunks if isinstance(values, pa.ChunkedArray) else [values]
    texts = _is_text(values.type.value_type)
    kind = pa.string() if texts else values.type.value_type
    own = [chunk.dictionary.cast(kind).take(chunk.indices) for chunk in chunks]
    return pa.chunked_array(own, kind) if isinstance(values, pa.ChunkedArray) else own[0]


_BINARY = (
    pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary, pa.types.is_binary_view
)  # fmt: skip


def _is_text(kind: Any) -> bool:
    return any((pa.types.is_string(kind), pa.types.is_large_string(kind), pa.types.is_string_view(kind)))


def _micro(values: Any) -> Any:
    return values.cast(pa.timestamp("us", values.type.tz), safe=False).cast(pa.timestamp("us"))


def _two_dimensional(values: Any) -> Any:
    if not len(values):
        # How many a row holds is seen in the rows.
        return np.zeros(0)
    lengths = pc.list_value_length(values)
    widths = pc.unique(lengths).to_pylist()
    if len(widths) == 1 and widths[0] is not None:
        flat = pa.chunked_array(pc.list_flatten(values)).cast(pa.float64())
        return flat.to_numpy().reshape(-1, widths[0])
    rows = values.to_pylist()
    width = max((len(row) for row in rows if row is not None), default=0)
    table = np.full((len(rows), width), np.nan)
    for place, row in enumerate(rows):
        for index, value in enumerate(row or ()):
            table[place, index] = np.nan if value is None else value
    return table


def as_numbers(raw: Raw, role: str, name: str, first_row: int = 0) -> FloatArray:
    """Return values as float64, NaN where there is none.

    Parameters
    ----------
    raw : Raw
        The column's values.
    role, name : str
        For messages.
    first_row : int, optional
        Number of rows before these, for messages.

    Raises
    ------
    CatalogError
        If the column holds several values a row, or something that is no number; the row is named.
    """
    values = raw.values
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return _number_texts(values, name, first_row)
    if hasattr(values, "jd1") or values.dtype.kind == "M":
        raise CatalogError(f"column {name!r} holds times, but was taken for the {role}; name another")
    if values.ndim == 2:
        raise CatalogError(
            f"column {name!r} holds {values.shape[1]} values per row (apertures?); give their radii, as "
            f"--radius 3,5, or choose one with --column {role}='{name}[0]', counted from 0"
        )
    if values.dtype.kind in "iuf":
        return values.astype(np.float64, copy=False)  # type: ignore[no-any-return]
    words = [None if value is None or value != value else str(value) for value in values]
    return _number_texts(pa.array(words, pa.string()), name, first_row)


def _number_texts(texts: Any, name: str, first_row: int) -> FloatArray:
    try:
        trimmed = pc.utf8_trim_whitespace(texts)
        plain = pc.if_else(pc.is_in(pc.utf8_lower(trimmed), pa.array(sorted(MISSING))), None, trimmed)
        cast = plain.cast(pa.float64())
        return np.asarray(
            cast.to_numpy(zero_copy_only=False) if isinstance(cast, pa.Array) else cast.to_numpy()
        )
    except pa.ArrowInvalid:
        words = texts.to_pylist()
        return np.array([_number(word, name, first_row + row) for row, word in enumerate(words)])


def _number(word: str | None, name: str, row: int) -> float:
    text = (word or "").strip()
    if text.lower() in MISSING:
        return float("nan")
    fortran = _FORTRAN.match(text)
    try:
        if "_" in text:
            raise ValueError("Python takes 1_600 for a number")
        return float(f"{fortran[1]}e{fortran[2]}" if fortran else text)
    except ValueError:
        said = "; decimals take a point, thousands no mark; in a text --decimal , or . says which is which"
        hint = said if _MARKED.match(text) else ""
        raise CatalogError(
            f"column {name!r} does not hold numbers: row {row + 1} has {word!r}{hint}"
        ) from None


def single(raw: Raw, name: str) -> Raw:
    """Return a column that holds one value a row.

    Raises
    ------
    CatalogError
        If it holds several.
    """
    if getattr(raw.values, "ndim", 1) == 2:
        raise CatalogError(f"column {name!r} holds {raw.values.shape[1]} values per row, but one is needed")
    return raw


def as_chips(raw: Raw, name: str, first_row: int = 0) -> FloatArray:
    """Return the chips of a column, 1 or 2, of numbers or of texts such as UVIS1, chip 2 or an amplifier.

    Raises
    ------
    CatalogError
        If a text names no chip; the row is named.
    """
    values = single(raw, name).values
    if not isinstance(values, pa.Array | pa.ChunkedArray):
        if values.dtype.kind in "iuf":
            return _numbered_from_one(values.astype(np.float64), name)
        words = [None if value is None or value != value else str(value) for value in values]
        values = pa.array(words, pa.string())
    names, places = _coded(values)
    said = {word.strip().lower() for word in names}
    if {"a", "b"} <= said and not {"c", "d"} & said and "amp" not in name.lower():
        raise CatalogError(
            f"column {name!r} holds A and B, which may name the chips, or amplifiers of chip 1; a chip is 1 "
            "(UVIS1) or 2 (UVIS2)"
        )
    chips = np.array([_chip(word, name, values, first_row) for word in names])
    return _numbered_from_one(np.asarray(chips[places]), name)


def _numbered_from_one(chips: FloatArray, name: str) -> FloatArray:
    """Return chips; refuse 0 and 1, or extensions 1 and 4, of which 1 would be taken for the wrong chip."""
    if (chips == 1.0).any() and not (chips == 2.0).any():
        for other, what in ((0.0, "number chips from 0"), (4.0, "number extensions")):
            if (chips == other).any():
                raise CatalogError(
                    f"column {name!r} holds {other:g} and 1, which may {what}; a chip is 1 (UVIS1) or 2 "
                    f"(UVIS2){EXTENSIONS if other else ''}"
                )
    return chips


def _coded(texts: Any) -> tuple[list[str], NDArray[np.int32]]:
    """Return the different texts of an Arrow column, '' for none as the last, and which one each row has."""
    coded = pc.dictionary_encode(texts)
    coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
    words = [str(word) for word in coded.dictionary.to_pylist()]
    return [*words, ""], coded.indices.fill_null(len(words)).to_numpy(zero_copy_only=False)


def coded_texts(raw: Raw) -> tuple[list[str], NDArray[np.int32]]:
    """Return the different values of a column as texts, '' for none, and which of them each row has."""
    values = raw.values
    if not isinstance(values, pa.Array | pa.ChunkedArray):
        listed = [None if value is None or value != value else str(value) for value in values.tolist()]
        values = pa.array(listed, pa.string())
    return _coded(values)


def _chip(word: str, name: str, values: Any, first_row: int) -> float:
    text = word.strip().lower()
    if text in MISSING:
        return float("nan")
    found = _CHIP.match(text)
    if found:
        return float(found[1])
    if text in _AMPLIFIERS:
        return _AMPLIFIERS[text]
    try:
        return float(text)
    except ValueError:
        row = first_row + int(pc.index(values, word).as_py()) + 1
        raise CatalogError(
            f"column {name!r}, row {row}: {word!r} is not a chip; a chip is 1 (UVIS1) or 2 (UVIS2)"
            f"{EXTENSIONS if 'sci' in text else ''}"
        ) from None
