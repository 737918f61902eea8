"""The command ``views``: list the views, or write them as a database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cte_lake.cli.app import RESULTS, app, say
from cte_lake.cli.options import LakeOption, ModeOption, SetOption, lake_or_none, option, settings_of
from cte_lake.cli.output import refuse_replacing
from cte_lake.cli.rows import RowsOutput
from cte_lake.cli.scripts import listed_columns, listed_views
from cte_lake.errors import UsageError


@app.command(rich_help_panel=RESULTS)
def views(
    lake: LakeOption = None,
    to: Annotated[
        Path | None, option("--to", "Write a DuckDB database with the views, for other tools.")
    ] = None,
    keep_pairs: Annotated[
        bool, option("--keep-pairs", "With --to: store the current pairs as rows, for DuckDB 1.2 and 1.3.")
    ] = False,
    copy_rows: Annotated[
        bool,
        option(
            "--copy-rows",
            "With --to: copy the lake's rows into the database, which then opens no other file.",
        ),
    ] = False,
    columns: Annotated[
        str | None, option("--columns", "List the columns of one view.", metavar="VIEW")
    ] = None,
    *,
    printed: RowsOutput,
    mode: ModeOption = None,
    assignments: SetOption = None,
) -> None:
    """List the views, or write them as a DuckDB database that works from any folder."""
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
        say(f"wrote {to}: it {source}")
        if not copy_rows:
            may = "whoever queries it can write wherever their account may, also into the lake"
            say(f"{may}; for queries of others write it with --copy-rows")
        oldest = (
            "every view runs in DuckDB 1.2 and later, with the pairs of now; write it anew as the lake grows"
            if keep_pairs
            else "every view runs in DuckDB 1.4 and later; for 1.2 and 1.3 write it with --keep-pairs"
        )
        say(oldest)
        left_out = ", ".join(sorted(IN_PROCESS))
        say(f"left out, because it runs in cte-lake alone: {left_out}")
        return
    if columns is not None:
        printed.table(listed_columns(columns, settings_of(lake_or_none(lake), assignments).config))
    else:
        printed.table(listed_views())
