"""What a table says about its columns besides their values: units and UCDs, whoever wrote it."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pyarrow as pa
from astropy.table import Table
from astropy.table.meta import get_header_from_yaml

#: Key of Parquet metadata under which astropy keeps units and descriptions.
ASTROPY_HEADER = b"table_meta_yaml"
#: Key under which VOParquet (TOPCAT) keeps a VOTable without rows.
VOTABLE_HEADER = b"IVOA.VOTable-Parquet.content"


def column_facts(table: Any) -> tuple[dict[str, str], dict[str, str]]:
    """Return the UCDs and the units of a table's columns, by name, where they have one."""
    if isinstance(table, Table):
        return _of_astropy(table)
    schema = getattr(table, "schema", None)
    if isinstance(schema, pa.Schema):
        return _of_arrow(schema)
    attrs = getattr(table, "attrs", {})
    units = attrs.get("units") or attrs.get("unit") or {}
    return {}, {str(name): str(unit) for name, unit in units.items() if unit}


def _of_astropy(table: Table) -> tuple[dict[str, str], dict[str, str]]:
    ucds: dict[str, str] = {}
    units: dict[str, str] = {}
    for name in table.colnames:
        info = table[name].info
        if info.unit is not None:
            units[name] = info.unit if isinstance(info.unit, str) else info.unit.to_string()
        ucd = (info.meta or {}).get("ucd")
        if ucd:
            ucds[name] = str(ucd)
    return ucds, units


def _of_arrow(schema: pa.Schema) -> tuple[dict[str, str], dict[str, str]]:
    ucds, units = _of_votable(schema)
    for entry in astropy_header(schema):
        if "unit" in entry:
            units[entry["name"]] = str(entry["unit"])
    for field in schema:
        meta = {key.decode().lower(): value.decode() for key, value in (field.metadata or {}).items()}
        unit, ucd = meta.get("unit") or meta.get("units") or meta.get("tunit"), meta.get("ucd")
        if ucd:
            ucds[field.name] = ucd
        if unit:
            units[field.name] = unit
    return ucds, units


def astropy_header(schema: pa.Schema) -> list[dict[str, Any]]:
    """Return what astropy wrote about the columns of a Parquet file; empty where another program wrote it."""
    text = (schema.metadata or {}).get(ASTROPY_HEADER)
    return [] if text is None else list(get_header_from_yaml(text.decode().split("\n"))["datatype"])


def has_mixins(schema: pa.Schema) -> bool:
    """Return whether astropy split a column (a time, a mask) into several of this Parquet file."""
    text = (schema.metadata or {}).get(ASTROPY_HEADER)
    return text is not None and b"SerializedColumn" in text


def _of_votable(schema: pa.Schema) -> tuple[dict[str, str], dict[str, str]]:
    content = (schema.metadata or {}).get(VOTABLE_HEADER)
    if content is None:
        return {}, {}
    from astropy.io.votable import parse

    fields = list(parse(BytesIO(content), verify="ignore").get_first_table().fields)
    ucds = {field.name: str(field.ucd) for field in fields if field.ucd}
    return ucds, {field.name: field.unit.to_string() for field in fields if field.unit is not None}
