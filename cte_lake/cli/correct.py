"""The commands ``correct`` and ``predict``."""

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
    from cte_lake.stages.correct_files import CorrectedFile

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
    from cte_lake.model.correct_table import TableConstants
    from cte_lake.stages.coefficient_files import find_coefficients
    from cte_lake.stages.correct_files import correct_file, default_output

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


@app.command(rich_help_panel=RESULTS)
def predict(
    coefficients: CoefficientsOption,
    date: Annotated[
        list[str], typer.Option("--date", help="MJD or 2027-06-01; repeatable, for now and then.")
    ],
    flux: Annotated[
        list[float],
        typer.Option("--flux", help="Electrons in the set's aperture before readout; repeatable."),
    ],
    background: Annotated[
        list[float] | None,
        typer.Option(
            "--background", help="Electrons per pixel at readout: sky, dark and post-flash; repeatable."
        ),
    ] = None,
    distance: Annotated[
        float, typer.Option("--distance", help="Rows to the amplifiers; default: the farthest star.")
    ] = 2050.0,
    below: Annotated[
        float | None,
        typer.Option(
            "--below", help="Also the least background that keeps the loss under this fraction, such as 0.1."
        ),
    ] = None,
    lake: LakeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Predict the loss of stars in a visit that is being planned, and the post-flash that limits it.

    With --below the coefficient set must depend on the background (`cte-lake fit --background 1`); the
    post-flash to ask for is the background found less the sky and dark of the planned exposure.

    [bold]Example[/bold]

      cte-lake predict -c ngc104_F502N_l_background_flt_r3_mjd57601 --date 2016-08-01 --date 2017-08-01
      --flux 500 --background 3 --background 12 --below 0.1
    """
    from cte_lake.cli.dates import parse_date
    from cte_lake.cli.rows import print_rows
    from cte_lake.model.predict import background_for, doubts, predict_many
    from cte_lake.stages.coefficient_files import find_coefficients

    entry = find_coefficients(coefficients, lake_or_none(lake))
    dates = [parse_date(text) for text in date]
    if entry.has_background and not background and below is None:
        raise UsageError(f"coefficient set {entry.name!r} depends on the background; give --background E/PX")
    rows: list[dict[str, Any]] = []
    levels = background or ([] if entry.has_background else [float("nan")])
    for result in predict_many(entry, dates, flux, levels, distance):
        rows.append(
            {
                "mjd": result.mjd,
                "flux": result.flux,
                "background": result.background,
                "loss": result.loss,
                "dmag": result.dmag,
                "dmag_err": result.dmag_err,
                "extrapolated": " ".join(doubts(result)),
            }
        )
    if below is not None:
        for mjd in dates:
            for star in flux:
                level = background_for(entry, mjd, star, below, distance)
                rows.append(
                    {
                        "mjd": mjd,
                        "flux": star,
                        "background": float("nan") if level is None else level,
                        "loss": below,
                        "dmag": float("nan"),
                        "dmag_err": float("nan"),
                        "extrapolated": "no background of the fitted range does it"
                        if level is None
                        else "wanted",
                    }
                )
    print_rows(rows, as_json)
