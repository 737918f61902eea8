"""The command ``correct``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cte_lake.cli.app import RESULTS, Options, app, say
from cte_lake.cli.complete import coefficient_sets
from cte_lake.cli.options import (
    JsonOption,
    LakeOption,
    ProgressOption,
    lake_or_none,
    option,
    overwriting,
    panel,
    parse_date,
)
from cte_lake.errors import CatalogError, UsageError
from cte_lake.names import one_of

if TYPE_CHECKING:
    from cte_lake.correction.correct_files import CorrectedFile, TableOptions
    from cte_lake.model.coefficients import CoefficientSet
    from cte_lake.model.table_constants import TableConstants

#: Bytes of a table that takes its time where numba is not installed.
_LARGE = 5_000_000
of_file = panel("Files")
of_columns = panel("Columns")
of_constants = panel("Where a column is missing: one value for all rows")


@dataclass(frozen=True)
class FileOptions(Options):
    """Where the table lies in its file, and what is written."""

    format_: Annotated[
        str | None,
        of_file(
            "--format",
            "Format of TABLE, if its content does not show it: also dolphot, hst1pass, or one of "
            "astropy's such as ascii.mrt.",
        ),
    ] = None
    to: Annotated[
        str | None, of_file("--to", "Format to write, if the file's ending does not imply one.")
    ] = None
    hdu: Annotated[str | None, of_file("--hdu", "Number or name of the table in a FITS or VOTable file.")] = (
        None
    )
    names: Annotated[
        str | None, of_file("--names", "Columns of a text without a line of names: id,x,y,flux.")
    ] = None
    decimal: Annotated[
        str | None,
        of_file("--decimal", "Mark of decimals in a text, where 1,600 may be thousands; the other: , or ."),
    ] = None

    def of(self, kind: str | None, replace: bool) -> TableOptions:
        """Return how to read the table and write it in a format."""
        from cte_lake.correction.correct_files import TableOptions
        from cte_lake.correction.table_formats import named_format

        return TableOptions(
            format=None if self.format_ is None else named_format(self.format_),
            to=kind,
            hdu=self.hdu,
            names=None if self.names is None else tuple(name.strip() for name in self.names.split(",")),
            decimal=self.decimal,
            replace=replace,
        )


@dataclass(frozen=True)
class ColumnOptions(Options):
    """What the columns hold."""

    column: Annotated[
        list[str] | None,
        of_columns(
            "--column",
            "Which column is the flux, mag, y, chip, mjd, time, year, month, day, doy, background, distance, "
            "radius, filetype, exptime, generation, instrument, detector, filter, length, flash or chinject; "
            "repeatable; "
            "'FLUX_APER[1]' is one of several a row, none for no column. "
            "Others are found by UCD and common names.",
            metavar="ROLE=NAME",
        ),
    ] = None
    unit: Annotated[
        list[str] | None,
        of_columns(
            "--unit",
            "Unit of a role's column, if the table has none or a wrong one; repeatable.",
            metavar="ROLE=UNIT",
        ),
    ] = None
    y_origin: Annotated[
        float | None,
        of_columns(
            "--y-origin",
            "Number of the first row: 0, or 1 for positions of FITS, IRAF, DAOPHOT, SExtractor; "
            "default: 1 for Y_IMAGE and its like, else 0.",
            min=0,
            max=1,
        ),
    ] = None


@dataclass(frozen=True)
class ConstantOptions(Options):
    """What holds for all rows."""

    mjd: Annotated[str | None, of_constants("--mjd", "Date: MJD or 2024-02-01.")] = None
    chip: Annotated[int | None, of_constants("--chip", "Chip: 1 (UVIS1) or 2 (UVIS2).", min=1, max=2)] = None
    background: Annotated[
        float | None, of_constants("--background", "Background at readout (sky, dark and post-flash), e-/px.")
    ] = None
    radius: Annotated[
        str | None,
        of_constants(
            "--radius",
            "Aperture radius of the fluxes, px; several where a column holds several apertures.",
            metavar="PX[,PX...]",
        ),
    ] = None
    filetype: Annotated[
        str | None, of_constants("--filetype", "File type that was measured: flt or flc.")
    ] = None
    generation: Annotated[
        str | None,
        of_constants(
            "--generation",
            "Calibration generation of the frames that were measured, or one of those frames, "
            "whose header says it.",
            metavar="NAME|FRAME",
        ),
    ] = None
    exptime: Annotated[
        float | None, of_constants("--exptime", "Exposure time, s; needed for fluxes per second.")
    ] = None
    gain: Annotated[
        float | None, of_constants("--gain", "Electrons per count, for fluxes in counts, DN or adu.")
    ] = None
    enclosed: Annotated[
        float,
        of_constants(
            "--enclosed", "Fraction of the fluxes within the set's aperture, for total fluxes of a PSF fit."
        ),
    ] = 1.0
    zero_point: Annotated[
        float | None,
        of_constants(
            "--zero-point",
            "Magnitude of one electron of the exposure, for magnitudes; of one electron per second: plus 2.5 "
            "log10 of the exposure time.",
        ),
    ] = None

    def of(self, columns: ColumnOptions, parts: bool) -> TableConstants:
        """Return what is to be known of a table's rows beside its columns."""
        from cte_lake.model.table_constants import TableConstants

        radii = _radii(self.radius)
        return TableConstants(
            mjd=None if self.mjd is None else parse_date(self.mjd),
            chip=self.chip,
            background=self.background,
            radius=radii[0] if len(radii) == 1 else None,
            apertures=radii if len(radii) > 1 else (),
            filetype=None if self.filetype is None else one_of("--filetype", self.filetype, ("flt", "flc")),
            zero_point=self.zero_point,
            exptime=self.exptime,
            y_origin=columns.y_origin,
            parts=parts,
            gain=self.gain,
            enclosed=self.enclosed,
            generation=None if self.generation is None else _generation(self.generation),
            units=_assignments("--unit", columns.unit),
        )


