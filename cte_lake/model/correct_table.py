"""The correction of a user's table: Arrow, astropy, pandas or polars in, the same with more columns out."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from astropy.io.misc import yaml
from astropy.table import Table
from astropy.table.meta import get_header_from_yaml
from astropy.utils.exceptions import AstropyWarning
from numpy.typing import NDArray

from cte_lake.errors import UsageError, in_words
from cte_lake.model import flags as bits
from cte_lake.model.apertures import Aperture, plan_apertures
from cte_lake.model.coefficients import CoefficientSet
from cte_lake.model.column_facts import ASTROPY_HEADER, column_facts
from cte_lake.model.correct import Correction, correct, error_parts
from cte_lake.model.shift import ShiftLaw, correct_row
from cte_lake.model.table_constants import TableConstants
from cte_lake.model.table_roles import Inputs, RoleReader
from cte_lake.model.tables import column_names
from cte_lake.model.units import known_unit, split_name

#: Output column: unit, meaning.
OUTPUT: dict[str, tuple[str, str]] = {
    "cte_loss": ("", "fraction of the corrected flux that readout took"),
    "cte_dmag": ("mag", "dimming by CTE losses, positive; subtract it from the magnitude"),
    "cte_dmag_err": ("mag", "error of cte_dmag, all parts that the coefficient set has"),
    "corrected_flux": ("", "flux before readout, in the unit of the flux column"),
    "corrected_mag": ("mag", "magnitude less cte_dmag"),
    "cte_flag": ("", "bits: " + "; ".join(f"{f.value} {f.name}" for f in bits.CORRECTION_FLAGS)),
    "y_corrected": ("pix", "row of the centroid before readout moved it, counted as the column of rows"),
    "y_corrected_err": ("pix", "error of the shift that y_corrected takes off"),
    "y_flag": ("", "bits of cte_flag that hold for y_corrected"),
    "cte_dmag_err_slopes": ("mag", "part of cte_dmag_err from the errors of the slopes"),
    "cte_dmag_err_visits": ("mag", "part of cte_dmag_err from the scatter of visits"),
    "cte_dmag_err_form": ("mag", "part of cte_dmag_err from what no smooth form followed"),
    "cte_dmag_err_future": ("mag", "part of cte_dmag_err beyond the fitted dates"),
    "cte_dmag_err_chips": ("mag", "part of cte_dmag_err from the difference of the chips"),
    "cte_dmag_scatter": ("mag", "scatter of one exposure about the law; not in cte_dmag_err"),
}
#: Of these, whole numbers.
_FLAGS = frozenset({"cte_flag", "y_flag"})


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
        whole = _base(entry.name)[0] in _FLAGS
        new = {"name": entry.name, **stated, "datatype": "int32" if whole else "float64"}
        datatype.append(known.get(entry.name, new))
    metadata[ASTROPY_HEADER] = yaml.dump({**header, "datatype": datatype}).encode()
    return metadata


def plan(
    table: Any,
    sets: CoefficientSet | Sequence[CoefficientSet],
    constants: TableConstants,
    chosen: Mapping[str, str] | None = None,
) -> list[Aperture]:
    """Find a table's columns and the set for each; see `cte_lake.model.apertures.plan_apertures`."""
    results = [name for name in column_names(table) if _base(name)[0] in OUTPUT]
    return plan_apertures(table, sets, constants, chosen, results)


def _base(name: str) -> tuple[str, str]:
    """Return the name of a result and the suffix that says its aperture."""
    found = re.fullmatch(r"(.+?)(_r\d+)", name)
    return (found[1], found[2]) if found else (name, "")


def correct_columns(table: Any, apertures: Sequence[Aperture]) -> dict[str, NDArray[Any]]:
    """Return the result's columns for a table or the next part of one.

    Parameters
    ----------
    table : pyarrow.Table, astropy.table.Table, pandas.DataFrame or mapping
        Photometry.
    apertures : sequence of Aperture
        Which column is what and which set corrects it; their readers keep what was read as what.

    Returns
    -------
    dict of str to ndarray
        ``cte_loss``, ``cte_dmag``, ``cte_dmag_err``, ``corrected_flux``, ``corrected_mag``, ``cte_flag``;
        ``y_corrected``, ``y_corrected_err``, ``y_flag`` where the set has a shift;
        on request the parts of the error, ``cte_dmag_err_slopes`` and so on, and ``cte_dmag_scatter``.
        Of several apertures each has its own, with the radius behind the name: ``cte_loss_r03``.

    Raises
    ------
    CatalogError
        If a column cannot be read as what it is taken for, fluxes per second come without an exposure time,
        or magnitudes without a zero point.
    """
    out: dict[str, NDArray[Any]] = {}
    for each in apertures:
        corrected = _corrected(table, each.coefficients, each.reader)
        out |= {f"{name}{each.suffix}": values for name, values in corrected.items()}
    return out


