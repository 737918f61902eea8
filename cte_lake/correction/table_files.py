"""Opens a user's table file: in parts where its format allows, else as an astropy table."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from astropy.table import Table
from astropy.utils.exceptions import AstropyWarning

from cte_lake.correction.decimal_commas import decimal_marks
from cte_lake.correction.photometry_programs import program_header
from cte_lake.correction.table_formats import ARROW_STREAM, TEXTS, WRITABLE, named_format, sniffed_format
from cte_lake.correction.text_header import add_comment_units, comment_lines, read_header
from cte_lake.correction.text_source import first_bytes, open_bytes
from cte_lake.correction.text_tables import TextTable
from cte_lake.errors import CatalogError, UsageError, in_words
from cte_lake.filenames import no_file
from cte_lake.model.arrow import arrow_of
from cte_lake.model.column_facts import has_mixins
from cte_lake.model.table_meta import stated_in_lines, votable_facts, wanted
from cte_lake.model.table_values import plain_values
from cte_lake.views.plain_types import storable

#: Rows at a time; 100 MB of the columns that a correction touches.
BATCH_ROWS = 250_000
#: Origins of a VOTable's TIMESYS whose numbers are dates as they stand: none, JD, MJD.
_ORIGINS = (None, 0.0, 2400000.5, "JD-origin", "MJD-origin")


@dataclass
class OpenTable:
    """A table file that is open for reading.

    Attributes
    ----------
    kind : str
        Its format.
    whole : Table or None
        All of it, where it is not read in parts.
    schema : pyarrow.Schema or None
        Its columns, where it is.
    parts : callable
        Yields Arrow tables of that schema.
    rows : int
        Rows in all; 0: not known.
    text : TextTable or None
        The text table behind it.
    notes : list of str
        What was assumed, for people.
    """

    kind: str
    whole: Table | None = None
    schema: pa.Schema | None = None
    parts: Callable[[], Iterator[pa.Table]] = lambda: iter(())
    rows: int = 0
    text: TextTable | None = None
    notes: list[str] = field(default_factory=list)


def open_table(
    path: Path,
    format_: str | None = None,
    hdu: str | None = None,
    names: list[str] | None = None,
    batch_rows: int = BATCH_ROWS,
    decimal: str | None = None,
) -> OpenTable:
    """Open a table file.

    Parameters
    ----------
    path : Path
        The file, compressed or not.
    format_ : str, optional
        Its format; by default what its first bytes and its ending say.
    hdu : str, optional
        Number or name of the table in a FITS or VOTable file.
    names : list of str, optional
        Columns of a text file that has no line of names.
    batch_rows : int, optional
        Rows at a time.
    decimal : str, optional
        Mark of decimals in a text, comma or point, where its numbers do not prove it.

    Raises
    ------
    CatalogError
        If the file cannot be read; one sentence says why.
    """
    if not path.is_file():
        kind = no_file(path.stat().st_mode) if path.exists() else None
        said = f"is {kind}" if path.is_dir() else f"is {kind}; copy what it gives into a file"
        raise CatalogError(f"table {path} {'does not exist' if kind is None else said}")
    kind = named_format(format_) if format_ else sniffed_format(path)
    if hdu is not None and kind not in {"fits", "votable"}:
        raise UsageError(
            f"--hdu chooses a table of a FITS or VOTable file, and {path} is {kind}; leave it out"
        )
    if kind in {"parquet", "feather"}:
        return _open_columnar(path, kind, batch_rows)
    if kind in TEXTS:
        head = first_bytes(path)
        header = program_header(kind, head, path, names) or read_header(head, str(path), TEXTS[kind], names)
        add_comment_units(header, comment_lines(head))
        header.marks = decimal_marks(header, head, str(path), decimal)
        text = TextTable(path, header, stated_in_lines(comment_lines(head)))
        return OpenTable(
            "text" if kind not in {"csv", "tsv"} else kind,
            schema=text.schema, parts=lambda: text.parts(batch_rows), text=text,
        )  # fmt: skip
    return OpenTable(kind, whole=_read_whole(path, kind, hdu))


def read_table(path: Path, hdu: str | None = None) -> pa.Table:
    """Read a table file of any format that `cte-lake correct` reads, as Arrow.

    Raises
    ------
    CatalogError
        If it cannot be read.
    """
    opened = open_table(path, hdu=hdu)
    if opened.whole is not None:
        return arrow_of(opened.whole)
    schema, parts = opened.schema or pa.schema([]), opened.parts()
    if opened.text is not None:
        schema, parts = opened.text.typed(500_000)
    return pa.concat_tables([schema.empty_table(), *parts])


def written_like(path: Path) -> str:
    """Return the format in which a table is written that is to be like a file, whatever the file's name."""
    kind = sniffed_format(path)
    if kind not in TEXTS:
        return kind if kind in WRITABLE else "text"
    try:
        delimiter = read_header(first_bytes(path), str(path), TEXTS[kind], None).delimiter
    except CatalogError:
        # Such as one without names, which are given beside it; who reads it says what is wrong, if anything.
        return "text"
    return {",": "csv", ";": "csv", "\t": "tsv"}.get(delimiter, "text")


