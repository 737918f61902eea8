"""The command ``export``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cte_lake.cli.app import RESULTS, app
from cte_lake.cli.options import (
    LakeOption,
    ModeOption,
    RadiusOption,
    RowsOptions,
    SetOption,
    settings_of,
)
from cte_lake.cli.output import ROWS_FILE, FormatOption, print_table

if TYPE_CHECKING:
    import pyarrow as pa


@app.command(rich_help_panel=RESULTS)
def export(
    view: Annotated[str, typer.Argument(metavar="VIEW", help="View; `cte-lake views` lists them.")],
    to: Annotated[Path | None, typer.Option("--to", "-o", help=ROWS_FILE)] = None,
    format_: FormatOption = None,
    where: Annotated[
        str | None,
        typer.Option(
            "--where", metavar="CONDITION", help="Only rows of this SQL condition: 'mjd > 57000 AND n > 20'."
        ),
    ] = None,
    radius: RadiusOption = None,
    *,
    exposures: RowsOptions,
    lake: LakeOption = None,
    mode: ModeOption = None,
    assignments: SetOption = None,
) -> None:
    """Write the rows of a view to a file, with the units, UCDs and descriptions of their columns.

    VOTable (.vot), FITS, ECSV and Parquet hold them all, for TOPCAT, astropy and the Virtual Observatory; CSV
    and JSON hold the numbers. What `cte-lake sql` can ask beyond a view's rows goes to the same formats by
    its -o.

    [bold]Examples[/bold]

      cte-lake export losses --to losses.vot --target ngc104 --flash 0

      cte-lake export phot --to stars.parquet --where 'flux_r03 > 500'
    """
    from cte_lake.api import open_lake
    from cte_lake.lake.stored import find_lake

    root = find_lake(lake)
    settings = settings_of(root, assignments, measure__aperture=radius)
    selection = exposures.selection()
    with open_lake(root, mode, settings=settings) as opened:
        rows = opened.view(view, selection, where).arrow()
        asked = " AND ".join(part for part in (str(opened.select(selection)), where) if part)
    print_table(_described(rows, view, asked), format_, to)


def _described(rows: pa.Table, view: str, asked: str) -> pa.Table:
    """Return rows with a word on what they are."""
    from cte_lake import __version__
    from cte_lake.views import sql_objects
    from cte_lake.views.columns import ABOUT

    grain = next(each.grain for each in sql_objects() if each.name == view)
    about = {"view": view, "one_row_is": grain, "selection": asked or "all", "software": __version__}
    return rows.replace_schema_metadata({ABOUT: json.dumps(about)})