def _corrected(table: Any, coefficients: CoefficientSet, reader: RoleReader) -> dict[str, NDArray[Any]]:
    inputs = reader.read(table, coefficients)
    result = correct(
        coefficients,
        inputs.flux,
        inputs.y,
        inputs.chip,
        inputs.mjd,
        inputs.background,
        coefficients.validity.radius,
        coefficients.validity.filetype,
    )
    out: dict[str, NDArray[Any]] = {
        "cte_loss": result.cte_loss,
        "cte_dmag": result.cte_dmag,
        "cte_dmag_err": result.cte_dmag_err,
    }
    columns = reader.columns
    if columns.flux is not None:
        out["corrected_flux"] = _in_own_unit(inputs, result)
    if columns.mag is not None:
        mags = inputs.measured if inputs.magnitude is None else inputs.magnitude
        out["corrected_mag"] = mags - result.cte_dmag
    flag = result.cte_flag | inputs.image
    out["cte_flag"] = np.where(inputs.impossible, flag | bits.DATE_IMPOSSIBLE.value, flag).astype(np.int32)
    if coefficients.shift is not None and columns.y is not None:
        out |= _shifted(coefficients.shift, inputs, reader.y_origin)
    elsewhere = np.asarray(inputs.image) & bits.OTHER_CAMERA.value != 0
    if elsewhere.any():
        for name in out.keys() - _FLAGS:
            out[name] = np.where(elsewhere, np.nan, out[name])
    if reader.constants.parts:
        parts = error_parts(coefficients, result, inputs.flux, inputs.mjd, inputs.background)
        scatter = parts.pop("exposure")
        out |= {f"cte_dmag_err_{name}": value + 0.0 * result.cte_dmag for name, value in parts.items()}
        out["cte_dmag_scatter"] = scatter
    return out


def _in_own_unit(inputs: Inputs, result: Correction) -> NDArray[Any]:
    """Return corrected fluxes in their column's unit, whatever turned it into electrons."""
    if inputs.plain:
        return result.corrected_flux
    if inputs.as_magnitude:
        return inputs.measured - result.cte_dmag
    with np.errstate(divide="ignore", invalid="ignore"):
        return inputs.measured * (result.corrected_flux / inputs.flux)


def _shifted(law: ShiftLaw, inputs: Inputs, origin: float) -> dict[str, NDArray[Any]]:
    """Return the columns of the rows before readout, counted from `origin`."""
    found = correct_row(law, inputs.flux, inputs.y, inputs.chip, inputs.mjd, inputs.background)
    flag = found.flag | inputs.image
    flag = np.where(inputs.impossible, flag | bits.DATE_IMPOSSIBLE.value, flag).astype(np.int32)
    return {"y_corrected": found.y + origin, "y_corrected_err": found.y_err, "y_flag": flag}


def correct_table(
    table: Any,
    coefficients: CoefficientSet | Sequence[CoefficientSet],
    constants: TableConstants | None = None,
    chosen: Mapping[str, str] | None = None,
    tell: Callable[[list[str]], None] | None = None,
) -> Any:
    """Return a copy of a table with the correction's columns.

    Parameters
    ----------
    table : pyarrow.Table, astropy.table.Table, pandas.DataFrame or polars.DataFrame
        Photometry, or a mapping or structured array of it; columns are found as in `cte_lake.model.columns`,
        those of the result are replaced.
    coefficients : CoefficientSet or sequence of CoefficientSet
        The surface; several are of different radii, and each corrects the column of its own.
    constants : TableConstants, optional
        What holds for all rows.
    chosen : mapping of str to str, optional
        Role to column, where finding them is not to be relied on.
    tell : callable, optional
        Called with a sentence for each condition of `cte_lake.model.flags` that rows are in, counted.

    Returns
    -------
    The type of `table`; of a mapping or a structured array an astropy table.

    Raises
    ------
    CatalogError
        If a needed column is not found, or its unit or content is not what it is taken for.
    UsageError
        If it is no table.
    """
    constants = constants or TableConstants()
    own = as_table(table)
    apertures = plan(own, coefficients, constants, chosen)
    columns = correct_columns(own, apertures)
    result = attach(own, columns, apertures)
    if tell is not None and (counts := bits.count_flags(columns)):
        tell(bits.sentences(counts, len(own)))
    back = getattr(type(table), "from_corrected", None) or _polars(table)
    return back(result) if back is not None and own is not table else result


