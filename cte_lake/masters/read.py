"""Master catalogs in: every format to one :class:`MasterTable`, or a refusal that names the line or row."""

from __future__ import annotations

import csv
import gzip
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import pyarrow as pa
from astropy import units
from astropy.table import Table
from astropy.utils.exceptions import AstropyWarning
from numpy.typing import NDArray
from pyarrow import parquet

from cte_lake.errors import CatalogError, in_words
from cte_lake.masters.table import MasterTable, checked_table

CAT_COLUMNS: Final = ("id", "x", "y", "ra", "dec")
"""Columns of a 2017 ``.cat`` file, which has no header line: master_ID, x, y, RA, Dec."""

ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "id": ("id", "master_id", "masterid", "number", "star_id", "starid"),
    "x": ("x", "xpix", "x_pix", "x_image", "x_centroid", "xcentroid", "x_center", "xcenter"),
    "y": ("y", "ypix", "y_pix", "y_image", "y_centroid", "ycentroid", "y_center", "ycenter"),
    "ra": ("ra", "ra_deg", "radeg", "ra_icrs", "raj2000", "ra_j2000", "alpha", "alpha_j2000", "alpha_sky"),
    "dec": (
        "dec",
        "de",
        "dec_deg",
        "decdeg",
        "dec_icrs",
        "de_icrs",
        "decj2000",
        "dej2000",
        "dec_j2000",
        "delta",
        "delta_j2000",
        "delta_sky",
    ),
}
"""Names under which a column is found, case ignored; the first present counts."""

_REQUIRED: Final = ("id", "ra", "dec")
_Where = Callable[[int], str]


