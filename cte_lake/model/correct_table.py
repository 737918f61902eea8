"""The correction of a user's table: Arrow, astropy or pandas in, the same with the result's columns out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from astropy import units as u
from astropy.io.misc import yaml
from astropy.table import Table
from astropy.table.meta import get_header_from_yaml
from numpy.typing import NDArray

from cte_lake.errors import CatalogError
from cte_lake.model import flags as bits
from cte_lake.model.coefficients import CoefficientSet
from cte_lake.model.columns import TableColumns, discover
from cte_lake.model.correct import constant_flags, correct
from cte_lake.model.tables import column, column_names, numbers

FloatArray = NDArray[np.float64]
#: Key of Parquet metadata under which astropy keeps units and descriptions.
ASTROPY_HEADER = b"table_meta_yaml"

#: Output column: unit, meaning.
OUTPUT: dict[str, tuple[str, str]] = {
    "cte_loss": ("", "fraction of the corrected flux that readout took"),
    "cte_dmag": ("mag", "dimming by CTE losses, positive; subtract it from the magnitude"),
    "cte_dmag_err": ("mag", "error of cte_dmag from the covariance of the coefficients"),
    "corrected_flux": ("", "flux before readout, in the unit of the flux column"),
    "corrected_mag": ("mag", "magnitude less cte_dmag"),
    "cte_flag": ("", "bits: " + "; ".join(f"{f.value} {f.name}" for f in bits.CORRECTION_FLAGS)),
}


@dataclass(frozen=True)
class TableConstants:
    """What holds for the whole table where it has no column; None: not given.

    Attributes
    ----------
    mjd, chip, background, radius, filetype
        As the arguments of `cte_lake.model.correct.correct`.
    zero_point : float or None
        Magnitude of one electron in the exposure, for tables of magnitudes.
    exptime : float or None
        Seconds, by which fluxes per second are multiplied.
    y_origin : int
        Number of the first row: 0, or 1 for positions of FITS, IRAF, DAOPHOT or SExtractor.
    """

    mjd: float | None = None
    chip: int | None = None
    background: float | None = None
    radius: float | None = None
    filetype: str | None = None
    zero_point: float | None = None
    exptime: float | None = None
    y_origin: int = 0

    def given(self) -> list[str]:
        """Roles that are constant."""
        roles = ("mjd", "chip", "background", "radius", "filetype", "exptime")
        return [role for role in roles if getattr(self, role) is not None]


def column_facts(table: Any) -> tuple[dict[str, str], dict[str, str]]:
    """Return the UCDs and the units of a table's columns, by name, where they have one."""
    ucds: dict[str, str] = {}
    units: dict[str, str] = {}
    if isinstance(table, Table):
        for name in table.colnames:
            info = table[name].info
            if info.unit is not None:
                units[name] = str(info.unit)
            ucd = (info.meta or {}).get("ucd")
            if ucd:
                ucds[name] = str(ucd)
    elif hasattr(table, "schema") and isinstance(table.schema, pa.Schema):
        for entry in table.schema:
            meta = {key.decode(): value.decode() for key, value in (entry.metadata or {}).items()}
            if "ucd" in meta:
                ucds[entry.name] = meta["ucd"]
            if "unit" in meta:
                units[entry.name] = meta["unit"]
        units |= {
            entry["name"]: str(entry["unit"]) for entry in _astropy_header(table.schema) if "unit" in entry
        }
    return ucds, units


def _astropy_header(schema: pa.Schema) -> list[dict[str, Any]]:
    """Return what astropy wrote about the columns of a Parquet file; empty where another program wrote it."""
    text = (schema.metadata or {}).get(ASTROPY_HEADER)
    return [] if text is None else list(get_header_from_yaml(text.decode().split("\n"))["datatype"])


def astropy_metadata(schema: pa.Schema) -> dict[bytes, bytes]:
    """Return a schema's metadata with astropy's description of all its columns, where it had one of some."""
    metadata = dict(schema.metadata or {})
    if ASTROPY_HEADER not in metadata:
        return metadata
    header = get_header_from_yaml(metadata[ASTROPY_HEADER].decode().split("\n"))
    known = {entry["name"]: entry for entry in header["datatype"]}
    datatype = []
    for entry in schema:
        own = {key.decode(): value.decode() for key, value in (entry.metadata or {}).items()}
        stated = {key: value for key, value in own.items() if value and key in ("unit", "description")}
        new = {"name": entry.name, **stated, "datatype": "int32" if entry.name == "cte_flag" else "float64"}
        datatype.append(known.get(entry.name, new))
    metadata[ASTROPY_HEADER] = yaml.dump({**header, "datatype": datatype}).encode()
    return metadata


def choose_columns(
    table: Any, constants: TableConstants, chosen: Mapping[str, str] | None = None
) -> TableColumns:
    """Find the columns of a table; see `cte_lake.model.columns.discover`."""
    ucds, _ = column_facts(table)
    return discover(column_names(table), ucds, chosen, constants.radius, constants.given())


def _is_rate(unit: str) -> bool:
    if not unit:
        return False
    try:
        return any(base == u.s and power == -1 for base, power in zip(*_bases(u.Unit(unit)), strict=True))
    except ValueError:
        return False


def _bases(unit: Any) -> tuple[list[Any], list[float]]:
    return list(unit.bases), [float(power) for power in unit.powers]


def _seconds(table: Any, columns: TableColumns, constants: TableConstants) -> FloatArray | float:
    _, units = column_facts(table)
    if columns.flux is None or not _is_rate(units.get(columns.flux, "")):
        return 1.0
    if constants.exptime is not None:
        return constants.exptime
    if columns.exptime is None:
        raise CatalogError(
            f"column {columns.flux!r} is in {units[columns.flux]}, and the loss depends on the electrons of "
            "the exposure; give --exptime SECONDS or --column exptime=NAME"
        )
    return numbers(table, columns.exptime)