def as_table(table: Any) -> Any:
    """Return a table as it is where its type is known, else as Arrow, by its Arrow stream.

    Raises
    ------
    UsageError
        If it is no table.
    """
    kind = type(table).__name__
    for lazy in ("compute", "collect"):
        if hasattr(table, lazy):
            raise UsageError(f"a {kind} is not computed yet; give what its {lazy}() returns")
    if isinstance(table, Table | pa.Table) or hasattr(table, "assign"):
        return table
    if type(table).__name__ == "FITS_rec":
        return _of_fits(table)
    if isinstance(table, Mapping):
        return _of_mapping({str(name): _without_foreign_unit(table[name], name) for name in table})
    if getattr(getattr(table, "dtype", None), "names", None):
        return _of_mapping(table)
    if hasattr(table, "__arrow_c_stream__"):
        try:
            return pa.table(table)
        except pa.ArrowException as error:
            raise UsageError(f"a {kind} cannot be read as a table: {in_words(error)}") from None
    raise UsageError(f"a {kind} is not a table; give an astropy, Arrow, pandas or polars table")


def _of_fits(table: Any) -> Table:
    """Return the records of a FITS table with the units and missing numbers that its header states."""
    from astropy.io import fits

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        return Table.read(fits.BinTableHDU(table), astropy_native=True)


def _of_mapping(table: Any) -> Table:
    try:
        made = Table(table)
        len(made)
    except (ValueError, TypeError):
        raise UsageError(
            "the columns are not lists or arrays of one length; what is one number for all rows, such as "
            "chip=2, is given beside the table"
        ) from None
    return made


def _without_foreign_unit(values: Any, name: Any) -> Any:
    """Return a column; refuse one of pint, unyt or xarray, of which numpy would drop the unit."""
    unit = getattr(values, "units", None) or (getattr(values, "attrs", None) or {}).get("units")
    if unit:
        raise UsageError(
            f"column {str(name)!r} is of {type(values).__module__.split('.')[0]}, in {unit}, which is not "
            "read; give plain numbers or an astropy Quantity"
        )
    return values


def _polars(table: Any) -> Any:
    if type(table).__module__.split(".")[0] != "polars":
        return None
    import importlib

    return importlib.import_module("polars").from_arrow


def attach(table: Any, out: Mapping[str, NDArray[Any]], apertures: Sequence[Aperture]) -> Any:
    """Return a copy of a table with columns added, units and meanings where the type carries them."""
    _, units = column_facts(table)
    about = {name: OUTPUT[_base(name)[0]] for name in out}
    for each in apertures:
        flux, given = each.reader.columns.flux, each.reader.constants.units.get("flux")
        name = f"corrected_flux{each.suffix}"
        if flux is not None and name in out:
            unit = given or units.get(flux.split("[")[0]) or split_name(flux)[1] or each.reader.assumed_unit
            about[name] = (unit, OUTPUT["corrected_flux"][1])
    if isinstance(table, pa.Table):
        result = table.drop_columns([name for name in out if name in table.column_names])
        for name, values in out.items():
            meta = {"unit": about[name][0], "description": about[name][1]}
            array = pa.array(values, from_pandas=True)
            result = result.append_column(pa.field(name, array.type, metadata=meta), array)
        return result
    if isinstance(table, Table):
        result = table.copy()
        for name, values in out.items():
            result[name] = values
            unit, meaning = about[name]
            result[name].unit = known_unit(unit) if unit else None
            result[name].description = meaning
        return result
    return table.assign(**out)
