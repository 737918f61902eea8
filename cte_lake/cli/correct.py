"""The command ``correct``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cte_lake.cli.app import RESULTS, app
from cte_lake.cli.coeffs import lake_or_none
from cte_lake.cli.options import JsonOption, LakeOption, ProgressOption
from cte_lake.errors import UsageError

if TYPE_CHECKING:
    from cte_lake.correction.correct_files import CorrectedFile

_COLUMNS, _CONSTANTS = "Columns", "Where a column is missing: one value for all rows"
CoefficientsOption = Annotated[
    str,
    typer.Option(
        "--coefficients", "-c", metavar="SET", help="Coefficient set: a file, or a name in the lake."
    ),
]


@app.command(rich_help_panel=RESULTS)
def correct(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="ECSV, FITS, VOTable, Parquet or CSV.")],
    coefficients: CoefficientsOption,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="File written, of any of these formats; default: TABLE_cte.EXT."),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            "--column",
            metavar="ROLE=NAME",
            help="Which column is the flux, mag, y, chip, mjd, background, distance, radius, filetype or "
            "exptime; repeatable. Others are found by UCD and common names.",
            rich_help_panel=_COLUMNS,
        ),
    ] = None,
    mjd: Annotated[
        str | None, typer.Option("--mjd", help="Date: MJD or 2024-02-01.", rich_help_panel=_CONSTANTS)
    ] = None,
    chip: Annotated[
        int | None,
        typer.Option("--chip", min=1, max=2, help="1 (UVIS1) or 2 (UVIS2).", rich_help_panel=_CONSTANTS),
    ] = None,
    background: Annotated[
        float | None,
        typer.Option(
            "--background",
            help="Electrons per pixel at readout: sky, dark and post-flash.",
            rich_help_panel=_CONSTANTS,
        ),
    ] = None,
    radius: Annotated[
        float | None,
        typer.Option("--radius", help="Aperture radius of the fluxes, px.", rich_help_panel=_CONSTANTS),
    ] = None,
    filetype: Annotated[
        str | None,
        typer.Option("--filetype", help="flt or flc: what was measured.", rich_help_panel=_CONSTANTS),
    ] = None,
    exptime: Annotated[
        float | None,
        typer.Option("--exptime", help="Seconds, for fluxes per second.", rich_help_panel=_CONSTANTS),
    ] = None,
    zero_point: Annotated[
        float | None,
        typer.Option(
            "--zero-point", help="Magnitude of one electron, for magnitudes.", rich_help_panel=_CONSTANTS
        ),
    ] = None,
    y_origin: Annotated[
        int,
        typer.Option(
            "--y-origin",
            min=0,
            max=1,
            help="Number of the first row: 0, or 1 for positions of FITS, IRAF, DAOPHOT, SExtractor.",
            rich_help_panel=_COLUMNS,
        ),
    ] = 0,
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite the output file.")] = False,
    lake: LakeOption = None,
    as_json: JsonOption = False,
    progress: ProgressOption = True,
) -> None:
    """Correct a table of photometry for CTE losses; works offline, on files larger than memory too.

    Adds cte_loss (fraction), cte_dmag and cte_dmag_err (magnitudes, to be subtracted), corrected_flux and
    corrected_mag where there is a flux or a magnitude, and cte_flag, whose bits say what is doubtful: flux,
    date or background outside the fitted range, another radius or file type, no positive flux. Prints the
    written file on standard output, and what was taken for what and flagged on standard error.

    [bold]Examples[/bold]

      cte-lake correct stars.ecsv -c ngc104_F502N_l_pf0_flt_r3_mjd57601 --radius 3 --filetype flt

      cte-lake correct big.parquet -c coeffs.toml --column flux=flux_r03 --mjd 2016-08-01 --chip 2
    """
    from cte_lake.cli.dates import parse_date
    from cte_lake.cli.progress import progress_bar
    from cte_lake.correction.coefficient_files import find_coefficients
    from cte_lake.correction.correct_files import correct_file, default_output
    from cte_lake.model.correct_table import TableConstants

    if filetype is not None and filetype.lower() not in {"flt", "flc"}:
        raise UsageError(f"--filetype {filetype!r} is not known; it is flt or flc")
    constants = TableConstants(
        mjd=None if mjd is None else parse_date(mjd),
        chip=chip,
        background=background,
        radius=radius,
        filetype=filetype,
        zero_point=zero_point,
        exptime=exptime,
        y_origin=y_origin,
    )
    chosen = _assignments("--column", column)
    entry = find_coefficients(coefficients, lake_or_none(lake))
    target = output or default_output(table)
    with progress_bar("correct", progress) as report:
        done = correct_file(table, target, entry, constants, chosen, replace, progress=report)
    _tell(done)
    typer.echo(json.dumps(_as_dict(done), indent=2) if as_json else str(done.path))


def _assignments(option: str, texts: list[str] | None) -> dict[str, str]:
    pairs = {}
    for text in texts or ():
        key, equals, value = text.partition("=")
        if not (equals and key and value):
            raise UsageError(f"{option} {text!r} must be ROLE=NAME, such as flux=flux_r03")
        pairs[key.strip().lower()] = value.strip()
    return pairs


def _tell(done: CorrectedFile) -> None:
    if done.columns is not None:
        typer.echo(f"columns: {done.columns.told()}", err=True)
    typer.echo(f"{done.corrected:,} of {done.rows:,} rows corrected", err=True)
    for name, count in done.flags.items():
        typer.echo(f"  {count:>10,}  {name}", err=True)


def _as_dict(done: CorrectedFile) -> dict[str, Any]:
    columns = {} if done.columns is None else {k: v for k, v in vars(done.columns).items() if v}
    return {
        "path": str(done.path),
        "columns": columns,
        "rows": done.rows,
        "corrected": done.corrected,
        "flags": dict(done.flags),
    }