@app.command(rich_help_panel=RESULTS)
def correct(
    table: Annotated[
        str,
        typer.Argument(
            metavar="TABLE",
            help="FITS, ECSV, VOTable, Parquet, Feather, CSV or other text; - is standard input.",
        ),
    ],
    coefficients: Annotated[
        list[str],
        typer.Option(
            "--coefficients",
            "-c",
            metavar="SET",
            help="Coefficient set: a file, a name in the lake or a built-in one; repeatable, one per radius.",
            autocompletion=coefficient_sets,
        ),
    ],
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="File written, of any of these formats; - is standard output; default: TABLE_cte.EXT.",
        ),
    ] = None,
    *,
    file: FileOptions,
    columns: ColumnOptions,
    constants: ConstantOptions,
    parts: Annotated[
        bool, option("--parts", "Add a column for each part of the error, and the scatter of one exposure.")
    ] = False,
    overwrite: Annotated[bool, overwriting("Overwrite the output file.")] = False,
    lake: LakeOption = None,
    as_json: JsonOption = False,
    progress: ProgressOption = True,
) -> None:
    """Correct a table of photometry for CTE losses; works offline, on files larger than memory too.

    Adds cte_loss (fraction), cte_dmag and cte_dmag_err (magnitudes, to be subtracted), corrected_flux and
    corrected_mag where there is a flux or a magnitude, and cte_flag, whose bits say what is doubtful: flux,
    date or background outside the fitted range, another radius, file type, calibration generation, filter,
    exposure length, flash level or camera, no positive flux, impossible date. Units are converted or
    refused, dates of every kind become MJD. Prints the written file on standard output, and on standard error
    what each column was read as and what was flagged; both are in the output too (for text in
    FILE-metadata.json).

    [bold]Examples[/bold]

      cte-lake correct stars.ecsv -c ngc104_F502N_l_pf0_flt_r3_mjd57601 --radius 3 --filetype flt

      cte-lake correct big.parquet -c coeffs.toml --column flux=flux_r03 --mjd 2016-08-01 --chip 2

      cte-lake correct apertures.fits -c set_r3 -c set_r5 --radius 3,5
    """
    from cte_lake.cli.terminal import progress_bar
    from cte_lake.compiled import COMPILED
    from cte_lake.correction.coefficient_files import find_coefficients
    from cte_lake.correction.correct_files import correct_file

    known = constants.of(columns, parts)
    chosen = _assignments("--column", columns.column)
    here = lake_or_none(lake)
    entries = [find_coefficients(name, here) for name in coefficients]
    with _input(table) as source, _output(source, output, file.to, table == "-") as (target, kind):
        options = file.of(kind, overwrite or output == "-")
        if not COMPILED and source.exists() and source.stat().st_size > _LARGE:
            say(
                "without numba a million stars take half a minute; it is part of an extra: "
                "pip install 'cte-lake[measure]'"
            )
        with progress_bar("correct", progress and output != "-") as report:
            done = correct_file(source, target, entries, known, chosen, options, report)
    _print_summary(done, entries)
    if as_json:
        typer.echo(json.dumps(_as_dict(done), indent=2), err=output == "-")
    elif output != "-":
        typer.echo(str(done.path))