def read_master(path: Path | str) -> MasterTable:
    """Read a master catalog.

    Parameters
    ----------
    path : Path or str
        ``.cat`` (also ``.txt``, ``.dat``: the 2017 layout), ``.csv``, ``.ecsv``, ``.fits`` (``.fits.gz``),
        ``.vot`` (``.votable``, ``.xml``) or ``.parquet``.

    Returns
    -------
    MasterTable
        Sorted by id. Columns with an angle as unit are turned into degrees, those without are degrees.

    Raises
    ------
    CatalogError
        Unreadable, empty, of unknown format, without a needed column; a cell that is no number, a ragged
        line, an id given twice, a position that is NaN or out of range.
    """
    file = Path(path)
    name = file.name.lower().removesuffix(".gz")
    reader = next((read for suffixes, read in _READERS if name.endswith(suffixes)), None)
    if reader is None:
        known = " ".join(suffix for suffixes, _ in _READERS for suffix in suffixes)
        raise CatalogError(f"{file}: unknown kind of catalog; the name must end with one of {known}")
    if not file.is_file():
        raise CatalogError(f"{file}: there is no such file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            columns, where = reader(file)
    except CatalogError:
        raise
    except Exception as error:  # each format's library has its own errors for a broken file
        kind = name.rpartition(".")[2].upper()
        raise CatalogError(f"{file}: cannot be read as {kind}: {in_words(error)}") from error
    if not len(columns["id"]):
        raise CatalogError(f"{file}: holds no star")
    return checked_table(columns, where)


_Columns = dict[str, NDArray[Any]]


def _read_cat(file: Path) -> tuple[_Columns, _Where]:
    """Lines of five numbers; '#' starts a comment."""
    lines: list[int] = []
    cells: list[list[str]] = []
    with _open_text(file) as stream:
        for number, line in enumerate(stream, start=1):
            fields = line.partition("#")[0].split()
            if not fields:
                continue
            if len(fields) != len(CAT_COLUMNS):
                raise CatalogError(
                    f"{file}, line {number}: {len(fields)} columns where {len(CAT_COLUMNS)} belong "
                    f"({' '.join(CAT_COLUMNS)})"
                )
            lines.append(number)
            cells.append(fields)
    where = _line_namer(file, lines)
    columns = {name: [row[i] for row in cells] for i, name in enumerate(CAT_COLUMNS)}
    return _numbers(columns, where), where


def _read_csv(file: Path) -> tuple[_Columns, _Where]:
    """A header line, then one star a line; lines that start with '#' are left out."""
    lines: list[int] = []
    cells: list[list[str]] = []
    header: list[str] = []
    with _open_text(file) as stream:
        reader = csv.reader(stream)
        for row in reader:
            if not any(cell.strip() for cell in row) or row[0].lstrip().startswith("#"):
                continue
            if not header:
                header = [cell.strip() for cell in row]
                continue
            if len(row) != len(header):
                raise CatalogError(
                    f"{file}, line {reader.line_num}: {len(row)} columns where the header has {len(header)}"
                )
            lines.append(reader.line_num)
            cells.append(row)
    found = _find_columns(file, header)
    where = _line_namer(file, lines)
    columns = {name: [row[header.index(given)].strip() for row in cells] for name, given in found.items()}
    extra = {
        given.lower(): [row[i].strip() for row in cells]
        for i, given in enumerate(header)
        if given not in found.values()
    }
    return _numbers(columns, where) | _numeric_extras(extra), where


def _read_astropy(**options: Any) -> Callable[[Path], tuple[_Columns, _Where]]:
    def read(file: Path) -> tuple[_Columns, _Where]:
        # A stream of ours: astropy leaves a file open whose first bytes only look compressed.
        with file.open("rb") as stream:
            table = Table.read(stream, **options)
        plain = {name: _in_degrees(table[name]) for name in table.colnames if table[name].ndim == 1}
        return _from_arrays(file, plain)

    return read


def _read_parquet(file: Path) -> tuple[_Columns, _Where]:
    table: pa.Table = parquet.ParquetFile(file).read()
    plain = {name: table[name].to_numpy() for name in table.column_names}
    return _from_arrays(file, plain)


def _in_degrees(column: Any) -> NDArray[Any]:
    """Return a column's values; angles in other units as degrees, masked numbers as NaN."""
    if np.any(getattr(column, "mask", False)) and column.dtype.kind in "iuf":
        column = column.astype(float).filled(np.nan)
    unit = getattr(column, "unit", None)
    array = np.asarray(column)
    if unit is None or not unit.is_equivalent(units.deg) or unit == units.deg:
        return array
    return np.asarray((array * unit).to_value(units.deg))


def _from_arrays(file: Path, arrays: Mapping[str, NDArray[Any]]) -> tuple[_Columns, _Where]:
    found = _find_columns(file, list(arrays))

    def where(row: int) -> str:
        return f"{file}, row {row + 1}"

    columns = _numbers({name: arrays[given] for name, given in found.items()}, where)
    extra = {given.lower(): values for given, values in arrays.items() if given not in found.values()}
    return columns | _numeric_extras(extra), where


def _open_text(file: Path) -> IO[str]:
    # -sig: spreadsheets put a byte order mark before the header.
    if file.suffix.lower() == ".gz":
        return gzip.open(file, "rt", encoding="utf-8-sig", newline="")
    return file.open(encoding="utf-8-sig", newline="")


def _line_namer(file: Path, lines: Sequence[int]) -> _Where:
    return lambda row: f"{file}, line {lines[row]}"


def _find_columns(file: Path, header: Iterable[str]) -> dict[str, str]:
    """Return for id, x, y, ra and dec the column of the file that holds it."""
    given: dict[str, str] = {}
    for name in header:
        if name.lower() in given:
            raise CatalogError(f"{file}: two columns are called {name!r} when case is ignored; rename one")
        given[name.lower()] = name
    found = {}
    for column, aliases in ALIASES.items():
        match = next((given[alias] for alias in aliases if alias in given), None)
        if match is not None:
            found[column] = match
        elif column in _REQUIRED:
            raise CatalogError(
                f"{file}: has no column {column!r} (nor {', '.join(aliases[1:])}); "
                f"it has {', '.join(given.values()) or 'none'}"
            )
    return found


def _numbers(columns: Mapping[str, Sequence[Any] | NDArray[Any]], where: _Where) -> _Columns:
    """Cells to numbers: id as int64, the others as float64."""
    numbers: _Columns = {}
    for name, cells in columns.items():
        convert, kind = (_whole, np.int64) if name == "id" else (_real, np.float64)
        array = np.asarray(cells)
        if array.dtype.kind in ("i" if name == "id" else "iuf"):
            numbers[name] = array.astype(kind)
            continue
        values = []
        for row, cell in enumerate(cells):
            try:
                values.append(convert(cell))
            except (TypeError, ValueError, OverflowError) as error:
                needed = "a whole number" if name == "id" else "a number"
                raise CatalogError(f"{where(row)}: {name} is {_shown(cell)}, not {needed}") from error
        numbers[name] = np.array(values, dtype=kind)
    return numbers


def _shown(cell: Any) -> str:
    return repr(_text(cell)) if _text(cell) else "blank"


def _real(cell: Any) -> float:
    return float(_text(cell))


def _whole(cell: Any) -> int:
    text = _text(cell)
    try:
        number = int(text)
    except ValueError:
        number = int(float(text))
        if number != float(text):
            raise
    if abs(number) >= 2**63:
        raise OverflowError("beyond 64 bits")
    return number


def _text(cell: Any) -> str:
    return cell.decode().strip() if isinstance(cell, bytes) else str(cell).strip()


def _numeric_extras(columns: Mapping[str, Sequence[Any] | NDArray[Any]]) -> _Columns:
    """Further columns that hold numbers throughout; blank cells are NaN, columns of words are left out."""
    kept: _Columns = {}
    for name, cells in columns.items():
        try:
            kept[name] = np.array([_real(cell) if _text(cell) else np.nan for cell in cells], dtype=float)
        except (TypeError, ValueError, UnicodeDecodeError):
            continue
    return kept


_READERS: Final = (
    ((".cat", ".txt", ".dat"), _read_cat),
    ((".ecsv",), _read_astropy(format="ascii.ecsv")),
    ((".csv",), _read_csv),
    ((".fits", ".fit"), _read_astropy(format="fits", hdu=1)),
    ((".vot", ".votable", ".xml"), _read_astropy(format="votable")),
    ((".parquet", ".pq"), _read_parquet),
)
