"""The command ``views``: list the views, or write them as a database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cte_lake.cli.app import RESULTS, app
from cte_lake.cli.options import LakeOption, ModeOption, SetOption, lake_or_none, settings_of
from cte_lake.cli.output import refuse_replacing
from cte_lake.cli.rows import RowsOutput
from cte_lake.errors import UsageError


@app.command(rich_help_panel=RESULTS)
def views(
    lake: LakeOption = None,
    to: Annotated[
        Path | None, typer.Option("--to", help="Write a DuckDB database with the views, for other tools.")
    ] = None,
    keep_pairs: Annotated[
        bool,
        typer.Option(
            "--keep-pairs", help="With --to: store the current pairs as rows, for DuckDB 1.2 and 1.3."
        ),
    ] = False,
    copy_rows: Annotated[
        bool,
        typer.Option(
            "--copy-rows",
            help="With --to: copy the lake's rows into the database, which then opens no other file.",
        ),
    ] = False,
    columns: Annotated[
        str | None, typer.Option("--columns", metavar="VIEW", help="List the columns of one view.")
    ] = None,
    *,
    printed: RowsOutput,
    mode: ModeOption = None,
    assignments: SetOption = None,
) -> None:
    """List the views, or write them as a DuckDB database that works from any folder."""
    import pyarrow as pa

    from cte_lake.views import published_views, sql_objects
    from cte_lake.views.phot_columns import columns_in

    if (keep_pairs or copy_rows) and to is None:
        raise UsageError("--keep-pairs and --copy-rows go with --to FILE")
    if to is not None:
        refuse_replacing(to)
        from cte_lake.lake.stored import find_lake
        from cte_lake.views.database import write_database
        from cte_lake.views.functions import IN_PROCESS

        root = find_lake(lake)
        write_database(root, to.absolute(), mode, settings_of(root, assignments), keep_pairs, copy_rows)
        source = "holds the rows that there are now" if copy_rows else f"reads the lake at {root}"
        typer.echo(f"wrote {to}: it {source}", err=True)
        if not copy_rows:
            may = "whoever queries it can write wherever their account may, also into the lake"
            typer.echo(f"{may}; for queries of others write it with --copy-rows", err=True)
        oldest = (
            "every view runs in DuckDB 1.2 and later, with the pairs of now; write it anew as the lake grows"
            if keep_pairs
            else "every view runs in DuckDB 1.4 and later; for 1.2 and 1.3 write it with --keep-pairs"
        )
        typer.echo(oldest, err=True)
        left_out = ", ".join(sorted(IN_PROCESS))
        typer.echo(f"left out, because it runs in cte-lake alone: {left_out}", err=True)
        return
    if columns is not None:
        config = settings_of(lake_or_none(lake), assignments).config
        rows = [
            {"column": c.name, "unit": c.unit, "description": c.description}
            for c in columns_in(columns, config)
        ]
    else:
        grains = {each.name: each.grain for each in sql_objects()}
        rows = [{"view": name, "one row is": grains[name].split(". ")[0]} for name in published_views()]
    printed.table(pa.Table.from_pylist(rows))
