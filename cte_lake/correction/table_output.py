"""Writes corrected tables: in parts where the format allows, with what was assumed in the file."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import shutil
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from astropy.table import Column, MaskedColumn, Table
from astropy.time import Time
from astropy.utils.exceptions import AstropyWarning

from cte_lake.errors import CatalogError
from cte_lake.lake.scratch import scratch_folder
from cte_lake.model.correct_table import astropy_metadata
from cte_lake.model.times import mjd_of_times
from cte_lake.model.units import known_unit
from cte_lake.views.astropy_table import as_column, keep_unknown_truths
from cte_lake.views.plain_types import plain_table

#: Key of the output's metadata that holds what was done, as JSON.
ABOUT = "cte_lake"
_SEPARATORS = {"csv": ",", "tsv": "\t", "text": " "}


@contextmanager
def compressed(path: Path, ending: str) -> Iterator[Any]:
    """Open a file to write, compressed as an ending says; the same content gives the same bytes."""
    opener: Any = {".bz2": bz2.open, ".xz": lzma.open}.get(ending)
    if ending == ".gz":
        with path.open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as stream:
            yield stream
    else:
        with opener(path, "wb") if opener else path.open("wb") as stream:
            yield stream


class PartWriter:
    """Writes Arrow tables one after the other; a context manager.

    Parameters
    ----------
    stream : file
        Open for writing bytes.
    kind : str
        ``parquet``, ``feather``, ``csv``, ``tsv`` or ``text``.
    schema : pyarrow.Schema
        Columns of every part.
    about : mapping
        What was done, kept in the metadata of Parquet and Feather.
    """

    def __init__(self, stream: Any, kind: str, schema: pa.Schema, about: Mapping[str, Any]) -> None:
        self._stream, self._kind = stream, kind
        metadata = {
            **astropy_metadata(schema),
            b"cte_coefficients": str(about.get("coefficients", "")).encode(),
        }
        self._schema = schema.with_metadata(metadata)
        self._writer: Any = None
        if kind == "parquet":
            # A dictionary of measured numbers is as long as the column: trying one takes a third of the time.
            repeating = [entry.name for entry in schema if not pa.types.is_floating(entry.type)]
            self._writer = pq.ParquetWriter(
                stream, self._schema, compression="zstd", compression_level=1, use_dictionary=repeating
            )
        elif kind == "feather":
            options = pa.ipc.IpcWriteOptions(compression="zstd")
            described = {**metadata, ABOUT.encode(): json.dumps(about).encode()}
            self._schema = schema.with_metadata(described)
            self._writer = pa.ipc.new_file(stream, self._schema, options=options)
        else:
            names = [_quoted(name, _SEPARATORS[kind]) for name in schema.names]
            stream.write((_SEPARATORS[kind].join(names) + "\n").encode())

    def write(self, part: pa.Table) -> None:
        """Write a part."""
        if self._writer is not None:
            self._writer.write_table(part.cast(self._schema))
        else:
            write_lines(self._stream, part, _SEPARATORS[self._kind])

    def describe(self, about: Mapping[str, Any]) -> None:
        """Keep what was done, as it is known at the end, in the metadata of Parquet."""
        if self._kind == "parquet":
            self._writer.add_key_value_metadata({ABOUT: json.dumps(about)})

    def __enter__(self) -> PartWriter:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._writer is not None:
            self._writer.close()


def _quoted(text: str, separator: str) -> str:
    if (
        not text
        or any(mark in text for mark in (separator, '"', "\n", "\r"))
        or (separator == " " and "\t" in text)
    ):
        return '"' + text.replace('"', '""') + '"'
    return text


def write_lines(stream: Any, part: pa.Table, separator: str) -> None:
    """Write rows as lines of text; a missing value is an empty cell, between blanks ``nan`` or ``""``."""
    if not part.num_rows:
        return
    columns = [_as_text(column.combine_chunks(), separator) for column in _flat(part, numbers=False).columns]
    rows = pc.binary_join_element_wise(*columns, separator)
    for chunk in rows.chunks if isinstance(rows, pa.ChunkedArray) else [rows]:
        stream.write(("\n".join(chunk.to_pylist()) + "\n").encode())


def _as_text(column: Any, separator: str) -> Any:
    kind = column.type
    number = pa.types.is_floating(kind) or pa.types.is_integer(kind)
    text = column.cast(pa.string())
    if not number and not pa.types.is_boolean(kind):
        special = pc.match_substring_regex(text, r'[\s"]|^$' if separator == " " else f'[{separator}"\r\n]')
        marked = pc.binary_join_element_wise('"', pc.replace_substring(text, '"', '""'), '"', "")
        text = pc.if_else(special, marked, text)
    return pc.fill_null(text, "" if separator != " " else "nan" if number else '""')


def _flat(table: pa.Table, numbers: bool = True) -> pa.Table:
    """Return a table of numbers, texts and times; bytes are taken for text, as those of FITS are."""
    for place, field in enumerate(table.schema):
        if pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type):
            values = table.column(place).to_pylist()
            words = [None if v is None else v.decode("utf-8", "backslashreplace") for v in values]
            table = table.set_column(place, field.with_type(pa.string()), pa.array(words, pa.string()))
    return plain_table(table, numbers)


def to_table(parts: list[pa.Table], schema: pa.Schema) -> Table:
    """Return Arrow tables as one astropy table, with units, descriptions and masks."""
    whole = pa.concat_tables(parts) if parts else schema.empty_table()
    result = Table()
    for field, column in zip(whole.schema, _flat(whole).columns, strict=True):
        metadata = {key.decode(): value.decode() for key, value in (field.metadata or {}).items()}
        # A float without a value is NaN, whatever the format.
        floating = pa.types.is_floating(field.type)
        result[field.name] = column.to_numpy() if floating else as_column(column)
        if metadata.get("unit") and isinstance(result[field.name], Column):
            result[field.name].unit = known_unit(metadata["unit"])
        result[field.name].info.description = metadata.get("description") or None
    return result


def write_whole(table: Table, stream: Any, kind: str, about: Mapping[str, Any], target: str) -> None:
    """Write an astropy table, with what was done in its metadata.

    Raises
    ------
    CatalogError
        If the format cannot hold a column.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            _write(table, stream, kind, about)
    except (ValueError, TypeError, NotImplementedError, OSError) as error:
        described = str(error).strip().splitlines()
        raise CatalogError(
            f"the result cannot be written to {target} as {kind}: {described[0] if described else error}; "
            "choose another format"
        ) from error