def _generation(text: str) -> str:
    """Return a generation's name: the text, or what the header of the frame of that path says."""
    from cte_lake.correction.cautions import generation_of_frame
    from cte_lake.frames.exposure import read_exposure

    if not (Path(text).is_file() or text.lower().endswith((".fits", ".fits.gz"))):
        return text
    return generation_of_frame(read_exposure(text))


@contextmanager
def _input(table: str) -> Iterator[Path]:
    """Give the table's file; standard input is kept in one, since some formats are read twice."""
    import shutil

    from cte_lake.lake.scratch import scratch_folder

    if table != "-":
        yield Path(table)
        return
    with scratch_folder() as folder:
        path = Path(folder) / "standard_input"
        with path.open("wb") as stream:
            shutil.copyfileobj(sys.stdin.buffer, stream)
        try:
            yield path
        except (CatalogError, UsageError) as error:
            raise type(error)(str(error).replace(str(path), "standard input")) from None


@contextmanager
def _output(
    source: Path, output: str | None, to: str | None, piped: bool
) -> Iterator[tuple[Path, str | None]]:
    """Give the file to write and its format; what goes to standard output is written to one first."""
    import shutil

    from cte_lake.correction.table_files import written_like
    from cte_lake.correction.table_formats import WRITABLE, default_output, named_format
    from cte_lake.lake.scratch import scratch_folder

    kind = None if to is None else named_format(to)
    if kind is not None and kind not in WRITABLE:
        raise UsageError(f"--to {to} cannot be written; it is one of {', '.join(WRITABLE)}")
    if output is None and piped:
        raise UsageError("a table from standard input needs -o FILE, or -o - for standard output")
    if output != "-":
        yield Path(output) if output is not None else default_output(source), kind
        return
    if kind is None:
        kind = written_like(source)
    with scratch_folder() as folder:
        path = Path(folder) / "standard_output"
        yield path, kind
        with path.open("rb") as stream:
            shutil.copyfileobj(stream, sys.stdout.buffer)


def _assignments(option: str, texts: list[str] | None) -> dict[str, str]:
    wanted = "ROLE=UNIT, such as flux=electron" if option == "--unit" else "ROLE=NAME, such as flux=flux_r03"
    pairs = {}
    for text in texts or ():
        key, equals, value = text.partition("=")
        if not (equals and key and value):
            raise UsageError(f"{option} {text!r} must be {wanted}")
        pairs[key.strip().lower()] = value.strip()
    return pairs


def _radii(text: str | None) -> tuple[float, ...]:
    """Return the radii of a text such as 3 or 3,5,10; none where there is none."""
    try:
        radii = tuple(float(word) for word in (text or "").replace(",", " ").split())
    except ValueError:
        radii = ()
    if text is not None and not radii:
        raise UsageError(f"--radius {text!r} is not a radius in pixels; give 3, or several as 3,5,10")
    return radii


def _print_summary(done: CorrectedFile, entries: list[CoefficientSet]) -> None:
    for entry in entries:
        origin = entry.provenance.get("source", "")
        say(f"coefficients: {entry.name}{f' ({origin})' if origin else ''}")
    for note in done.notes:
        say(f"file: {note}")
    for role, reading in done.readings.items():
        say(f"{role}: {reading}")
    say(f"{done.corrected:,} of {done.rows:,} rows corrected")
    for name, count in done.flags.items():
        say(f"  {count:>10,}  {name}")


def _as_dict(done: CorrectedFile) -> dict[str, Any]:
    return {
        "path": str(done.path),
        "columns": done.columns,
        "read_as": done.readings,
        "notes": done.notes,
        "rows": done.rows,
        "corrected": done.corrected,
        "flags": dict(done.flags),
    }
