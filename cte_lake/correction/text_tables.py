"""Text tables in parts of Arrow: every column as text, so that none changes its type late."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from cte_lake.correction.decimal_commas import with_points
from cte_lake.correction.text_header import TextHeader
from cte_lake.correction.text_source import ChunkFile, Lines
from cte_lake.errors import CatalogError
from cte_lake.model.missing import MISSING

#: Bytes a row, roughly, by which rows become the reader's block.
_ROW_BYTES = 64
#: Most bytes of a part: Arrow reads several ahead.
_MOST = 6_000_000
#: Types that a text column may have, narrowest first.
_TYPES = (pa.int64(), pa.float64())


class TextTable:
    """A text table that is read in parts, as often as wanted.

    Parameters
    ----------
    path : Path
        The file.
    header : TextHeader
        What its first lines say.
    stated : mapping of str to str, optional
        Keywords of its comment lines.
    """

    def __init__(self, path: Path, header: TextHeader, stated: Mapping[str, str] | None = None) -> None:
        self.path = path
        self.header = header
        self._stated = dict(stated or {})
        self._lines = Lines(path, header.delimiter, len(header.names))

    @property
    def notes(self) -> list[str]:
        """What was assumed so far."""
        return [
            *self.header.notes,
            *(["text that is not UTF-8, read as Latin-1"] if self._lines.latin else []),
        ]

    @property
    def schema(self) -> pa.Schema:
        """The columns, all of text."""
        return pa.schema([self._field(name) for name in self.header.names], metadata=self._stated or None)

    def _field(self, name: str) -> pa.Field:
        unit = self.header.units.get(name)
        return pa.field(name, pa.string(), metadata={"unit": unit} if unit else None)

    def parts(self, rows: int) -> Iterator[pa.Table]:
        """Yield the table in parts of about `rows` rows.

        Raises
        ------
        CatalogError
            If a line has another number of values than there are names.
        """
        names = [f"c{place}" for place in range(len(self.header.names))]
        delimiter, marks = "\t" if self.header.delimiter == " " else self.header.delimiter, self.header.marks
        stream = io.BufferedReader(ChunkFile(self._lines.chunks(self.header.skip)), 1 << 20)
        try:
            reader = pacsv.open_csv(
                stream,
                read_options=pacsv.ReadOptions(column_names=names, block_size=min(_ROW_BYTES * rows, _MOST)),
                parse_options=pacsv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
                convert_options=pacsv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
                ),
            )
            row = 0
            for batch in reader:
                columns = [
                    with_points(column, name, row, marks[name]) if name in marks else column
                    for name, column in zip(self.header.names, batch.columns, strict=True)
                ]
                row += batch.num_rows
                yield pa.Table.from_arrays(columns, schema=self.schema)
        except pa.ArrowException as error:
            if "Empty CSV file" in str(error):
                return
            reason = str(error).splitlines()[0].removeprefix("CSV parse error: ")
            raise CatalogError(f"table {self.path} cannot be read: {reason}") from None

    def typed(self, rows: int) -> tuple[pa.Schema, Iterator[pa.Table]]:
        """Return the table with numbers and texts distinguished, for which it is read twice."""
        kinds = [0] * len(self.header.names)
        empty = [True] * len(kinds)
        for part in self.parts(rows):
            for place, column in enumerate(part.columns):
                kinds[place], empty[place] = _narrowed(column, kinds[place], empty[place])
        types = [
            pa.string() if kind == len(_TYPES) or void else _TYPES[kind]
            for kind, void in zip(kinds, empty, strict=True)
        ]
        fields = [field.with_type(kind) for field, kind in zip(self.schema, types, strict=True)]
        schema = pa.schema(fields, metadata=self.schema.metadata)
        return schema, (_typed(part, schema) for part in self.parts(rows))


def _plain(column: Any) -> Any:
    trimmed = pc.utf8_trim_whitespace(column)
    return pc.if_else(pc.is_in(pc.utf8_lower(trimmed), pa.array(sorted(MISSING))), None, trimmed)


def _narrowed(column: Any, kind: int, empty: bool) -> tuple[int, bool]:
    plain = _plain(column)
    if plain.null_count == len(plain):
        return kind, empty
    if kind == 0 and pc.any(pc.match_substring_regex(plain, r"^[+-]?0\d")).as_py():
        # 00123 is a name.
        return len(_TYPES), False
    while kind < len(_TYPES):
        try:
            plain.cast(_TYPES[kind])
            break
        except pa.ArrowInvalid:
            kind += 1
    return kind, False


def _typed(part: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = [
        column if pa.types.is_string(field.type) else _plain(column).cast(field.type)
        for column, field in zip(part.columns, schema, strict=True)
    ]
    return pa.Table.from_arrays(columns, schema=schema)
