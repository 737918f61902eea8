"""The correction of a user's file, whatever its format and size.

Parquet, Feather and text go through in parts, so that none has to fit into memory; ECSV, FITS and VOTable
keep their units, descriptions and metadata and are read as a whole.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from astropy.table import Table

from cte_lake import __version__, clock
from cte_lake.correction.photometry_programs import program_roles, with_readout_distance
from cte_lake.correction.table_files import BATCH_ROWS, OpenTable, open_table
from cte_lake.correction.table_formats import BATCHED, compression_of, format_of
from cte_lake.correction.table_output import PartWriter, compressed, csv_metadata, to_table, write_whole
from cte_lake.errors import UsageError
from cte_lake.lake.scratch import sweep
from cte_lake.lake.write import replacing, write_bytes
from cte_lake.model.apertures import Aperture, others_left
from cte_lake.model.coefficient_text import to_toml
from cte_lake.model.coefficients import CoefficientSet
from cte_lake.model.correct_table import attach, correct_columns, plan
from cte_lake.model.flags import count_flags
from cte_lake.model.table_constants import TableConstants
from cte_lake.model.tables import column_names


@dataclass(frozen=True)
class TableOptions:
    """How a table file is read and written.

    Attributes
    ----------
    format : str or None
        Format of the input; by default what its first bytes and its ending say.
    to : str or None
        Format of the output; by default what its ending says.
    hdu : str or None
        Number or name of the table in a FITS or VOTable file.
    names : tuple of str or None
        Columns of a text file without a line of names.
    decimal : str or None
        Mark of decimals in a text, comma or point; by default what its numbers prove.
    replace : bool
        Whether the output may be overwritten.
    batch_rows : int
        Rows at a time.
    """

    format: str | None = None
    to: str | None = None
    hdu: str | None = None
    names: tuple[str, ...] | None = None
    decimal: str | None = None
    replace: bool = False
    batch_rows: int = BATCH_ROWS


@dataclass
class CorrectedFile:
    """What a correction did.

    Attributes
    ----------
    path : Path
        The file written.
    columns : dict of str to str
        Which column was taken for what role; of several apertures with the radius behind it.
    readings : dict of str to str
        What each role was read as: column, unit, what was assumed.
    notes : list of str
        What was assumed about the file.
    rows, corrected : int
        Rows, and those that have a result (in every aperture).
    flags : Counter of str
        Rows per condition of `cte_lake.model.flags`; of several apertures with the radius behind its name.
    """

    path: Path
    columns: dict[str, str] = field(default_factory=dict)
    readings: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    rows: int = 0
    corrected: int = 0
    flags: Counter[str] = field(default_factory=Counter)

    def count(self, out: Mapping[str, Any]) -> None:
        """Add the rows of a part of the table."""
        suffixes = [name.removeprefix("cte_flag") for name in out if name.startswith("cte_flag")]
        results = [np.isfinite(out[f"cte_dmag{suffix}"]) for suffix in suffixes]
        self.rows += results[0].size
        self.corrected += int(np.logical_and.reduce(results).sum())
        self.flags += count_flags(out)

    def note(self, apertures: Sequence[Aperture], left: str) -> None:
        """Keep what each role was read as, once where all apertures agree."""
        self.readings, self.columns = {}, {}
        for each in apertures:
            for role, reading in each.reader.readings.items():
                same = all(other.reader.readings.get(role) == reading for other in apertures)
                self.readings[role if same else f"{role}{each.suffix}"] = reading
            for role, name in each.reader.columns.named().items():
                same = all(getattr(other.reader.columns, role) == name for other in apertures)
                self.columns[role if same else f"{role}{each.suffix}"] = name
        if left:
            self.readings["others"] = left

    def about(self, apertures: Sequence[Aperture]) -> dict[str, Any]:
        """Return what was done, for the output's metadata."""
        sets = [each.coefficients for each in apertures]
        facts = {
            "coefficients": _listed([entry.name for entry in sets]),
            "coefficients_hash": _listed([coefficients_hash(entry) for entry in sets]),
            "generation": _listed([entry.selection.get("generation") for entry in sets]),
            "radius": _listed([entry.validity.radius for entry in sets]),
            "filetype": _listed([entry.validity.filetype for entry in sets]),
            "version": f"cte-lake {__version__}",
            "date": clock.now().isoformat(timespec="seconds"),
            "read_as": {**self.readings, **({"file": "; ".join(self.notes)} if self.notes else {})},
        }
        return {name: value for name, value in facts.items() if value is not None}


def _listed(values: Sequence[Any]) -> Any:
    """Return the one value that all sets have, or all of them as a text; None where a set has none."""
    different = list(dict.fromkeys(values))
    return different[0] if len(different) == 1 else ", ".join(str(value or "none") for value in different)


def coefficients_hash(coefficients: CoefficientSet) -> str:
    """Return a hash of a set's content, 16 hexadecimal digits."""
    return hashlib.sha256(to_toml(coefficients).encode()).hexdigest()[:16]