def _electrons(table: Any, columns: TableColumns, constants: TableConstants) -> FloatArray:
    if columns.flux is not None:
        return numbers(table, columns.flux) * _seconds(table, columns, constants)
    if constants.zero_point is None:
        raise CatalogError(
            f"column {columns.mag!r} holds magnitudes, and the loss depends on the electrons of the "
            "exposure; give --zero-point, the magnitude of one electron"
        )
    return 10.0 ** (-0.4 * (numbers(table, str(columns.mag)) - constants.zero_point))


def _or_constant(table: Any, name: str | None, constant: float | None) -> FloatArray | float:
    if name is not None:
        return numbers(table, name)
    return np.nan if constant is None else float(constant)


def _image_flags(
    table: Any, columns: TableColumns, constants: TableConstants, coefficients: CoefficientSet
) -> NDArray[np.int32] | int:
    """Bits of aperture radius and file type, one number or one per row."""
    if columns.radius is None and columns.filetype is None:
        return constant_flags(coefficients, constants.radius, constants.filetype)
    radius: Any = [constants.radius] if columns.radius is None else numbers(table, columns.radius)
    filetype: Any = [constants.filetype] if columns.filetype is None else column(table, columns.filetype)
    size = max(len(radius), len(filetype))
    table_of: dict[tuple[Any, Any], int] = {}
    result = np.empty(size, dtype=np.int32)
    for row in range(size):
        value, kind = radius[row % len(radius)], filetype[row % len(filetype)]
        key = (None if value is None or np.isnan(value) else float(value), str(kind) if kind else None)
        if key not in table_of:
            table_of[key] = constant_flags(coefficients, *key)
        result[row] = table_of[key]
    return result


def correct_columns(
    table: Any, coefficients: CoefficientSet, columns: TableColumns, constants: TableConstants
) -> dict[str, NDArray[Any]]:
    """Return the result's columns for a table.

    Parameters
    ----------
    table : pyarrow.Table, astropy.table.Table, pandas.DataFrame or mapping
        Photometry.
    coefficients : CoefficientSet
        The surface.
    columns : TableColumns
        Which column is what.
    constants : TableConstants
        What holds for all rows.

    Returns
    -------
    dict of str to ndarray
        ``cte_loss``, ``cte_dmag``, ``cte_dmag_err``, ``corrected_flux``, ``corrected_mag``, ``cte_flag``.

    Raises
    ------
    CatalogError
        If fluxes per second come without an exposure time, or magnitudes without a zero point.
    """
    flux = _electrons(table, columns, constants)
    if columns.distance is not None:
        y: Any = numbers(table, columns.distance)
        chip: Any = 2
    else:
        y = numbers(table, str(columns.y)) - constants.y_origin
        chip = _or_constant(table, columns.chip, constants.chip)
    result = correct(
        coefficients,
        flux,
        y,
        chip,
        _or_constant(table, columns.mjd, constants.mjd),
        _or_constant(table, columns.background, constants.background),
        coefficients.validity.radius,
        coefficients.validity.filetype,
    )
    out: dict[str, NDArray[Any]] = {
        "cte_loss": result.cte_loss,
        "cte_dmag": result.cte_dmag,
        "cte_dmag_err": result.cte_dmag_err,
    }
    if columns.flux is not None:
        out["corrected_flux"] = result.corrected_flux / _seconds(table, columns, constants)
    if columns.mag is not None:
        out["corrected_mag"] = numbers(table, columns.mag) - result.cte_dmag
    image = _image_flags(table, columns, constants, coefficients)
    out["cte_flag"] = (result.cte_flag | image).astype(np.int32)
    return out


def correct_table(
    table: Any,
    coefficients: CoefficientSet,
    constants: TableConstants | None = None,
    chosen: Mapping[str, str] | None = None,
) -> Any:
    """Return a copy of a table with the correction's columns.

    Parameters
    ----------
    table : pyarrow.Table, astropy.table.Table or pandas.DataFrame
        Photometry; columns are found as in `cte_lake.model.columns`, those of the result are replaced.
    coefficients : CoefficientSet
        The surface.
    constants : TableConstants, optional
        What holds for all rows.
    chosen : mapping of str to str, optional
        Role to column, where finding them is not to be relied on.

    Returns
    -------
    The type of `table`.

    Raises
    ------
    CatalogError
        If a needed column is not found.
    """
    constants = constants or TableConstants()
    columns = choose_columns(table, constants, chosen)
    return attach(table, correct_columns(table, coefficients, columns, constants), columns)


def attach(table: Any, out: Mapping[str, NDArray[Any]], columns: TableColumns) -> Any:
    """Return a copy of a table with columns added, units and meanings where the type carries them."""
    _, units = column_facts(table)
    unit_of = {name: OUTPUT[name][0] for name in out}
    if columns.flux is not None:
        unit_of["corrected_flux"] = units.get(columns.flux, "electron")
    if isinstance(table, pa.Table):
        result = table.drop_columns([name for name in out if name in table.column_names])
        for name, values in out.items():
            meta = {"unit": unit_of[name], "description": OUTPUT[name][1]}
            array = pa.array(values, from_pandas=True)
            result = result.append_column(pa.field(name, array.type, metadata=meta), array)
        return result
    if isinstance(table, Table):
        result = table.copy()
        for name, values in out.items():
            result[name] = values
            result[name].unit = u.Unit(unit_of[name]) if unit_of[name] else None
            result[name].description = OUTPUT[name][1]
        return result
    return table.assign(**out)