def _write(table: Table, stream: Any, kind: str, about: Mapping[str, Any]) -> None:
    for name in table.colnames if kind in {"fits", "votable"} else ():
        if getattr(table[name], "dtype", None) == "float16":
            # They know no half precision.
            table[name] = table[name].astype("float32")
    if kind == "ecsv":
        table.meta[ABOUT] = dict(about)
        text = io.TextIOWrapper(stream, "utf-8", newline="\n", write_through=True)
        table.write(text, format="ascii.ecsv")
        text.detach()
    elif kind == "fits":
        _write_fits(table, stream, about)
    elif kind == "votable":
        _write_votable(table, stream, about)
    elif kind == "parquet":
        table.meta[ABOUT] = dict(about)
        for name in table.colnames:
            values = _objects(table[name])
            # astropy asks the first text of a VOTable for its type.
            if values and _texts(values):
                table[name] = _as_texts(table[name])
            elif any(isinstance(value, dict | list) for value in values):
                raise ValueError(f"column {name!r} holds values of several kinds")
        # astropy writes Parquet to a path only.
        with scratch_folder() as folder:
            path = Path(folder) / "table.parquet"
            table.write(path, format="parquet")
            with path.open("rb") as written:
                shutil.copyfileobj(written, stream)
    else:
        _write_text(table, stream, kind)


def _objects(column: Any) -> list[Any]:
    """Return the values of a column that holds objects of any kind; none of a column of one kind."""
    return column.tolist() if getattr(column, "dtype", np.dtype(float)).kind == "O" else []


def _texts(values: list[Any]) -> bool:
    return all(value is None or isinstance(value, str) for value in values)


