"""The command ``export``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cte_lake.cli.app import RESULTS, app
from cte_lake.cli.options import LakeOptions, RadiusOption, RowsOptions, option
from cte_lake.cli.output import ALLOWED, ROWS_FILE, FormatOption
from cte_lake.cli.rows import Take, print_parts, together
from cte_lake.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from cte_lake.api import Lake
    from cte_lake.lake.selection import Selection


@app.command(rich_help_panel=RESULTS)
def export(
    view: Annotated[str, typer.Argument(metavar="VIEW", help="View; `cte-lake views` lists them.")],
    to: Annotated[Path | None, typer.Option("--to", "-o", help=ROWS_FILE)] = None,
    format_: FormatOption = None,
    where: Annotated[
        str | None,
        option("--where", "Only rows of this SQL condition: 'mjd > 57000 AND n > 20'.", metavar="CONDITION"),
    ] = None,
    iceberg: Annotated[
        Path | None,
        option(
            "--iceberg",
            "Make a table of an Iceberg catalog in FOLDER; phot is not copied, its files are added.",
            metavar="FOLDER",
        ),
    ] = None,
    radius: RadiusOption = None,
    *,
    exposures: RowsOptions,
    asked: LakeOptions,
) -> None:
    """Write the rows of a view to a file, with the units, UCDs and descriptions of their columns.

    VOTable (.vot), FITS, ECSV and Parquet hold them all, for TOPCAT, astropy and the Virtual Observatory; CSV
    and JSON hold the numbers. Parquet and CSV are written part by part, whatever their size. What `cte-lake
    sql` can ask beyond a view's rows goes to the same formats by its -o.

    [bold]Examples[/bold]

      cte-lake export losses --to losses.vot --target ngc104 --flash 0

      cte-lake export phot --to stars.parquet --where 'flux_r03 > 500'
    """
    selection = exposures.selection()
    if iceberg is not None:
        if to is not None or format_ is not None:
            raise UsageError("--iceberg makes a table in its folder; leave out --to and --format")
        with asked.opened(measure__aperture=radius) as opened:
            _to_iceberg(opened, view, selection, where, iceberg)
        typer.echo(str(iceberg))
        return
    with asked.opened(measure__aperture=radius) as opened:
        condition = " AND ".join(part for part in (str(opened.select(selection)), where) if part)

        def ask(take: Take) -> None:
            described = lambda parts: take(_described(part, view, condition) for part in parts)  # noqa: E731
            opened.each_part(described, view, selection, where, ordered=True)

        print_parts(ask, format_, to)


def _to_iceberg(lake: Lake, view: str, selection: Selection, where: str | None, folder: Path) -> None:
    """Write a view's rows as a table of a local Iceberg catalog; add the files of photometry as they are."""
    from cte_lake.views.iceberg import add_files, write_rows
    from cte_lake.views.plain_types import plain_table

    if view != "phot":
        parts: list[pa.Table] = []
        lake.each_part(parts.extend, view, selection, where, ordered=True)
        write_rows(folder, view, plain_table(together(parts)), ALLOWED.overwrite)
        return
    if where is not None:
        raise UsageError("--iceberg adds whole files of phot, and --where would take some of their rows")
    root = str(lake.stored)
    if "://" in root:
        raise UsageError(f"--iceberg adds files of a lake on this machine's disk, and {root} is in a bucket")
    rows = lake.view("exposures", selection).rows()
    files = [Path(root) / name for name in sorted({row["phot_file"] for row in rows})]
    add_files(folder, view, files, sum(row["n_stars"] for row in rows), ALLOWED.overwrite)


def _described(rows: pa.Table, view: str, asked: str) -> pa.Table:
    """Return rows with a word on what they are."""
    from cte_lake import __version__
    from cte_lake.views import sql_objects
    from cte_lake.views.columns import ABOUT

    grain = next(each.grain for each in sql_objects() if each.name == view)
    about = {"view": view, "one_row_is": grain, "selection": asked or "all", "software": __version__}
    return rows.replace_schema_metadata({ABOUT: json.dumps(about)})