def correct_file(
    source: Path,
    target: Path,
    coefficients: CoefficientSet | Sequence[CoefficientSet],
    constants: TableConstants | None = None,
    chosen: Mapping[str, str] | None = None,
    options: TableOptions | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> CorrectedFile:
    """Correct a table file into another of the same or another format.

    Parameters
    ----------
    source, target : Path
        Files. Parquet, Feather and text go through in parts.
    coefficients : CoefficientSet or sequence of CoefficientSet
        The surface; several are of different radii, and each corrects the column of its own.
    constants : TableConstants, optional
        What holds for all rows.
    chosen : mapping of str to str, optional
        Role to column.
    options : TableOptions, optional
        Formats, and whether `target` may be overwritten.
    progress : callable, optional
        Called with rows done and rows in all (0: not known).

    Raises
    ------
    CatalogError
        If the table cannot be read, or lacks what a correction needs.
    UsageError
        If a format is unknown, the target exists, or it is the source.
    """
    options = options or TableOptions()
    into = options.to or format_of(target)
    if source.exists() and target.exists() and target.samefile(source):
        raise UsageError(f"{target} is the table that is read; give -o another name, for it stays as it is")
    if target.exists() and not options.replace:
        raise UsageError(f"{target} exists; use --overwrite to replace it, or -o for another name")
    names = None if options.names is None else list(options.names)
    opened = open_table(source, options.format, options.hdu, names, options.batch_rows, options.decimal)
    done = CorrectedFile(target)
    job = _Job(coefficients, constants, chosen, options, done, progress, options.format or opened.kind)
    sweep(target.parent)
    with replacing(target) as temporary, compressed(temporary, compression_of(target)) as stream:
        schema = _correct(opened, stream, into, job)
    if into in {"csv", "tsv", "text"} and schema is not None:
        write_bytes(metadata_path(target), csv_metadata(target, schema, done.about(job.apertures)))
    return done


def metadata_path(target: Path) -> Path:
    """Return the file beside a text table that says what its columns are (CSV on the Web)."""
    return target.with_name(f"{target.name}-metadata.json")


@dataclass
class _Job:
    coefficients: CoefficientSet | Sequence[CoefficientSet]
    constants: TableConstants | None
    chosen: Mapping[str, str] | None
    options: TableOptions
    done: CorrectedFile
    progress: Callable[[int, int], None] | None
    kind: str
    apertures: list[Aperture] = field(default_factory=list)
    left: str = ""

    def plan(self, table: Any) -> list[Aperture]:
        """Find what a table of these columns is corrected by."""
        constants, chosen = self.constants or TableConstants(), self.chosen or {}
        constants, chosen = program_roles(self.kind, column_names(table), constants, chosen)
        self.apertures = plan(table, self.coefficients, constants, chosen)
        self.left = others_left(table, self.apertures, constants)
        return self.apertures

    def note(self, opened: OpenTable) -> dict[str, Any]:
        """Keep how the table was read, now that all of it was; return what was done."""
        self.done.note(self.apertures, self.left)
        self.done.notes = [*opened.notes, *(opened.text.notes if opened.text is not None else [])]
        return self.done.about(self.apertures)


def _correct(opened: OpenTable, stream: Any, into: str, job: _Job) -> pa.Schema | None:
    if opened.whole is not None:
        job.plan(opened.whole)
        result = _corrected(opened.whole, job)
        write_whole(result, stream, into, job.note(opened), str(job.done.path))
        return _schema_of(result)
    typed = into not in {"csv", "tsv", "text"}
    schema, parts = opened.schema or pa.schema([]), opened.parts()
    if opened.text is not None and typed:
        schema, parts = opened.text.typed(job.options.batch_rows)
    if job.options.format == "hst1pass":
        parts = map(with_readout_distance, parts)
        schema = with_readout_distance(schema.empty_table()).schema
    return _in_parts(schema, parts, opened, stream, into, job)


def _corrected(table: Any, job: _Job) -> Any:
    out = correct_columns(table, job.apertures)
    job.done.count(out)
    return attach(table, out, job.apertures)


def _in_parts(
    schema: pa.Schema, parts: Iterator[pa.Table], opened: OpenTable, stream: Any, into: str, job: _Job
) -> pa.Schema:
    # An empty table too has its columns checked, and its output the columns of the result.
    empty = schema.empty_table()
    apertures = job.plan(empty)
    wanted = attach(empty, correct_columns(empty, apertures), apertures).schema
    for each in apertures:
        each.reader.readings.clear()
    done = job.done
    if into not in BATCHED:
        results = [_corrected(part, job).cast(wanted) for part in parts]
        write_whole(to_table(results, wanted), stream, into, job.note(opened), str(done.path))
        return wanted
    # One part is written while the next is corrected: both leave Python's lock.
    with PartWriter(stream, into, wanted, done.about(apertures)) as writer, ThreadPoolExecutor(1) as pool:
        pending: Future[None] | None = None
        for part in parts:
            result = _corrected(part, job).cast(wanted)
            if pending:
                pending.result()
            pending = pool.submit(writer.write, result)
            if job.progress:
                job.progress(done.rows, opened.rows)
        if pending:
            pending.result()
        writer.describe(job.note(opened))
    return wanted


def _schema_of(table: Table) -> pa.Schema:
    fields = []
    for name in table.colnames:
        info = table[name].info
        meta = {"unit": str(info.unit or ""), "description": str(info.description or "")}
        fields.append(pa.field(name, pa.null(), metadata=meta))
    return pa.schema(fields)
