"""The correction of a user's file, whatever its format and size.

Parquet and CSV go through in batches, so that neither has to fit into memory; ECSV, FITS and VOTable keep
their units, descriptions and metadata and are read as a whole.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from astropy.table import Table
from astropy.utils.exceptions import AstropyWarning

from cte_lake.errors import CatalogError, UsageError
from cte_lake.lake.write import replacing
from cte_lake.model.coefficients import CoefficientSet
from cte_lake.model.columns import TableColumns
from cte_lake.model.correct_table import (
    OUTPUT,
    TableConstants,
    astropy_metadata,
    attach,
    choose_columns,
    correct_columns,
)
from cte_lake.model.flags import CORRECTION_FLAGS

#: Ending: astropy's name of the format.
_ASTROPY = {
    ".ecsv": "ascii.ecsv",
    ".fits": "fits",
    ".fits.gz": "fits",
    ".fit": "fits",
    ".vot": "votable",
    ".votable": "votable",
    ".xml": "votable",
}
_BATCHED = (".parquet", ".csv")
#: Rows at a time; 100 MB of the columns that a correction touches.
BATCH_ROWS = 500_000


@dataclass
class CorrectedFile:
    """What a correction did.

    Attributes
    ----------
    path : Path
        The file written.
    columns : TableColumns
        Which column was taken for what.
    rows, corrected : int
        Rows, and those that have a corrected flux.
    flags : Counter of str
        Rows per condition of `cte_lake.model.flags`.
    """

    path: Path
    columns: TableColumns | None = None
    rows: int = 0
    corrected: int = 0
    flags: Counter[str] = field(default_factory=Counter)

    def count(self, out: Mapping[str, Any]) -> None:
        """Add the rows of a part of the table."""
        flags = out["cte_flag"]
        self.rows += flags.size
        self.corrected += int(np.isfinite(out["cte_dmag"]).sum())
        for flag in CORRECTION_FLAGS:
            hit = int(np.count_nonzero(flags & flag.value))
            if hit:
                self.flags[flag.name] += hit


def format_of(path: Path) -> str:
    """Return a table file's ending, as the formats know it.

    Raises
    ------
    UsageError
        If it is none of the known.
    """
    name = path.name.lower()
    for ending in sorted({*_ASTROPY, *_BATCHED}, key=len, reverse=True):
        if name.endswith(ending):
            return ending
    raise UsageError(f"{path}: unknown ending; a table is one of {', '.join(sorted({*_ASTROPY, *_BATCHED}))}")


def default_output(path: Path) -> Path:
    """Return the name beside a table under which its correction is written: ``stars_cte.fits``."""
    ending = format_of(path)
    return path.with_name(f"{path.name[: -len(ending)]}_cte{path.name[-len(ending) :]}")


def correct_file(
    source: Path,
    target: Path,
    coefficients: CoefficientSet,
    constants: TableConstants | None = None,
    chosen: Mapping[str, str] | None = None,
    replace: bool = False,
    batch_rows: int = BATCH_ROWS,
    progress: Callable[[int, int], None] | None = None,
) -> CorrectedFile:
    """Correct a table file into another of the same or another format.

    Parameters
    ----------
    source, target : Path
        Files; their endings tell the formats. Parquet and CSV go to Parquet or CSV in batches.
    coefficients : CoefficientSet
        The surface.
    constants : TableConstants, optional
        What holds for all rows.
    chosen : mapping of str to str, optional
        Role to column.
    replace : bool, optional
        Whether `target` may be overwritten.
    batch_rows : int, optional
        Rows at a time.
    progress : callable, optional
        Called with rows done and rows in all (0: not known).

    Raises
    ------
    CatalogError
        If the table cannot be read, or lacks what a correction needs.
    UsageError
        If a format is unknown, the target exists, or it is the source.
    """
    constants = constants or TableConstants()
    into, out_of = format_of(target), format_of(source)
    if target.exists() and (not replace or target.resolve() == source.resolve()):
        raise UsageError(f"{target} exists; use --replace to overwrite it, or -o for another name")
    if not source.is_file():
        raise CatalogError(f"table {source} does not exist")
    done = CorrectedFile(target)
    if out_of in _BATCHED and into in _BATCHED:
        with replacing(target) as temporary:
            _in_batches(source, temporary, into, coefficients, constants, chosen, batch_rows, done, progress)
        return done
    table = _read_whole(source, out_of)
    done.columns = choose_columns(table, constants, chosen)
    out = correct_columns(table, coefficients, done.columns, constants)
    done.count(out)
    result = attach(table, out, done.columns)
    result.meta["CTECOEF"] = coefficients.name
    _write_whole(result, target, into)
    return done


def _read_whole(source: Path, ending: str) -> Table:
    try:
        if ending in _BATCHED:
            return Table.read(source, format="parquet" if ending == ".parquet" else "ascii.csv")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            return Table.read(source, format=_ASTROPY[ending])
    except Exception as error:
        raise CatalogError(f"table {source} cannot be read as {ending[1:]}: {error}") from error


def _write_whole(table: Table, target: Path, ending: str) -> None:
    kind = {".parquet": "parquet", ".csv": "ascii.csv"}.get(ending) or _ASTROPY[ending]
    # astropy tells a gzip file by its name, and the temporary one has another.
    with replacing(target) as temporary, warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        named = temporary.with_name(temporary.name + (".gz" if ending.endswith(".gz") else ""))
        table.write(named, format=kind, overwrite=True)
        if named != temporary:
            named.replace(temporary)


def _batches(source: Path, batch_rows: int) -> tuple[pa.Schema, Iterator[pa.RecordBatch], int]:
    try:
        if format_of(source) == ".parquet":
            file = pq.ParquetFile(source)
            return file.schema_arrow, file.iter_batches(batch_size=batch_rows), file.metadata.num_rows
        reader = pacsv.open_csv(source, read_options=pacsv.ReadOptions(block_size=64 * batch_rows))
        return reader.schema, iter(reader), 0
    except (pa.ArrowException, OSError) as error:
        raise CatalogError(f"table {source} cannot be read: {error}") from None


def _in_batches(
    source: Path,
    temporary: Path,
    ending: str,
    coefficients: CoefficientSet,
    constants: TableConstants,
    chosen: Mapping[str, str] | None,
    batch_rows: int,
    done: CorrectedFile,
    progress: Callable[[int, int], None] | None,
) -> None:
    schema, batches, total = _batches(source, batch_rows)
    # An empty table too has its columns checked, and its output the columns of the result.
    empty = schema.empty_table()
    done.columns = choose_columns(empty, constants, chosen)
    first = attach(empty, correct_columns(empty, coefficients, done.columns, constants), done.columns)
    metadata = {**astropy_metadata(first.schema), b"cte_coefficients": coefficients.name.encode()}
    wanted = first.schema.with_metadata(metadata)
    # A dictionary of measured numbers is as long as the column: trying one takes a third of the time.
    repeating = [entry.name for entry in wanted if not pa.types.is_floating(entry.type)]
    writer: Any = (
        pq.ParquetWriter(temporary, wanted, compression="zstd", compression_level=1, use_dictionary=repeating)
        if ending == ".parquet"
        else pacsv.CSVWriter(temporary, wanted)
    )
    # One part is written while the next is corrected: both leave Python's lock.
    with writer, ThreadPoolExecutor(1) as pool:
        pending: Future[None] | None = None
        for batch in batches:
            part = pa.Table.from_batches([batch], schema=batch.schema)
            out = correct_columns(part, coefficients, done.columns, constants)
            done.count(out)
            if pending:
                pending.result()
            pending = pool.submit(writer.write_table, attach(part, out, done.columns).cast(wanted))
            if progress:
                progress(done.rows, total)
        if pending:
            pending.result()


def output_names() -> list[str]:
    """Names of the columns that a correction adds."""
    return list(OUTPUT)