def _as_texts(column: Column) -> Column:
    """Return a column of objects as one of texts; what is missing stays so, and does not become 'None'."""
    values = column.tolist()
    missing = [value is None for value in values]
    about = {"name": column.name, "description": column.description, "meta": column.meta}
    texts = [value or "" for value in values]
    return MaskedColumn(texts, mask=missing, **about) if any(missing) else Column(texts, **about)


def _write_text(table: Table, stream: Any, kind: str) -> None:
    names = [
        name
        for name in table.colnames
        if len(table[name].shape) > 1
        or any(isinstance(value, dict | list | np.ndarray) for value in _objects(table[name]))
    ]
    if names:
        raise ValueError(f"column {names[0]!r} holds several values a row")
    formats = {"csv": "ascii.csv", "tsv": "ascii.tab", "text": "ascii.basic"}
    if kind == "feather":
        raise ValueError("a table of this format goes to Parquet, not to Feather")
    text = io.TextIOWrapper(stream, "utf-8", newline="\n", write_through=True)
    table.write(text, format=formats[kind])
    text.detach()


def _write_fits(table: Table, stream: Any, about: Mapping[str, Any]) -> None:
    meta = table.meta
    keep_unknown_truths(table)
    for name in table.colnames:
        column = table[name]
        if isinstance(column, Column) and column.dtype.kind == "U" and (word := _no_ascii(column)):
            raise ValueError(f"column {name!r} holds {word!r}, and FITS knows ASCII alone")
    for key, name in _CARDS.items():
        if about.get(name) is not None:
            meta[key] = about[name]
    for role, reading in about["read_as"].items():
        meta.setdefault("comments", []).append(
            f"cte-lake read {role} as {reading}".encode("ascii", "replace").decode()
        )
    table.write(stream, format="fits")


def _no_ascii(words: Any) -> str:
    return next((word for word in map(str, words.tolist()) if not word.isascii()), "")


#: FITS keyword: what it holds.
_CARDS = {
    "CTECOEF": "coefficients",
    "CTEHASH": "coefficients_hash",
    "CTEGEN": "generation",
    "CTERAD": "radius",
    "CTETYPE": "filetype",
    "CTEVERS": "version",
    "CTEDATE": "date",
}


def _write_votable(table: Table, stream: Any, about: Mapping[str, Any]) -> None:
    from astropy.io.votable import from_table, writeto
    from astropy.io.votable.tree import Info
    from astropy.table.serialize import represent_mixins_as_columns
    from astropy.units import Quantity

    plain = table.copy(copy_data=False)
    for name in plain.colnames:
        if isinstance(plain[name], Time):
            plain[name] = Column(mjd_of_times(plain[name]), unit="d", description="MJD (UTC)")
    # Coordinates become columns of numbers, as sky.ra and sky.dec.
    plain = represent_mixins_as_columns(plain, exclude_classes=(Quantity,))
    plain.meta.pop("__serialized_columns__", None)
    document = from_table(plain)
    for name, value in about.items():
        document.infos.append(Info(ID=f"cte_lake_{name}", name=f"cte_lake_{name}", value=_words(value)))
    # Not `to_xml`: its C code can leave its buffer (astropy 8.0.2).
    writeto(document, stream)


def _words(value: Any) -> str:
    return "; ".join(f"{k}: {v}" for k, v in value.items()) if isinstance(value, Mapping) else str(value)


def csv_metadata(target: Path, schema: pa.Schema, about: Mapping[str, Any]) -> bytes:
    """Return the description of a text table as W3C's CSV on the Web has it, for a file beside it."""
    columns = []
    for field in schema:
        metadata = {key.decode(): value.decode() for key, value in (field.metadata or {}).items()}
        entry = {"name": field.name, "titles": field.name}
        if metadata.get("description"):
            entry["dc:description"] = metadata["description"]
        if metadata.get("unit"):
            entry["schema:unitText"] = metadata["unit"]
        columns.append(entry)
    body = {
        "@context": "http://www.w3.org/ns/csvw",
        "url": target.name,
        "tableSchema": {"columns": columns},
        "notes": [dict(about)],
    }
    return (json.dumps(body, indent=1, ensure_ascii=False) + "\n").encode()
