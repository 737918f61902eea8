"""Rows with units, UCDs and descriptions as the bytes of a FITS, VOTable, ECSV or Parquet file."""

from __future__ import annotations

import base64
import io
import json
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from cte_lake.errors import UsageError
from cte_lake.views.astropy_table import keep_unknown_truths, to_astropy
from cte_lake.views.columns import ABOUT
from cte_lake.views.plain_types import plain_table, storable

if TYPE_CHECKING:
    from astropy.io.votable.tree import VOTableFile
    from astropy.table import QTable


_MOST_OF_FITS = 999
#: How a VOTable calls the types of `plain_table`.
_VOTABLE_TYPES = {
    pa.bool_(): {"datatype": "boolean"},
    pa.uint8(): {"datatype": "unsignedByte"},
    pa.int16(): {"datatype": "short"},
    pa.int32(): {"datatype": "int"},
    pa.int64(): {"datatype": "long"},
    pa.float32(): {"datatype": "float"},
    pa.float64(): {"datatype": "double"},
    pa.string(): {"datatype": "unicodeChar", "arraysize": "*"},
}
#: How it calls the units of the lake's columns, as `_votable_unit` finds them.
_VOTABLE_UNITS = {
    **{name: name for name in ("s", "d", "ns", "deg", "arcsec", "byte", "mag", "electron", "dex(electron)")},
    "": "",
    "pix": "pixel",
    "pix2": "pixel**2",
    "electron2": "electron**2",
    "1 / pix": "pixel**-1",
    "percent": "%",
}


def fits_bytes(table: pa.Table) -> bytes:
    """Return a binary table; TUCDn and TCOMMn hold UCDs and descriptions, where TOPCAT looks for them.

    Parameters
    ----------
    table : pyarrow.Table
        Whole numbers, floats, booleans, texts and timestamps; notes are in the fields' metadata.
    """
    from astropy.io import fits

    if table.num_columns > _MOST_OF_FITS:
        raise UsageError(
            f"FITS holds {_MOST_OF_FITS} columns, not {table.num_columns}; choose another format"
        )
    result = to_astropy(table)
    keep_unknown_truths(result)
    notes = {name: dict(result[name].info.meta or {}) for name in result.colnames}
    words = {name: result[name].info.description for name in result.colnames}
    for name in result.colnames:
        column = result[name]
        # Else astropy repeats all of it as comments of its own.
        column.info.meta, column.info.description = None, None
        if getattr(getattr(column, "dtype", None), "kind", "") == "U":
            # FITS knows ASCII alone.
            result[name] = ["" if word is None else _ascii(word) for word in column.tolist()]
    stream = io.BytesIO()
    with _quiet():
        result.write(stream, format="fits")
        stream.seek(0)
        with fits.open(stream) as hdus:
            header = hdus[1].header
            for place, name in enumerate(hdus[1].columns.names, 1):
                # A long text comes back in full: it goes over several cards.
                for key, said in (("TUCD", notes.get(name, {}).get("ucd")), ("TCOMM", words.get(name))):
                    if said:
                        header[f"{key}{place}"] = _ascii(said)
            _about_cards(header, about_of(table))
            written = io.BytesIO()
            hdus.writeto(written)
    return written.getvalue()


def _about_cards(header: Any, about: dict[str, str]) -> None:
    if view := about.get("view"):
        header["EXTNAME"] = view.upper()
    for name, value in about.items():
        header.add_history(_ascii(f"cte-lake {name}: {value}"))


def _ascii(text: object) -> str:
    return str(text).encode("ascii", "backslashreplace").decode()


def votable_bytes(table: pa.Table) -> bytes:
    """Return a VOTable; its fields have units, UCDs and descriptions."""
    from astropy.io.votable import writeto

    stream = io.BytesIO()
    with _quiet():
        # Not `to_xml`: its C code writes a byte beyond its buffer where a row fills it (astropy 8.0.2).
        writeto(_votable(table), stream)
    return stream.getvalue()


def ecsv_bytes(table: pa.Table) -> bytes:
    """Return astropy's ECSV; UCDs are in the columns' ``meta``."""
    result = to_astropy(table)
    result.meta.update(about_of(table))
    stream = io.StringIO()
    with _quiet():
        result.write(stream, format="ascii.ecsv")
    return stream.getvalue().encode()


def write_parquet(parts: Iterable[pa.Table], stream: BinaryIO) -> None:
    """Write tables of the same columns, whose first has all notes, one after the other."""
    from pyarrow import parquet

    writer = None
    metadata: dict[bytes, bytes] = {}
    for part in parts:
        stored = storable(part)
        # Of the first part, which has no rows, all notes; of the others the lengths of their texts.
        words = [field.name for field in part.schema if _holds_words(field.type)]
        metadata = parquet_metadata(plain_table(part.select(words) if metadata else part), metadata)
        if writer is None:
            schema = stored.schema.remove_metadata()
            writer = parquet.ParquetWriter(stream, schema, compression="zstd", store_schema=False)
        writer.write_table(stored.replace_schema_metadata())
    if writer is not None:
        # Written at the end, since it says how long the longest text of a column is.
        stated = base64.b64encode(schema.with_metadata(metadata).serialize())
        writer.add_key_value_metadata({**metadata, b"ARROW:schema": stated})
        writer.close()


def _holds_words(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_dictionary(kind))