def _open_columnar(path: Path, kind: str, batch_rows: int) -> OpenTable:
    try:
        if kind == "parquet":
            # Otherwise Arrow keeps each column that was read, 0.8 GB of 20 million rows.
            file = pq.ParquetFile(path, pre_buffer=False, buffer_size=2**20)
            if has_mixins(file.schema_arrow):
                return OpenTable(kind, whole=_read_whole(path, kind, None))
            return OpenTable(
                kind,
                schema=file.schema_arrow,
                parts=lambda: _batches(path, kind, file.iter_batches(batch_size=batch_rows)),
                rows=file.metadata.num_rows,
            )
        if first_bytes(path, len(ARROW_STREAM)) == ARROW_STREAM:
            stream = _storable(pa.ipc.open_stream(pa.OSFile(str(path))).schema.empty_table())
            return OpenTable(
                kind,
                schema=stream.schema,
                parts=lambda: _batches(path, kind, pa.ipc.open_stream(pa.OSFile(str(path)))),
            )
        # A mapped file that somebody shortens ends the process.
        ipc = pa.ipc.open_file(pa.OSFile(str(path)))
        return OpenTable(
            kind,
            schema=_storable(ipc.schema.empty_table()).schema,
            parts=lambda: _batches(path, kind, map(ipc.get_batch, range(ipc.num_record_batches))),
        )
    except (pa.ArrowException, OSError) as error:
        raise CatalogError(f"table {path} cannot be read as {kind}: {in_words(error)}") from None


def _batches(path: Path, kind: str, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Yield batches as tables; damage behind the head of a file shows when they are read."""
    try:
        for batch in batches:
            yield _storable(pa.Table.from_batches([batch]))
    except (pa.ArrowException, OSError) as error:
        raise CatalogError(f"table {path} cannot be read as {kind}: {in_words(error)}") from None


def _storable(table: pa.Table) -> pa.Table:
    """Return a table with what Arrow cannot write into other formats (enumerations of polars) as texts."""
    for place, entry in enumerate(table.schema):
        if pa.types.is_dictionary(entry.type) and pa.types.is_string_view(entry.type.value_type):
            table = table.set_column(place, entry.with_type(pa.string()), plain_values(table.column(place)))
    return storable(table)


def _read_whole(path: Path, kind: str, hdu: str | None) -> Table:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            if kind == "fits":
                return _read_fits(path, hdu)
            if kind == "votable":
                return _read_votable(path, hdu)
            if kind == "parquet":
                return Table.read(path, format="parquet")
            with open_bytes(path) as stream:
                text = stream.read().decode("utf-8", "replace")
            return Table.read(text, format="ascii.ecsv" if kind == "ecsv" else kind)
    except CatalogError:
        raise
    except Exception as error:
        raise CatalogError(f"table {path} cannot be read as {kind}: {in_words(error)}") from error


def _read_fits(path: Path, hdu: str | None) -> Table:
    from astropy.io import fits

    with fits.open(path) as hdus:
        tables = [
            place for place, each in enumerate(hdus) if isinstance(each, fits.BinTableHDU | fits.TableHDU)
        ]
        place = _chosen(path, hdu, tables, [each.name for each in hdus], "HDU")
        chosen = hdus[place]
        names = [name.strip() for name in chosen.columns.names]
        twins = sorted({name for name in names if names.count(name) > 1})
        if twins:
            raise CatalogError(f"the table has several columns called {twins[0]!r}; rename all but one")
        table = Table.read(hdus, hdu=place, astropy_native=True, format="fits")
        # HST keeps what an exposure is in the primary header.
        for keyword, value in wanted(hdus[0].header.items()).items():
            table.meta.setdefault(keyword, value)
        return table


def _chosen(path: Path, wanted: str | None, tables: list[int], names: list[str], what: str) -> int:
    """Return the place of the table that is meant."""
    listed = ", ".join(f"{place} {names[place]}".strip() for place in tables)
    if not tables:
        raise CatalogError(
            f"{path} holds no table; it is a FITS file of images only"
            if what == "HDU"
            else f"{path} holds no table"
        )
    if wanted is None:
        # SExtractor's FITS_LDAC: a table of the image's header, then that of the stars.
        stars = [place for place in tables if names[place] != "LDAC_IMHEAD"]
        if len(stars) == 1:
            return stars[0]
        raise CatalogError(f"{path} holds {len(tables)} tables ({listed}); choose one with --hdu")
    for place in tables:
        if wanted == str(place) or (names[place] and wanted.upper() == names[place].upper()):
            return place
    raise CatalogError(f"{path} has no table {wanted!r}; --hdu is one of {listed}")


def _read_votable(path: Path, hdu: str | None) -> Table:
    from astropy.io.votable import parse

    with open_bytes(path) as stream:
        document = parse(stream, verify="ignore")
    tables = list(document.iter_tables())
    infos = [info for resource in document.resources for info in resource.infos]
    for info in infos if not tables else ():
        if info.name == "QUERY_STATUS" and str(info.value).upper() == "ERROR":
            raise CatalogError(f"{path} holds no table; the service that wrote it said: {info.content}")
    names = [str(each.name or each.ID or "") for each in tables]
    place = _chosen(path, hdu, list(range(len(tables))), names, "table")
    fields = [entry.name for entry in tables[place].fields]
    twins = sorted({name for name in fields if fields.count(name) > 1})
    if twins:
        raise CatalogError(f"the table has several columns called {twins[0]!r}; rename all but one")
    stated, held = tables[place].nrows, len(tables[place].array)
    if stated not in (None, held):
        raise CatalogError(f"{path} states {stated:,} rows and holds {held:,}; it is cut or damaged")
    systems = {system.ID: system for each in document.resources for system in each.time_systems}
    timed = [(entry.name, systems[entry.ref]) for entry in tables[place].fields if entry.ref in systems]
    for name, system in timed:
        if system.timeorigin not in _ORIGINS:
            raise CatalogError(
                f"column {name!r} counts from JD {system.timeorigin} by its TIMESYS, and a date is MJD or "
                "JD; add that day, and remove the TIMESYS"
            )
    table = tables[place].to_table(use_names_over_ids=True)
    table.meta.update(votable_facts(document, tables[place]))
    table.meta.update([("TIMESYS", system.timescale) for _, system in timed])
    return table