def write_csv(parts: Iterable[pa.Table], stream: BinaryIO) -> None:
    """Write tables of the same columns one after the other; there is one at least."""
    import csv

    from pyarrow import csv as arrow_csv

    options = arrow_csv.WriteOptions(include_header=False, quoting_style="needed")
    for number, part in enumerate(parts):
        table = plain_table(part, numbers=False)
        if number == 0:
            # Arrow quotes every name of the header; readers of plain columns stumble over that.
            header = io.StringIO()
            csv.writer(header, lineterminator="\n").writerow(table.column_names)
            stream.write(header.getvalue().encode())
        arrow_csv.write_csv(table, stream, options)


def parquet_metadata(table: pa.Table, before: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """Return the metadata of a Parquet file: notes as astropy and TOPCAT read them, beside what is there.

    Astropy takes them from a header in YAML, TOPCAT from VOParquet's VOTable without rows.

    Parameters
    ----------
    table : pyarrow.Table
        As of `fits_bytes`; all rows, or a part of them.
    before : mapping
        Metadata of the parts before; empty where there are none.
    """
    if before:
        return dict(before) | _longest(table, before)
    header = [
        {
            "name": field.name,
            "datatype": str(field.type),
            **{key: said for key in ("unit", "description") if (said := _note(field, key))},
            **({"meta": {"ucd": ucd}} if (ucd := _note(field, "ucd")) else {}),
        }
        for field in table.schema
    ]
    metadata = {
        **(table.schema.metadata or {}),
        # JSON is YAML.
        b"table_meta_yaml": json.dumps({"meta": about_of(table), "datatype": header}).encode(),
    }
    # A VOTable has times as text, and what the two say of a column must agree.
    if not any(pa.types.is_timestamp(field.type) for field in table.schema):
        metadata[b"IVOA.VOTable-Parquet.version"] = b"1.0"
        metadata[b"IVOA.VOTable-Parquet.content"] = _fields_alone(table)
    return metadata | _longest(table, before)


def _longest(table: pa.Table, before: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """Return the length of each text column's longest word: astropy's reader fails at a NULL without."""
    found = {}
    for field, column in zip(table.schema, table.columns, strict=True):
        if pa.types.is_string(field.type):
            key = f"table::len::{field.name}".encode()
            longest = pc.max(pc.utf8_length(column)).as_py() or 1
            found[key] = str(max(longest, 4, int(before.get(key, b"4")))).encode()
    return found


def _note(field: pa.Field, key: str) -> str:
    return str((field.metadata or {}).get(key.encode(), b"").decode())


def _fields_alone(table: pa.Table) -> bytes:
    """Return the VOTable of a table, with a reference to Parquet in place of its rows.

    Astropy's writer would be half of what a `measure` imports.
    """
    from xml.etree.ElementTree import Element, SubElement, tostring

    about = about_of(table)
    root = Element("VOTABLE", version="1.4", xmlns="http://www.ivoa.net/xml/VOTable/v1.3")
    for name, value in about.items():
        SubElement(root, "INFO", ID=f"cte_lake_{name}", name=f"cte_lake_{name}", value=value)
    view = {"ID": about["view"], "name": about["view"]} if "view" in about else {}
    described = SubElement(SubElement(root, "RESOURCE", type="results"), "TABLE", view)
    if said := about.get("one_row_is"):
        SubElement(described, "DESCRIPTION").text = said
    for column in table.schema:
        unit = _note(column, "unit")
        stated = {
            "ucd": _note(column, "ucd"),
            "unit": _VOTABLE_UNITS[unit] if unit in _VOTABLE_UNITS else _votable_unit(unit),
        }
        known = {key: value for key, value in stated.items() if value}
        field = SubElement(described, "FIELD", {"name": column.name, **_VOTABLE_TYPES[column.type], **known})
        if said := _note(column, "description"):
            SubElement(field, "DESCRIPTION").text = said
    SubElement(described, "PARQUET", type="Parquet-local-XML")
    written: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _votable_unit(unit: str) -> str:
    """Return a unit in the words of a VOTable."""
    from astropy.units import Unit

    try:
        with _quiet():
            return str(Unit(unit).to_string("vounit"))
    except ValueError:
        # Not among those of the standard.
        return str(Unit(unit))


def about_of(table: pa.Table) -> dict[str, str]:
    """Return what the rows are and where they come from; empty where nothing says it."""
    stated = (table.schema.metadata or {}).get(ABOUT)
    return {} if stated is None else dict(json.loads(stated))


def _votable(table: pa.Table) -> VOTableFile:
    from astropy.io.votable import from_table
    from astropy.io.votable.tree import Info

    result: QTable = to_astropy(table)
    for name in result.colnames:
        if hasattr(result[name], "jd1"):
            notes, said = result[name].info.meta, result[name].info.description
            result[name] = _iso_texts(result[name])
            result[name].info.meta, result[name].info.description = notes, said
    about = about_of(table)
    document = from_table(result, table_id=about.get("view"))
    for described in document.iter_tables():
        described.name = about.get("view")
        described.description = about.get("one_row_is")
    for name, value in about.items():
        document.infos.append(Info(ID=f"cte_lake_{name}", name=f"cte_lake_{name}", value=value))
    return document


def _iso_texts(times: Any) -> Any:
    """Return times as texts of ISO 8601, masked where there is none."""
    import numpy as np

    times.precision = 6
    mask = np.asarray(times.mask)
    if not mask.any():
        return times.isot
    known = np.full(len(times), "", dtype="U26")
    known[~mask] = times[~mask].isot
    return np.ma.MaskedArray(known, mask)


@contextmanager
def _quiet() -> Iterator[None]:
    from astropy.utils.exceptions import AstropyWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        yield
